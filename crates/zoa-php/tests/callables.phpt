--TEST--
Every kind of callable is called, with (type, state, path)
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$calls = 0;

function plain($type, $state, $path) { told('function', func_get_args()); }
function told($who, $args) {
    global $calls, $path;
    $calls++;
    $right = $args === [Zookeeper::CHANGED_EVENT, Zookeeper::CONNECTED_STATE, $path];
    echo $who, $right ? "\n" : ': wrong arguments ' . json_encode($args) . "\n";
}
class Targets {
    static function fixed(...$args) { told('static method', $args); }
    function method(...$args) { told('method', $args); }
    private function hidden(...$args) { told('private method', $args); }
    function giveHidden($zk, $path) { $zk->get($path, [$this, 'hidden']); }
    function __invoke(...$args) { told('__invoke', $args); }
    function __call($name, $args) { told("__call $name", $args); }
    static function __callStatic($name, $args) { told("__callStatic $name", $args); }
}
class Heir extends Targets {
    function giveParent($zk, $path) { $zk->get($path, parent::method(...)); }
}
$targets = new Targets;
$kinds = [
    'plain',
    'Targets::fixed',
    ['Targets', 'fixed'],
    [$targets, 'method'],
    [$targets, 'unknown'],
    ['Targets', 'unknown'],
    $targets,
    function (...$args) { told('closure', $args); },
    fn(...$args) => told('arrow function', $args),
    static function (...$args) { told('static closure', $args); },
    plain(...),
    $targets->method(...),
    Targets::fixed(...),
    Closure::fromCallable([$targets, 'method']),
];
foreach ($kinds as $callable) {
    $before = $calls;
    $zk->get($path, $callable);
    $zk->set($path, 'x');
    until(function () use (&$calls, &$before) { return $calls > $before; });
}
foreach ([fn() => $targets->giveHidden($zk, $path), fn() => (new Heir)->giveParent($zk, $path)] as $give) {
    $before = $calls;
    $give();
    $zk->set($path, 'x');
    until(function () use (&$calls, &$before) { return $calls > $before; });
}
// Temporary ones, which nobody but the watch holds.
$before = $calls;
$zk->get($path, function (...$args) { told('temporary closure', $args); });
$zk->get($path, [new Targets, 'method']);
gc_collect_cycles();
$zk->set($path, 'x');
until(function () use (&$calls, &$before) { return $calls >= $before + 2; });
?>
--EXPECT--
function
static method
static method
method
__call unknown
__callStatic unknown
__invoke
closure
arrow function
static closure
function
method
static method
method
private method
method
temporary closure
method
