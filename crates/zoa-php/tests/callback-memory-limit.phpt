--TEST--
A memory limit reached in a callback: shutdown functions run, and callbacks in them
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; if (getenv('USE_ZEND_ALLOC') === '0') { die('skip without the engine\'s allocator there is no limit'); } ?>
--INI--
memory_limit=8M
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
register_shutdown_function(function () use ($zk, $path) {
    $told = false;
    $zk->get($path, function () use (&$told) { $told = true; });
    $zk->set($path, 'y');
    until(function () use (&$told) { return $told; });
    echo $told ? "told in shutdown\n" : "not told\n";
});
$zk->get($path, function () { str_repeat('x', 100 << 20); });
$zk->set($path, 'x');
until(function () { return false; }, 5);
?>
--EXPECTF--
Fatal error: Allowed memory size of %d bytes exhausted%s(tried to allocate %d bytes) in %s on line %d
told in shutdown
