--TEST--
setWatcher() without a watcher in the constructor, then session events; replacing a constructor's watcher
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
for ($i = 0; $i < 20; $i++) {
    $zk = new ZookeeperClient(server());
    $events = [];
    $zk->setWatcher(function ($type, $state, $path) use (&$events) { $events[] = "$type $state '$path'"; });
    $zk->exists('/');
    // Another host, and back: the connection is lost and made again.
    $zk->setHosts('127.0.0.1:1');
    $zk->setHosts(server());
    until(function () use (&$events) { return count($events) >= 2; });
    $zk->exists('/');
    until(function () use (&$events) { return end($events) === "-1 3 ''"; });
}
echo implode(', ', array_unique(array_slice($events, -2))), "\n";

$first = $second = 0;
$zk = new ZookeeperClient(server(), function () use (&$first) { $first++; });
$zk->exists('/');
until(function () use (&$first) { return $first === 1; });
$zk->setWatcher(function () use (&$second) { $second++; });
$zk->setHosts('127.0.0.1:1');
$zk->setHosts(server());
until(function () use (&$second) { return $second >= 2; });
var_dump($first);
?>
--EXPECT--
-1 1 '', -1 3 ''
int(1)
