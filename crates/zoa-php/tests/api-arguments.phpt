--TEST--
Arguments are read by PHP's own rules, and refused in its own words
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server(), null, '10000');
$path = own($zk);
$tries = [
    fn() => $zk->create('/a'),
    fn() => $zk->create('/a', []),
    fn() => $zk->create([], ''),
    fn() => $zk->create('/a', '', 'acl'),
    fn() => $zk->create('/a', '', null, 'flags'),
    fn() => $zk->get('/', 'no_such_function'),
    fn() => $zk->get('/', []),
    fn() => $zk->get('/', ['Zookeeper', 'nope']),
    fn() => $zk->get(),
    fn() => $zk->get('/', null, $s, 0, 1),
    fn() => $zk->getState(1),
    fn() => $zk->setAcl('/', -1, null),
    fn() => $zk->delete('/', 'x'),
    fn() => $zk->addAuth('digest', 'a:b', null),
    fn() => $zk->setWatcher(null),
    fn() => new Zookeeper(new stdClass),
    fn() => Zookeeper::setDebugLevel('x'),
    fn() => Zookeeper::dispatch(1),
    fn() => zookeeper_dispatch(1),
    fn() => (new ZookeeperConfig)->add(),
];
foreach ($tries as $try) {
    try {
        $try();
        echo "accepted\n";
    } catch (Throwable $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
// Weak mode coerces as for every internal function.
var_dump($zk->set($path, 15), $zk->set($path, 1.5), $zk->set($path, true, '-1'), $zk->get($path), $zk->getRecvTimeout());
// NUL and what is no UTF-8 are errors, not another path.
foreach (["/a\0zzz", "/a\xff", 'relative', '', '/a/', '/a//b', '/a/../b'] as $bad) {
    try {
        $zk->create($bad, '');
    } catch (ZookeeperException $e) {
        echo $e->getCode(), ' ';
    }
}
echo "\n";
foreach ([4 => false, 5 => true, 99 => true, -1 => true] as $flags => $isRefused) {
    if ($isRefused) {
        try { $zk->create("$path/f", '', null, $flags); } catch (ZookeeperException $e) { echo $e->getCode(), ' '; }
    }
}
try { $zk->delete($path, 1 << 40); } catch (ZookeeperException $e) { echo $e->getCode(), "\n"; }
try { new Zookeeper(server(), null, 0); } catch (ZookeeperException $e) { echo $e->getCode(), ' ', $e->getMessage(), "\n"; }
try { new Zookeeper('a:b:c:d'); } catch (ZookeeperConnectionException $e) { echo $e->getCode(), "\n"; }
?>
--EXPECTF--
ArgumentCountError: Zookeeper::create() expects at least 2 arguments, 1 given
TypeError: Zookeeper::create(): Argument #2 ($value) must be of type ?string, array given
TypeError: Zookeeper::create(): Argument #1 ($path) must be of type string, array given
TypeError: Zookeeper::create(): Argument #3 ($acl) must be of type ?array, string given
TypeError: Zookeeper::create(): Argument #4 ($flags) must be of type int, string given
TypeError: Zookeeper::get(): Argument #2 ($watcher_cb) must be a valid callback or null, function "no_such_function" not found or invalid function name
TypeError: Zookeeper::get(): Argument #2 ($watcher_cb) must be a valid callback or null, array callback must have exactly two members
TypeError: Zookeeper::get(): Argument #2 ($watcher_cb) must be a valid callback or null, class Zookeeper does not have a method "nope"
ArgumentCountError: Zookeeper::get() expects at least 1 argument, 0 given
ArgumentCountError: Zookeeper::get() expects at most 4 arguments, 5 given
ArgumentCountError: Zookeeper::getState() expects exactly 0 arguments, 1 given
TypeError: Zookeeper::setAcl(): Argument #3 ($acl) must be of type array, null given
TypeError: Zookeeper::delete(): Argument #2 ($version) must be of type int, string given
TypeError: Zookeeper::addAuth(): Argument #3 ($completion_cb) must be a valid callback, no array or string given
TypeError: Zookeeper::setWatcher(): Argument #1 ($watcher_cb) must be a valid callback, no array or string given
TypeError: Zookeeper::__construct(): Argument #1 ($host) must be of type string, stdClass given
TypeError: Zookeeper::setDebugLevel(): Argument #1 ($level) must be of type int, string given
ArgumentCountError: Zookeeper::dispatch() expects exactly 0 arguments, 1 given
ArgumentCountError: zookeeper_dispatch() expects exactly 0 arguments, 1 given
ArgumentCountError: ZookeeperConfig::add() expects at least 1 argument, 0 given
bool(true)
bool(true)
bool(true)
string(1) "1"
int(10000)
-8 -8 -8 -8 -8 -8 -8 
-8 -8 -8 -8

Warning: Zookeeper::__construct(): recv_timeout parameter has to be greater than zero in %s on line %d
-8 bad arguments
5999
