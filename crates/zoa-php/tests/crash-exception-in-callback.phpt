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
    $end = microtime(true) + 10;
    $sent = false;
    while (count($told) < 3 && microtime(true) < $end) {
        try {
            if (!$sent) {
                $sent = true;
                $writer->multi($multi);
            }
            usleep(100);
        } catch (RuntimeException $e) {
            $caught[] = $e->getMessage();
        }
    }
    if ($told !== [$path, "$path/b", "$path/c"] || $caught !== $told) {
        echo "told ", json_encode($told), " caught ", json_encode($caught), "\n";
    }
    $sum += count($caught);
}
var_dump($sum);
?>
--EXPECT--
int(600)
