--TEST--
unset, null and close() of a client in its own callback; missing nodes with a callback
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$writer = new Zookeeper(server());
$path = own($writer);
$told = 0;
for ($i = 0; $i < 200; $i++) {
    $zk = new Zookeeper(server());
    $cb = match ($i % 3) {
        0 => function () use (&$zk, &$told) { unset($GLOBALS['zk'], $zk); $told++; },
        1 => function () use (&$zk, &$told) { $zk = null; $told++; },
        2 => function () use (&$zk, &$told) { $zk->close(); $told++; },
    };
    $zk->get($path, $cb);
    unset($cb);
    try {
        $zk->get("$path/missing", function () { echo "told of a watch that was not set\n"; });
    } catch (ZookeeperNoNodeException $e) {
    }
    try {
        $zk->getChildren("$path/missing", function () { echo "told of a watch that was not set\n"; });
    } catch (ZookeeperNoNodeException $e) {
    }
    $writer->set($path, "$i");
    until(function () use (&$told, &$i) { return $told === $i + 1; });
    $zk = null;
}
var_dump($told);

class Rearms {
    public $told = 0;
    function __construct(public $zk, public $path) { $zk->get($path, [$this, 'watch']); }
    function watch() { $this->told++; $this->zk->get($this->path, [$this, 'watch']); }
}
$rearms = new Rearms($writer, $path);
$other = new Zookeeper(server());
for ($i = 1; $i <= 200; $i++) {
    $other->set($path, "$i");
    until(function () use (&$rearms, &$i) { return $rearms->told >= $i; });
}
var_dump($rearms->told);
$writer->close();
?>
--EXPECT--
int(200)
int(200)
