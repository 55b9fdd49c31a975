--TEST--
A ZookeeperConfig outlives the client that made it, and is freed cleanly
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
for ($i = 0; $i < 50; $i++) {
    $text = (new Zookeeper(server()))->getConfig()->get(null, $stat);
    $config = (new Zookeeper(server()))->getConfig();
    unset($config);
    (new ReflectionClass('ZookeeperConfig'))->isCloneable();
}
var_dump(is_string($text) || $text === null, count($stat));
try {
    (new ZookeeperConfig)->get();
} catch (ZookeeperConnectionException $e) {
    echo $e->getCode(), ' ', $e->getMessage(), "\n";
}
// Closed, it says so.
$zk = new Zookeeper(server());
$config = $zk->getConfig();
$zk->close();
try {
    $config->get();
} catch (ZookeeperConnectionException $e) {
    echo $e->getCode(), ' ', $e->getMessage(), "\n";
}
?>
--EXPECT--
bool(true)
int(11)
5998 Zookeeper->connect() was not called
5998 Zookeeper->connect() was not called
