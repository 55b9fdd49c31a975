--TEST--
connect() twice, cycles, subclasses without a parent constructor, many objects
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
[$first] = (function () use ($zk) { $zk->exists('/'); return $zk->getClientId(); })();
$zk->create("$path/e", null, null, Zookeeper::EPHEMERAL);
$zk->connect(server());
$zk->exists('/');
// The first session was closed, and its ephemeral with it.
var_dump($zk->getClientId()[0] !== $first, $zk->exists("$path/e"));

for ($i = 0; $i < 100; $i++) {
    $cycle = new stdClass;
    $cycle->zk = new Zookeeper(server(), function () use ($cycle) {});
    $cycle->zk->get($path, function () use ($cycle) {});
    $cycle->zk->close();
    unset($cycle);
    gc_collect_cycles();
}

class NoParent extends Zookeeper { function __construct() {} }
$object = new NoParent;
foreach (['get' => ['/'], 'close' => [], 'getState' => [], 'getClientId' => [], 'setWatcher' => ['strlen'], 'getConfig' => []] as $method => $args) {
    try {
        $object->$method(...$args);
    } catch (ZookeeperConnectionException $e) {
        echo $method, ' ', $e->getCode(), "\n";
    }
}
$object->connect(server());
var_dump($object->get($path));
?>
--EXPECT--
bool(true)
bool(false)
get 5998
close 5998
getState 5998
getClientId 5998
setWatcher 5998
getConfig 5998
string(3) "own"
