--TEST--
A callback that suspends its fiber holds up nobody else
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$zk->create("$path/b", 'x');
for ($i = 0; $i < 100; $i++) {
    $log = [];
    $fiber = new Fiber(function () use ($zk, $path, &$log) {
        $zk->get($path, function () use (&$log) {
            $log[] = 'suspends';
            Fiber::suspend();
            $log[] = 'resumed';
        });
        $zk->set($path, 'x');
        until(function () use (&$log) { return in_array('resumed', $log); });
        $log[] = 'fiber ends';
    });
    $fiber->start();
    if (!$fiber->isSuspended()) {
        echo "not suspended\n";
    }
    // Meanwhile, others are told.
    $zk->get("$path/b", function () use (&$log) { $log[] = 'other'; });
    $zk->set("$path/b", 'x');
    until(function () use (&$log) { return in_array('other', $log); });
    $fiber->resume();
    $logs[implode(', ', $log)] = true;
}
echo implode("\n", array_keys($logs)), "\n";
// A fiber that is never resumed is destroyed with its callback.
$fiber = new Fiber(function () use ($zk, $path) {
    $zk->get($path, function () { try { Fiber::suspend(); } finally { echo "finally\n"; } });
    $zk->set($path, 'x');
    until(function () { return false; }, 1);
});
$fiber->start();
unset($fiber);
gc_collect_cycles();
$told = false;
$zk->get($path, function () use (&$told) { $told = true; });
$zk->set($path, 'x');
until(function () use (&$told) { return $told; });
var_dump($told);
?>
--EXPECT--
suspends, other, resumed, fiber ends
finally
bool(true)
