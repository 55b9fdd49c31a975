<?php
// Random sequences of everything the extension offers: php fuzz.php HOST:PORT SEQUENCES [SEED]
//
// Valid and invalid arguments; callbacks that call back into the object, close it, throw, exit, clone, unset, fork, suspend
// fibers. Each sequence follows from seed and number alone, up to what the server and the clock add. A child process runs them; the
// parent sees crashes and hangs, and says how to run that sequence again: php fuzz.php HOST:PORT 1 SEED+NUMBER.

const PATIENCE = 120;
const EXITS = 42;

$server = $argv[1];
$count = (int) ($argv[2] ?? 100000);
$seed = (int) ($argv[3] ?? 1);

if (($argv[4] ?? '') === 'child') {
    run_child($server, $seed, $count);
}
exit(run_parent($server, $seed, $count));

function run_parent(string $server, int $seed, int $count): int
{
    $arguments = array_filter(explode(' ', (string) getenv('ZOA_TEST_ARGS')), 'strlen');
    $next = $seed;
    $begin = microtime(true);
    $restarts = 0;
    // Streams for logs may be opened by any name.
    $folder = sys_get_temp_dir() . '/zoa-fuzz-' . getmypid();
    mkdir($folder);
    register_shutdown_function(function () use ($folder) {
        array_map('unlink', glob("$folder/*"));
        rmdir($folder);
    });
    while ($next < $seed + $count) {
        $command = [PHP_BINARY, ...$arguments, __FILE__, $server, (string) ($seed + $count - $next), (string) $next, 'child'];
        $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes, $folder);
        stream_set_blocking($pipes[2], false);
        $heard = microtime(true);
        $errors = '';
        while (!feof($pipes[1])) {
            $readable = [$pipes[1]];
            $none = [];
            if (stream_select($readable, $none, $none, 1) && ($line = fgets($pipes[1])) !== false) {
                $heard = microtime(true);
                if (preg_match('/^at (\d+)$/', $line, $match)) {
                    $next = (int) $match[1] + 1;
                }
            }
            $errors = substr($errors . stream_get_contents($pipes[2]), -4000);
            if (microtime(true) - $heard > PATIENCE) {
                echo "HANG in sequence $next\n";
                proc_terminate($process, SIGABRT);
                return 1;
            }
        }
        $errors = substr($errors . stream_get_contents($pipes[2]), -4000);
        do {
            $status = proc_get_status($process);
            usleep(1000);
        } while ($status['running']);
        proc_close($process);
        // A fatal error of the script's own: a memory limit, an exception that nobody can catch any more.
        $fatal = $status['exitcode'] === 255 && str_contains($errors, 'Fatal error') && !str_contains($errors, 'internal error');
        if ($status['signaled'] || (!$fatal && !in_array($status['exitcode'], [0, EXITS], true))) {
            echo "CRASH in sequence $next: ", json_encode($status), "\n$errors\n";
            return 1;
        }
        $restarts++;
    }
    printf("%d sequences, %d processes, %.0f s: no crash, no hang\n", $count, $restarts, microtime(true) - $begin);
    return 0;
}

function run_child(string $server, int $seed, int $count): never
{
    ini_set('memory_limit', '512M');
    // Only what ends the process, so that the parent can tell a limit from a crash.
    error_reporting(E_ERROR);
    ini_set('display_errors', 'stderr');
    $pid = getmypid();
    register_shutdown_function(function () use ($pid) {
        if (getmypid() === $pid) {
            echo 'at ', $GLOBALS['number'] ?? 0, "\n";
        }
    });
    set_exception_handler(function () { exit(EXITS); });
    try {
        (new Zookeeper($server))->create('/fuzz', '');
    } catch (ZookeeperException $e) {
        // It is there already.
    }
    $world = new World($server);
    for ($number = $seed; $number < $seed + $count; $number++) {
        $GLOBALS['number'] = $number;
        mt_srand($number);
        try {
            $world->sequence();
        } catch (Throwable $e) {
            // A callback's exception that surfaced between two steps.
        }
        echo "at $number\n";
    }
    exit(0);
}

