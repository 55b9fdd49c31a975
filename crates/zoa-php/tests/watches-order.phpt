--TEST--
Callbacks of several watches are called in the order in which it happened, also within one batch
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
$told = [];
foreach (['a', 'b', 'c'] as $name) {
    $writer->create("$path/$name", '');
    $zk->addWatch("$path/$name", function () use (&$told, $name) { $told[] = $name; });
}
mt_srand(7);
for ($i = 0; $i < 100; $i++) {
    $told = $expected = [];
    $multi = new ZookeeperMulti;
    for ($j = 0; $j < 8; $j++) {
        $expected[] = $name = ['a', 'b', 'c'][mt_rand(0, 2)];
        $multi->set("$path/$name", "$j");
    }
    $writer->multi($multi);
    until(function () use (&$told) { return count($told) >= 8; });
    if ($told !== $expected) {
        echo implode($told), ' instead of ', implode($expected), "\n";
    }
}
// One-shot watches between them.
for ($i = 0; $i < 100; $i++) {
    $told = [];
    $once = function ($type, $state, $where) use (&$told) { $told[] = 'once ' . substr($where, -1); };
    $zk->get("$path/b", $once);
    $writer->multi((new ZookeeperMulti)->set("$path/a", '')->set("$path/b", '')->set("$path/c", '')->set("$path/a", ''));
    until(function () use (&$told) { return count($told) >= 5; });
    if (str_replace('once b,b', 'b,once b', implode(',', $told)) !== 'a,b,once b,c,a') {
        echo implode(',', $told), "\n";
    }
}
echo "done\n";
?>
--EXPECT--
done
