--TEST--
More events than are kept while a callback runs: those in front are told in order, the gap is told, and so is what comes after it
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new ZookeeperClient(server());
$writer = new ZookeeperClient(server());
$path = own($writer);
$writer->create("$path/a", '');
$writer->create("$path/b", '');
$told = [];
$zk->addWatch("$path/a", function ($type) use (&$told) { $told[] = $type; });
$zk->exists("$path/b", function () use ($writer, $zk, $path) {
    // None is told while this runs.
    for ($i = 0; $i < 30; $i++) {
        $multi = new ZookeeperMulti;
        for ($j = 0; $j < 200; $j++) {
            $multi->set("$path/a", '');
        }
        $writer->multi($multi);
    }
    $zk->sync();
});
$writer->set("$path/b", '');
until(function () use (&$told) { return in_array(Zookeeper::NOTWATCHING_EVENT, $told, true); });
$kept = array_search(Zookeeper::NOTWATCHING_EVENT, $told, true);
var_dump($kept > 100 && $kept < 6000, array_slice($told, 0, $kept) === array_fill(0, $kept, Zookeeper::CHANGED_EVENT));
$told = [];
$writer->set("$path/a", '');
until(function () use (&$told) { return $told !== []; });
var_dump($told === [Zookeeper::CHANGED_EVENT]);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