class World
{
    /** @var Zookeeper[] */
    public array $clients = [];
    public array $callables = [];
    public array $fibers = [];
    private int $depth = 0;

    public function __construct(public string $server)
    {
    }

    public function __call($name, $arguments)
    {
        $this->react();
    }

    public static function __callStatic($name, $arguments)
    {
        if (mt_rand(0, 3) === 0) {
            throw new RuntimeException('static');
        }
    }

    public function __invoke(...$arguments)
    {
        $this->react();
    }

    public function sequence(): void
    {
        $steps = mt_rand(1, 12);
        for ($i = 0; $i < $steps; $i++) {
            try {
                $this->step();
            } catch (Throwable $e) {
                if (mt_rand(0, 20) === 0) {
                    $this->callables[] = $e;
                }
            }
        }
        while (count($this->clients) > 3) {
            array_shift($this->clients);
        }
        while (count($this->callables) > 10) {
            array_shift($this->callables);
        }
        while (count($this->fibers) > 3) {
            array_shift($this->fibers);
        }
    }

    private function client(): Zookeeper
    {
        if ($this->clients === [] || mt_rand(0, 60) === 0) {
            $class = mt_rand(0, 1) ? 'Zookeeper' : 'ZookeeperClient';
            $host = match (mt_rand(0, 100)) {
                0 => '',
                1 => '127.0.0.1:1',
                2 => 'a:b:c',
                3 => "{$this->server}/missing",
                4 => "127.0.0.1:1,{$this->server}",
                default => $this->server,
            };
            $client = mt_rand(0, 2) ? new $class($host, null, 4000) : new $class($host, $this->callback(), 4000);
            $this->clients[] = $client;
            return $client;
        }
        return $this->clients[array_rand($this->clients)];
    }

    private function path(): mixed
    {
        return match (mt_rand(0, 16)) {
            0 => "/fuzz/\0",
            1 => 'relative',
            2 => [],
            3 => null,
            4 => '',
            5 => 17,
            6 => '/zookeeper',
            7 => '/',
            8 => '/fuzz/' . str_repeat('x', mt_rand(1, 5000)),
            9 => new stdClass,
            default => '/fuzz/' . mt_rand(0, 5),
        };
    }

    private function value(): mixed
    {
        return match (mt_rand(0, 8)) {
            0 => null,
            1 => '',
            2 => str_repeat("\xff", mt_rand(1, 20000)),
            3 => 1.5,
            4 => true,
            5 => [],
            6 => str_repeat('x', 1 << 20),
            default => (string) mt_rand(),
        };
    }

    private function acl(): mixed
    {
        return match (mt_rand(0, 5)) {
            0 => [],
            1 => [['perms' => 31]],
            2 => 'acl',
            3 => [['perms' => '31', 'scheme' => 'world', 'id' => 'anyone'], [], 5],
            4 => null,
            default => [['perms' => 31, 'scheme' => 'world', 'id' => 'anyone']],
        };
    }

    private function number(): mixed
    {
        return match (mt_rand(0, 6)) {
            0 => PHP_INT_MAX,
            1 => PHP_INT_MIN,
            2 => '3',
            3 => 1.9,
            4 => 'x',
            default => mt_rand(-2, 8),
        };
    }

    private function callback(): mixed
    {
        $zk = $this->clients ? $this->clients[array_rand($this->clients)] : null;
        $self = null;
        $callable = match (mt_rand(0, 12)) {
            0 => 'strlen',
            1 => [$this, 'anything'],
            2 => ['World', 'anything'],
            3 => 'World::anything',
            4 => $this,
            5 => function () use (&$self, $zk) {
                $zk?->get('/fuzz/' . mt_rand(0, 5), $self);
                $this->react();
            },
            6 => $this->react(...),
            7 => 'no such function',
            8 => null,
            9 => [],
            10 => $this->callables ? $this->callables[array_rand($this->callables)] : null,
            default => function () { $this->react(); },
        };
        $self = $callable instanceof Closure ? $callable : function () { $this->react(); };
        if ($callable !== null && mt_rand(0, 3) === 0) {
            $this->callables[] = $callable;
        }
        return $callable;
    }

