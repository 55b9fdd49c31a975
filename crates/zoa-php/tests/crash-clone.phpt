--TEST--
The objects cannot be cloned or serialised
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
class Heir extends Zookeeper {}
foreach ([$zk, new Heir(server()), $zk->getConfig(), new ZookeeperMulti] as $object) {
    foreach ([fn() => clone $object, fn() => serialize($object)] as $try) {
        try {
            $try();
        } catch (Throwable $e) {
            echo get_class($e), ': ', $e->getMessage(), "\n";
        }
    }
}
var_dump((new ReflectionClass('ZookeeperConfig'))->isCloneable(), (new ReflectionClass('Zookeeper'))->isCloneable());
?>
--EXPECT--
Error: Trying to clone an uncloneable object of class Zookeeper
Exception: Serialization of 'Zookeeper' is not allowed
Error: Trying to clone an uncloneable object of class Heir
Exception: Serialization of 'Heir' is not allowed
Error: Trying to clone an uncloneable object of class ZookeeperConfig
Exception: Serialization of 'ZookeeperConfig' is not allowed
Error: Trying to clone an uncloneable object of class ZookeeperMulti
Exception: Serialization of 'ZookeeperMulti' is not allowed
bool(false)
bool(false)
