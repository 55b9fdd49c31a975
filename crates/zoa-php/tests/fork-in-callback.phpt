--TEST--
A callback that forks goes on in the child, whose own callbacks are called as ever
--EXTENSIONS--
zookeeper
pcntl
posix
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new ZookeeperClient(server());
$path = own($zk);
foreach (['wait' => function () use (&$forked) { $forked || zookeeper_wait(5); }, 'interrupt' => function () use (&$forked) { until(function () use (&$forked) { return $forked; }); }] as $how => $get_told) {
    for ($i = 0; $i < 20; $i++) {
        $forked = false;
        $pid = null;
        $zk->get($path, function () use (&$pid, &$forked, &$is_inside, &$told, $zk, $path) {
            $pid = pcntl_fork();
            $forked = true;
            if ($pid !== 0) {
                return;
            }
            pcntl_alarm(20);
            [$is_inside, $told] = [true, []];
            $zk->get($path, function () use (&$is_inside, &$told) { $told[] = $is_inside ? 'inside' : 'behind'; });
            $zk->set($path, 'child');
            usleep(1000);
            $is_inside = false;
        });
        $zk->set($path, 'x');
        $get_told();
        if ($pid === 0) {
            until(function () use (&$told) { return $told !== []; });
            $zk->exists($path, function () use (&$told) { $told[] = 'again'; });
            $zk->set($path, 'child');
            until(function () use (&$told) { return count($told) === 2; });
            posix_kill(getmypid(), $told === ['behind', 'again'] ? SIGUSR1 : SIGUSR2);
        }
        pcntl_waitpid($pid, $status);
        if (!pcntl_wifsignaled($status) || pcntl_wtermsig($status) !== SIGUSR1) {
            echo "$how: the child ended with $status\n";
        }
    }
}
echo "done\n";
?>
--EXPECT--
done
