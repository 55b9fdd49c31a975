--TEST--
A client that is destroyed in another's callback: its queued event is told to nobody
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
for ($i = 0; $i < 100; $i++) {
    $a = new Zookeeper(server());
    $b = new Zookeeper(server());
    $told = [];
    $a->get($path, function () use (&$told, &$b) { $told[] = 'a'; $b = null; });
    $b->get("$path/b", function () use (&$told) { $told[] = 'b'; });
    // Both events come while no PHP code runs that could be interrupted.
    $multi = (new ZookeeperMulti)->set($path, "$i")->set("$path/b", "$i");
    (function () use ($multi) {
        $client = new ZookeeperClient(server());
        $client->multi($multi);
    })();
    until(function () use (&$told) { return in_array('a', $told); });
    for ($turn = 0; $turn < 5; $turn++) {
        usleep(100);
    }
    $outcomes[implode(' ', $told)] = true;
}
// b's own event may come first; never after b is gone.
unset($outcomes['a'], $outcomes['b a']);
var_dump($outcomes);
?>
--EXPECT--
array(0) {
}
