--TEST--
A log stream that is closed again; nothing is written to stderr
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
Zookeeper::setDebugLevel(Zookeeper::LOG_LEVEL_DEBUG);
$zk = new Zookeeper;
$file = fopen('php://temp', 'w+');
var_dump($zk->setLogStream($file));
fclose($file);
$zk->connect(server());
var_dump($zk->exists('/') !== false);
$down = new Zookeeper('127.0.0.1:1');
try {
    $down->exists('/');
} catch (ZookeeperConnectionException $e) {
    echo $e->getCode(), ' ', $e->getMessage(), "\n";
}
Zookeeper::setDebugLevel(Zookeeper::LOG_LEVEL_WARN);
?>
--EXPECT--
bool(true)
bool(true)
-4 connection loss
