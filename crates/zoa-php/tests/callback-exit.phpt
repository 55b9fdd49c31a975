--TEST--
exit() in a callback keeps its code; shutdown functions run, and are told of what is queued
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$php = getenv('TEST_PHP_EXECUTABLE') . ' ' . implode(' ', php_args());
$code = <<<'CODE'
require getenv('ZOA_INC');
$zk = new Zookeeper(server());
$path = own($zk);
$zk->create("$path/b", 'x');
register_shutdown_function(function () { echo "shutdown\n"; usleep(1000); });
$zk->get($path, function () { echo "exits\n"; exit(7); });
$zk->get("$path/b", function () { echo "second\n"; });
(new ZookeeperClient(server()))->multi((new ZookeeperMulti)->set($path, 'x')->set("$path/b", 'x'));
until(function () { return false; }, 5);
CODE;
putenv('ZOA_INC=' . __DIR__ . '/server.inc');
exec($php . ' -r ' . escapeshellarg($code) . ' 2>&1', $lines, $exit);
// The second event comes before or in the shutdown function.
sort($lines);
echo implode("\n", $lines), "\n$exit\n";
?>
--EXPECT--
exits
second
shutdown
7