    /** What a callback does. */
    public function react(): void
    {
        if ($this->depth > 3) {
            return;
        }
        $this->depth++;
        try {
            switch (mt_rand(0, 40)) {
                case 0:
                    throw new RuntimeException('thrown in a callback');
                case 1:
                    $this->clients = [];
                    break;
                case 2:
                    array_pop($this->clients)?->close();
                    break;
                case 3:
                    if (mt_rand(0, 200) === 0) {
                        exit(EXITS);
                    }
                    break;
                case 4:
                    clone $this->client();
                    break;
                case 5:
                    $this->split();
                    break;
                case 6:
                    if (Fiber::getCurrent()) {
                        Fiber::suspend();
                    }
                    break;
                case 7:
                    gc_collect_cycles();
                    break;
                case 8:
                    $this->callables = [];
                    break;
                case 9:
                    zookeeper_dispatch();
                    zookeeper_wait(0.001);
                    break;
                default:
                    $this->step();
            }
        } finally {
            $this->depth--;
        }
    }

    private function split(): void
    {
        if (mt_rand(0, 10) !== 0) {
            return;
        }
        $pid = pcntl_fork();
        if ($pid === 0) {
            pcntl_alarm(PATIENCE);
            try {
                $this->step();
                $this->step();
            } catch (Throwable $e) {
            }
            if (mt_rand(0, 1)) {
                pcntl_exec('/bin/true');
            }
            exit(0);
        }
        pcntl_waitpid($pid, $status);
        if (pcntl_wifsignaled($status)) {
            fwrite(STDERR, 'a forked child ended by signal ' . pcntl_wtermsig($status) . "\n");
            exit(1);
        }
    }

    private function step(): void
    {
        $zk = $this->client();
        $stat = mt_rand(0, 1) ? null : 'before';
        switch (mt_rand(0, 46)) {
            case 0: case 1: case 2: $zk->get($this->path(), $this->callback(), $stat, $this->number()); break;
            case 3: case 4: $zk->get('/fuzz/' . mt_rand(0, 5), $this->callback()); break;
            case 5: case 6: case 7: $zk->set('/fuzz/' . mt_rand(0, 5), (string) mt_rand()); break;
            case 8: $zk->set($this->path(), $this->value(), $this->number(), $stat); break;
            case 9: case 10: $zk->create('/fuzz/' . mt_rand(0, 5), 'x'); break;
            case 11: $zk->create($this->path(), $this->value(), $this->acl(), $this->number()); break;
            case 12: case 13: $zk->delete('/fuzz/' . mt_rand(0, 5)); break;
            case 14: $zk->delete($this->path(), $this->number()); break;
            case 15: case 16: $zk->exists($this->path(), $this->callback()); break;
            case 17: case 18: $zk->getChildren($this->path(), $this->callback()); break;
            case 19: $zk->getAcl($this->path()); break;
            case 20: $zk->setAcl($this->path(), $this->number(), $this->acl()); break;
            case 21: $zk->getClientId(); $zk->getState(); $zk->getRecvTimeout(); $zk->isRecoverable(); break;
            case 22: $zk->setWatcher($this->callback()); break;
            case 23: $zk->addAuth('digest', 'a:b', $this->callback()); break;
            case 24: mt_rand(0, 20) ? null : $zk->addAuth('nosuch', (string) $this->value()); break;
            case 25: $zk->setLogStream(mt_rand(0, 1) ? fopen('php://memory', 'w') : $this->value()); break;
            case 26: mt_rand(0, 10) ? null : $zk->connect($this->server, $this->callback(), $this->number()); break;
            case 27: mt_rand(0, 10) ? null : $zk->close(); break;
            case 28: $config = $zk->getConfig(); $config->get($this->callback(), $stat); break;
            case 29: $zk->getConfig()->add((string) mt_rand(), $this->number(), $stat); break;
            case 30: (new ZookeeperConfig)->get(); break;
            case 31: Zookeeper::setDebugLevel($this->number()); Zookeeper::setDeterministicConnOrder($this->value()); break;
            case 32: Zookeeper::dispatch(); zookeeper_dispatch(); break;
            case 33: zookeeper_wait(mt_rand(0, 2) / 1000); break;
            case 34: clone $zk; break;
            case 35: serialize($zk); break;
            case 36: unset($this->clients[array_rand($this->clients)]); break;
            case 37: $this->split(); break;
            case 38: $this->fiber(); break;
            case 39: gc_collect_cycles(); break;
            case 40: var_export($zk, true); print_r($zk, true); (array) $zk; json_encode($zk); break;
            case 41: $zk->own = $this->callback(); unset($zk->own); break;
            case 42: $this->modern(); break;
            case 43: $this->modern(); break;
            case 44: $zk->__construct($this->server, $this->callback()); break;
            case 45: (new ReflectionClass($zk))->newInstanceWithoutConstructor()->get($this->path(), $this->callback()); break;
            case 46: new Zookeeper($this->value(), $this->callback(), $this->number()); break;
        }
    }

