--TEST--
After a fork the child has a session of its own, and the parent's is untouched
--EXTENSIONS--
zookeeper
pcntl
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$zk->create("$path/parent", null, null, Zookeeper::EPHEMERAL);
$told = 0;
$zk->get($path, function () use (&$told) { $told++; });
for ($i = 0; $i < 20; $i++) {
    [$id] = $zk->getClientId();
    $pid = pcntl_fork();
    if ($pid === 0) {
        // Called on the inherited object; a hang would be ended by the alarm.
        pcntl_alarm(10);
        $value = $zk->get($path);
        [$own] = $zk->getClientId();
        $heard = 0;
        $zk->get($path, function () use (&$heard) { $heard++; });
        $zk->set("$path", "child $i");
        until(function () use (&$heard) { return $heard === 1; });
        exit($value !== null && $own !== $id && $heard === 1 ? 0 : 1);
    }
    pcntl_waitpid($pid, $status);
    if (!pcntl_wifexited($status) || pcntl_wexitstatus($status) !== 0) {
        echo "child ended with $status\n";
    }
    until(function () use (&$told, &$i) { return $told === $i + 1; });
    $zk->get($path, function () use (&$told) { $told++; });
    if ($zk->getClientId()[0] !== $id || !$zk->exists("$path/parent")) {
        echo "the parent's session was touched\n";
    }
}
// A child that ends without a call.
if (($pid = pcntl_fork()) === 0) {
    exit(3);
}
pcntl_waitpid($pid, $status);
var_dump(pcntl_wexitstatus($status), $zk->exists("$path/parent") !== false, $told);
?>
--EXPECT--
int(3)
bool(true)
int(20)
