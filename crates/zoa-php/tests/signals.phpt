--TEST--
Signals are taken by PHP's thread only, and a wait ends early for their handlers
--EXTENSIONS--
zookeeper
pcntl
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; if (!is_dir('/proc/self/task')) { die('skip there is no /proc'); } ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$zk->exists('/');
$threads = 0;
foreach (glob('/proc/self/task/*') as $task) {
    if (trim(file_get_contents("$task/comm")) !== 'zoa-client') {
        continue;
    }
    $threads++;
    preg_match('/^SigBlk:\s+([0-9a-f]+)$/m', file_get_contents("$task/status"), $match);
    // All but SIGKILL, SIGSTOP and the two that the C library keeps for itself.
    foreach ([SIGINT, SIGTERM, SIGALRM, SIGPROF, SIGUSR1, SIGCHLD] as $signal) {
        if (!(hexdec(substr($match[1], -8)) >> ($signal - 1) & 1)) {
            echo "$task takes signal $signal\n";
        }
    }
}
var_dump($threads >= 1);
pcntl_async_signals(true);
$handled = 0;
pcntl_signal(SIGALRM, function () use (&$handled) { $handled++; });
pcntl_alarm(1);
$start = microtime(true);
var_dump(zookeeper_wait(10));
$took = microtime(true) - $start;
var_dump($handled, $took > 0.5 && $took < 5);
?>
--EXPECT--
bool(true)
int(0)
int(1)
bool(true)
