--TEST--
An exception in a callback surfaces at the interrupted line, and no later event is lost
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$writer = new ZookeeperClient(server());
$path = own($writer);
$writer->create("$path/b", 'x');
$writer->create("$path/c", 'x');
function interrupted() {
    for ($end = microtime(true) + 10; microtime(true) < $end;) {
        usleep(100);
    }
}
$sum = 0;
for ($i = 0; $i < 200; $i++) {
    $told = $caught = [];
    foreach ([$path, "$path/b", "$path/c"] as $watched) {
        $zk->get($watched, function ($type, $state, $path) use (&$told) {
            $told[] = $path;
            throw new RuntimeException($path);
        });
    }
    $multi = (new ZookeeperMulti)->set($path, "$i")->set("$path/b", "$i")->set("$path/c", "$i");
    // The next exception may surface as soon as the last one was caught, so there is a place for each, and
    // nothing is called before it is kept.
    try {
        try {
            try {
                $writer->multi($multi);
                interrupted();
            } catch (RuntimeException $e) {
                $caught[] = $e;
                interrupted();
            }
        } catch (RuntimeException $e) {
            $caught[] = $e;
            interrupted();
        }
    } catch (RuntimeException $e) {
        $caught[] = $e;
    }
    $caught = array_map(fn($e) => $e->getMessage(), $caught);
    if ($told !== [$path, "$path/b", "$path/c"] || $caught !== $told) {
        echo "told ", json_encode($told), " caught ", json_encode($caught), "\n";
    }
    $sum += count($caught);
}
var_dump($sum);
?>
--EXPECT--
int(600)
