--TEST--
Expiry is told to the watcher and as ZookeeperSessionException; connect() makes the object usable again
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$events = [];
$zk = new Zookeeper(server(), function ($type, $state, $path) use (&$events) { $events[] = "$type $state '$path'"; });
$path = own($zk);
$zk->get($path, function () { echo "a node watcher was told\n"; });
until(function () use (&$events) { return count($events) === 1; });
expire($zk);
until(function () use (&$events) { return end($events) === "-1 -112 ''"; });
echo $events[0], ', ', $events[1], ', ', end($events), "\n";
var_dump($zk->getState() === Zookeeper::EXPIRED_SESSION_STATE, $zk->isRecoverable());
foreach ([fn() => $zk->get($path), fn() => $zk->set($path, 'x'), fn() => $zk->exists($path, 'strlen'), fn() => $zk->addAuth('digest', 'a:b')] as $try) {
    try {
        $try();
    } catch (ZookeeperSessionException $e) {
        echo $e->getCode(), ' ', $e->getMessage(), "\n";
    }
}
$zk->connect(server());
var_dump($zk->get($path));
?>
--EXPECT--
-1 3 '', -1 1 '', -1 -112 ''
bool(true)
bool(false)
-112 session expired
-112 session expired
-112 session expired
-112 session expired
string(3) "own"
