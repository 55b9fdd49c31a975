--TEST--
close() in a callback while another event of the same client is in flight
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$writer = new Zookeeper(server());
$path = own($writer);
$writer->create("$path/b", 'x');
for ($i = 0; $i < 200; $i++) {
    $zk = new Zookeeper(server());
    $told = 0;
    $cb = function () use (&$told, $zk) {
        $told++;
        $zk->close();
    };
    $zk->get($path, $cb);
    $zk->get("$path/b", $cb);
    $writer->set($path, "$i");
    $writer->set("$path/b", "$i");
    until(function () use (&$told) { return $told > 0; });
    // The second one was for a client that is closed.
    for ($turn = 0; $turn < 3; $turn++) {
        usleep(100);
    }
    if ($told !== 1) {
        echo "told $told times\n";
    }
    try {
        $zk->get($path);
    } catch (ZookeeperConnectionException $e) {
        $code = $e->getCode();
    }
    unset($zk, $cb);
}
var_dump($code);
?>
--EXPECT--
int(5998)
