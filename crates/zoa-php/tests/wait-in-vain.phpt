--TEST--
wait() throws where it would wait in vain: in a callback, and for ever when nothing can come
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
function told(callable $body) {
    try {
        var_dump($body());
    } catch (ZookeeperException $e) {
        echo $e->getCode(), ' ', $e->getMessage(), "\n";
    }
}
told(fn() => zookeeper_wait());
$zk = new Zookeeper(server());
told(fn() => ZookeeperClient::wait());
$path = own($zk);
$zk->get($path, function () use ($zk, $path) {
    $zk->exists($path, function () { echo "the next one\n"; });
    $zk->set($path, 'again');
    // Without a limit it would never end, and with one it would spin until then.
    told(fn() => zookeeper_wait());
    told(fn() => zookeeper_wait(5));
});
$zk->set($path, 'once');
zookeeper_wait(5);
zookeeper_wait(1);
// What is not told does not end a wait: here, that watches end with their session.
for ($i = 0; $i < 5; $i++) {
    $ending = new Zookeeper(server());
    foreach (['get', 'exists', 'getChildren'] as $watch) {
        $ending->$watch($path, function () {});
    }
    expire($ending);
    $start = microtime(true);
    if (zookeeper_wait(0.3) !== 0 || microtime(true) - $start < 0.29) {
        echo "waited for ", microtime(true) - $start, " s only\n";
    }
}
// A watch that is set is worth waiting for; when its session has ended it is not.
$zk->get($path, function () {});
expire($zk);
$start = microtime(true);
told(function () { while (true) zookeeper_wait(); });
echo microtime(true) - $start < 30 ? "in time\n" : "late\n";
?>
--EXPECT--
-117 wait() without a limit: there is no watch or watcher that could be told of anything
-117 wait() without a limit: there is no watch or watcher that could be told of anything
-9 wait() in a callback: the next callback is called when this one has returned
-9 wait() in a callback: the next callback is called when this one has returned
the next one
-117 wait() without a limit: there is no watch or watcher that could be told of anything
in time
