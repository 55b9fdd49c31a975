--TEST--
20000 watches of one callable on one path take no memory, and tell once
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$told = 0;
$cb = function () use (&$told) { $told++; };
function resident(): int { preg_match('/VmRSS:\s+(\d+)/', file_get_contents('/proc/self/status'), $m); return (int) $m[1]; }
for ($i = 0; $i < 2000; $i++) {
    $zk->exists($path, $cb);
}
[$used, $resident] = [memory_get_usage(), resident()];
for ($i = 0; $i < 20000; $i++) {
    $zk->exists($path, $cb);
}
var_dump(memory_get_usage() - $used < 1000);
$grown = resident() - $resident;
// Valgrind remembers what was freed.
echo $grown < 1024 || getenv('USE_ZEND_ALLOC') === '0' ? "steady\n" : "grown by $grown KiB\n";
$zk->set($path, 'x');
until(function () use (&$told) { return $told > 0; });
usleep(20000);
usleep(100);
var_dump($told);
// It was armed once more while it fired: nothing is lost.
$zk->exists($path, $cb);
$zk->set($path, 'y');
until(function () use (&$told) { return $told === 2; });
var_dump($told);
?>
--EXPECT--
bool(true)
steady
int(1)
int(2)
