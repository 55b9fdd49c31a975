<?php
// The article's two scripts, as they are, against whatever serves 127.0.0.1:2181: php article.php FOLDER
//
// FOLDER holds zookeeperdemo1.php and worker.php. The scripts are started as a user would start them; what they print, and when,
// is compared with what the original extension prints. Exit code 0 means that all held.

const SESSION_TIMEOUT = 10.0;
const TICK = 2.0;
const NAP = 2.0;

$folder = $argv[1] ?? exit("usage: php article.php FOLDER\n");
$failures = 0;

/** A script that runs, and what it printed with the times. */
class Script
{
    public string $output = '';
    /** [seconds since its start, line] */
    public array $lines = [];
    public float $start;
    private $process;
    private $pipe;

    public function __construct(string $file, private string $name)
    {
        // SIGINT must be as in a terminal: one that a shell ignores is not inherited.
        $code = 'import os,signal,sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])';
        $arguments = array_filter(explode(' ', (string) getenv('ZOA_TEST_ARGS')), 'strlen');
        $command = ['python3', '-c', $code, PHP_BINARY, ...$arguments, $file];
        $this->start = microtime(true);
        $this->process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
        $this->pipe = $pipes[1];
        stream_set_blocking($this->pipe, false);
    }

    public function read(): void
    {
        while (($bytes = (string) fread($this->pipe, 8192)) !== '') {
            $this->output .= $bytes;
            $at = microtime(true) - $this->start;
            foreach (preg_split('/(?<=\n)/', $bytes, -1, PREG_SPLIT_NO_EMPTY) as $line) {
                $this->lines[] = [$at, $line];
                printf("%7.3f %s %s\n", microtime(true) - $GLOBALS['begin'], $this->name, rtrim($line));
            }
        }
    }

    public function has(string $line): bool
    {
        return in_array($line, array_map('rtrim', array_column($this->lines, 1)), true);
    }

    public function signal(int $signal): void
    {
        proc_terminate($this->process, $signal);
    }

    public function status(): array
    {
        return proc_get_status($this->process);
    }

    public function __destruct()
    {
        proc_terminate($this->process, SIGKILL);
        proc_close($this->process);
    }
}

/** Reads from all scripts until the condition holds; gives how long it took, or null. */
function until(array $scripts, callable $holds, float $seconds): ?float
{
    $start = microtime(true);
    do {
        foreach ($scripts as $script) {
            $script->read();
        }
        if ($holds()) {
            return microtime(true) - $start;
        }
        usleep(5000);
    } while (microtime(true) - $start < $seconds);
    return null;
}

function check(bool $holds, string $what): void
{
    global $failures;
    $failures += $holds ? 0 : 1;
    echo $holds ? 'ok      ' : 'NOT OK  ', $what, "\n";
}

function demo(Zookeeper $zk, string $folder): void
{
    if (!$zk->exists('/test')) {
        $zk->create('/test', '1');
    }
    $script = new Script("$folder/zookeeperdemo1.php", 'demo');
    until([$script], fn() => substr_count($script->output, '.') >= 2, 10);
    for ($i = 1; $i <= 3; $i++) {
        $zk->set('/test', "foo$i");
        $took = until([$script], fn() => substr_count($script->output, "Insider Watcher\n") === $i, NAP + 1);
        check($took !== null && $took <= NAP + 0.3, "set number $i is told before the next dot, after " . round($took ?? -1, 3) . ' s');
        until([$script], fn() => str_ends_with($script->output, '.'), NAP + 1);
    }
    check((bool) preg_match('/^\.+(Insider Watcher\n\.+){3}$/', $script->output), 'dots without a line end, the message behind them');
    $zk->delete('/test');
    until([$script], fn() => !$script->status()['running'], NAP + 2);
    $script->read();
    $message = 'Uncaught ZookeeperNoNodeException: no node in ';
    check(str_contains($script->output, $message), 'deleting /test ends it with an uncaught ZookeeperNoNodeException');
}

/** Starts three workers; gives them and their numbers. */
function workers(Zookeeper $zk, string $folder): array
{
    // What an earlier run left expires by itself.
    $end = microtime(true) + SESSION_TIMEOUT + 3 * TICK;
    while ($zk->exists('/cluster') && $zk->getChildren('/cluster') !== [] && microtime(true) < $end) {
        usleep(50000);
    }
    $workers = $names = [];
    for ($i = 1; $i <= 3; $i++) {
        $worker = new Script("$folder/worker.php", "w$i");
        $workers[] = $worker;
        until($workers, fn() => preg_match("/^I'm registred as: (w-\d{10})$/m", $worker->output), 10);
        preg_match("/^I'm registred as: (w-\d{10})$/m", $worker->output, $match);
        $names[] = $match[1] ?? 'none';
        until($workers, fn() => preg_match('/^(Leading|Working)$/m', $worker->output), 10);
    }
    check($workers[0]->has("Nobody here, I'm the leader") && $workers[0]->has('Leading'), 'the first worker leads');
    check($workers[1]->has("I'm watching $names[0]") && $workers[1]->has('Working'), 'the second watches the first');
    check($workers[2]->has("I'm watching $names[1]") && $workers[2]->has('Working'), 'the third watches the second');
    return [$workers, $names];
}

function leader_dies(Zookeeper $zk, string $folder, int $signal, string $how): void
{
    [$workers] = workers($zk, $folder);
    until($workers, fn() => false, 3);
    $workers[0]->signal($signal);
    $limit = SESSION_TIMEOUT + TICK + NAP;
    $took = until($workers, fn() => $workers[1]->has("I'm the new leader!"), $limit + 5);
    check($took !== null && $took <= $limit, "$how: the second takes over after " . round($took ?? -1, 3) . " s, within $limit s");
    until($workers, fn() => false, 3);
    check($workers[1]->has('Leading'), "$how: it leads");
    check(!preg_match('/new leader|Now I/', $workers[2]->output), "$how: the third is not woken");
}

function middle_dies(Zookeeper $zk, string $folder): void
{
    [$workers, $names] = workers($zk, $folder);
    $workers[1]->signal(SIGKILL);
    $limit = SESSION_TIMEOUT + TICK + NAP;
    $took = until($workers, fn() => $workers[2]->has("Now I'm watching $names[0]"), $limit + 5);
    check($took !== null && $took <= $limit, 'the middle one dies: the third watches the first after ' . round($took ?? -1, 3) . ' s');
    check(!preg_match('/new leader/', $workers[0]->output . $workers[2]->output), 'the middle one dies: the first goes on leading');
}

$begin = microtime(true);
$zk = new Zookeeper('127.0.0.1:2181');
for ($tries = 0; ; $tries++) {
    try {
        $zk->exists('/');
        break;
    } catch (ZookeeperException $e) {
        // The server may still be starting.
        if ($tries > 300) {
            throw $e;
        }
        usleep(100000);
    }
}
demo($zk, $folder);
leader_dies($zk, $folder, SIGINT, 'Ctrl-C on the leader');
leader_dies($zk, $folder, SIGKILL, 'the leader is killed');
middle_dies($zk, $folder);
echo $failures === 0 ? "all held\n" : "$failures did not hold\n";
exit($failures === 0 ? 0 : 1);
