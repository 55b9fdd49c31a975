--TEST--
A closure that captures itself by reference and arms itself again takes 200 events
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$count = 0;
$cb = function () use (&$cb, &$count, $zk, $path) {
    $count++;
    $zk->get($path, $cb);
};
$zk->get($path, $cb);
for ($i = 1; $i <= 200; $i++) {
    $zk->set($path, "$i");
    until(function () use (&$count, &$i) { return $count >= $i; });
}
var_dump($count);
$zk->close();
?>
--EXPECT--
int(200)
