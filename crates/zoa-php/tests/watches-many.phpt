--TEST--
To watch many paths is no slower for the last than for the first; a callable is let go when its watches have fired
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$callable = function () {};
$took = [];
for ($batch = 0; $batch < 24; $batch++) {
    $start = hrtime(true);
    for ($i = 0; $i < 500; $i++) {
        $zk->exists("$path/$batch-$i", $callable);
    }
    $took[] = hrtime(true) - $start;
}
// The best of a few, since the machine may be busy.
$ratio = min(array_slice($took, -8)) / min(array_slice($took, 0, 8));
echo $ratio < 3 ? "even\n" : "$ratio times slower\n";

// Asked for again before it fired: told once, and let go.
$calls = 0;
$callable = function () use (&$calls) { $calls++; };
$zk->get($path, $callable);
$zk->get($path, $callable);
$kept = WeakReference::create($callable);
unset($callable);
$zk->set($path, '1');
until(function () use (&$calls) { return $calls === 1; });
var_dump($kept->get());

// Asked for again when it has fired and is not told yet: told of both.
$calls = 0;
class Slow { public $zk, $path, $calls = 0; function __invoke() { $this->calls++; } }
$slow = new Slow;
$held = function () use ($zk, $path, $slow) {
    // While this callback runs, none is called.
    $zk->get("$path", $slow);
    $zk->set("$path", '2');
    $zk->get("$path", $slow);
    $zk->set("$path", '3');
    $zk->get("$path", $slow);
};
$zk->get($path, $held);
$zk->set($path, 'go');
until(fn() => $slow->calls === 2);
$zk->set($path, '4');
until(fn() => $slow->calls === 3);
$kept = WeakReference::create($slow);
unset($slow, $held);
var_dump($kept->get());
?>
--EXPECT--
even
NULL
NULL
