--TEST--
An uncaught exception in a callback ends the script with 255
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
class Demo extends Zookeeper {
    function watcher($type, $state, $path) { $this->get($path, [$this, 'watcher']); }
}
$zk = new Demo(server());
$path = own($zk);
$zk->create("$path/x", '1');
$zk->get("$path/x", [$zk, 'watcher']);
$zk->delete("$path/x");
until(function () { return false; }, 5);
?>
--EXPECTF--
Fatal error: Uncaught ZookeeperNoNodeException: no node in %scallback-uncaught.php:4
Stack trace:
#0 %scallback-uncaught.php(4): Zookeeper->get('/phpt-%s', Array)
#1 %s: Demo->watcher(2, 3, '/phpt-%s')
#2 {main}
  thrown in %scallback-uncaught.php on line 4