    private function modern(): void
    {
        $zk = $this->client();
        if (!$zk instanceof ZookeeperClient) {
            return;
        }
        $stat = null;
        switch (mt_rand(0, 14)) {
            case 0: $zk->create2($this->path(), $this->value(), $this->acl(), $this->number(), $stat); break;
            case 1: $zk->createTtl($this->path(), $this->value(), $this->number(), $this->acl()); break;
            case 2: $zk->createContainer($this->path(), $this->value(), $this->acl(), $stat); break;
            case 3: $zk->addWatch('/fuzz/' . mt_rand(0, 5), $this->callback(), $this->value()); break;
            case 4: $zk->removeWatch('/fuzz/' . mt_rand(0, 5), $this->number()); break;
            case 5: $zk->getEphemerals($this->path()); $zk->sync($this->path()); break;
            case 6: $zk->getAllChildrenNumber($this->path()); $zk->whoAmI(); break;
            case 7: $zk->setLogger(mt_rand(0, 1) ? $this : $this->value()); break;
            case 8: $zk->getServer(); break;
            case 9: mt_rand(0, 10) ? null : $zk->setHosts($this->server); break;
            case 10: $zk->getChildren2($this->path(), $this->callback(), $stat); break;
            case 11: ZookeeperClient::wait($this->number() === 'x' ? 'x' : 0.001); break;
            default:
                $multi = new ZookeeperMulti;
                for ($i = mt_rand(0, 4); $i > 0; $i--) {
                    match (mt_rand(0, 4)) {
                        0 => $multi->create($this->path(), $this->value(), $this->acl(), $this->number()),
                        1 => $multi->create2('/fuzz/' . mt_rand(0, 5), 'x'),
                        2 => $multi->delete('/fuzz/' . mt_rand(0, 5)),
                        3 => $multi->set($this->path(), $this->value(), $this->number()),
                        4 => $multi->check('/fuzz/' . mt_rand(0, 5), $this->number()),
                    };
                }
                $zk->multi($multi);
                $multi->failedAt();
        }
    }

    private function fiber(): void
    {
        if ($this->fibers && mt_rand(0, 1)) {
            $fiber = $this->fibers[array_rand($this->fibers)];
            if ($fiber->isSuspended()) {
                $fiber->resume();
            }
            return;
        }
        $fiber = new Fiber(function () {
            for ($i = 0; $i < 3; $i++) {
                $this->step();
                if (mt_rand(0, 1)) {
                    Fiber::suspend();
                }
            }
        });
        $this->fibers[] = $fiber;
        $fiber->start();
    }

    public function log($level, $message, array $context = [])
    {
        $this->react();
    }
}
