<?php

// A task farm whose processes are killed and paused: php farm-faults.php [TASKS] [SECONDS OF FAULTS] [SEED]
//
// ZOA_SERVER names the program zoa, which is the server and part of the farm. Leaders and workers in PHP and in Rust work on tasks of
// PHP clients, some of which fail or hang. Every few hundred milliseconds one of the processes is killed with SIGKILL and started anew,
// or stopped for longer than its session lives; one of the clients is among them, and now and then it is the server. Meanwhile tasks are
// cancelled, and tried again. Then all is calm, and what must hold is what must hold in the simulator: every accepted task has exactly
// one end; a result that a worker heard to be saved is there, unchanged; none was saved twice; no attempt was begun twice; what was
// cancelled last is given up. Exit code 0 means that all of it held.

declare(strict_types=1);

use Zoarium\Exception\SessionEnded;
use Zoarium\Farm\Assignment;
use Zoarium\Farm\Client;
use Zoarium\Farm\Leader;
use Zoarium\Farm\NewTask;
use Zoarium\Farm\Stage;
use Zoarium\Farm\Worker;
use Zoarium\Tests\TestServer;

require __DIR__ . '/../../php/autoload.php';
require __DIR__ . '/../../php/tests/TestServer.php';

/** Of the sessions that are to end with their processes. */
const SESSION_MS = 1000;

/** After which an attempt that hangs is taken away. */
const TIME_LIMIT_MS = 1000;

/** The tasks of the client that is killed have this priority, and no others: of some nobody knows whether they were accepted. */
const PRIORITY_OF_KILLED = 999;

/** How often the server is killed in a minute. */
const SERVER_KILLS_A_MINUTE = 20;

/** How long a farm may take to end all tasks once all is calm, in seconds. */
const PATIENCE = 30.0;

/** What all lines of a journal say. */
function journal(string $file): array
{
    return is_file($file) ? file($file, FILE_IGNORE_NEW_LINES) : [];
}

function note(string $file, string $what, string $task, int $attempt = 0): void
{
    file_put_contents($file, "$what $task $attempt\n", FILE_APPEND);
}

/** A process of the farm's: `php farm-faults.php --work|--lead|--submit SERVER ROOT JOURNAL`. */
function take_part(string $how, string $server, string $root, string $file): never
{
    while (true) {
        try {
            $client = new ZookeeperClient($server, null, SESSION_MS);
            if ($how === '--lead') {
                (new Leader($client, $root, 'php'))->run();
            }
            while ($how === '--submit') {
                $tasks = array_fill(0, 3, new NewTask('work', PRIORITY_OF_KILLED, 100, TIME_LIMIT_MS));
                foreach ((new Client($client, $root))->submit($tasks) as $task) {
                    note($file, 'accepted', $task);
                }
                zookeeper_wait(0.2);
            }
            $worker = Worker::register($client, $root, random_int(1, 3), 'php');
            while (($task = $worker->next()) !== null) {
                work_on($task, $file);
            }
        } catch (SessionEnded $error) {
            fwrite(STDERR, $error->getMessage() . "\n");
            // A new client, so a new session.
            unset($worker, $client);
        }
    }
}

/** Most are done, some fail, some hang. What became of a result is written down. */
function work_on(Assignment $task, string $file): void
{
    note($file, 'begun', $task->name, $task->attempt);
    $draw = random_int(0, 19);
    usleep($draw === 0 ? 2000 * TIME_LIMIT_MS : random_int(0, 60_000));
    if (in_array($draw, [1, 2, 3], true)) {
        $task->fail('it did not work');
        return;
    }
    $what = $task->done("$task->name $task->attempt") ? 'saved' : 'refused';
    note($file, $what, $task->name, $task->attempt);
}

if (str_starts_with($argv[1] ?? '', '--')) {
    take_part($argv[1], $argv[2], $argv[3], $argv[4]);
}
TestServer::start();
[$server, $zoa] = [TestServer::address(), TestServer::program()];
[$count, $seconds] = [(int) ($argv[1] ?? 200), (float) ($argv[2] ?? 10)];
$seed = (int) ($argv[3] ?? random_int(1, 1_000_000));
mt_srand($seed);
echo "seed $seed\n";
$root = '/farm-faults-' . bin2hex(random_bytes(4));
$file = tempnam(sys_get_temp_dir(), 'zoa-farm');
$log = tempnam(sys_get_temp_dir(), 'zoa-farm-log');

/** What runs PHP with the extension. */
$php = [PHP_BINARY, ...array_filter(explode(' ', (string) getenv('ZOA_TEST_ARGS'))), __FILE__];
$place = ['--server', $server, '--path', $root, '--session-timeout', '1'];
$rustWork = 'echo "begun $ZOA_TASK $ZOA_ATTEMPT" >> ' . $file . '; sleep 0.02; printf "%s %s" "$ZOA_TASK" "$ZOA_ATTEMPT"';
$commands = [
    'PHP leader 1' => [...$php, '--lead', $server, $root, $file],
    'PHP leader 2' => [...$php, '--lead', $server, $root, $file],
    'PHP client' => [...$php, '--submit', $server, $root, $file],
    'Rust leader' => [$zoa, 'farm', 'lead', ...$place],
    'PHP worker 1' => [...$php, '--work', $server, $root, $file],
    'PHP worker 2' => [...$php, '--work', $server, $root, $file],
    'PHP worker 3' => [...$php, '--work', $server, $root, $file],
    'PHP worker 4' => [...$php, '--work', $server, $root, $file],
    'Rust worker' => [$zoa, 'farm', 'work', '--quiet', '--capacity', '2', '--exec', $rustWork, ...$place],
];
$running = [];
$start = static function (string $name) use (&$running, $commands, $log): void {
    $out = ['file', $log, 'a'];
    $running[$name] = proc_open($commands[$name], [['file', '/dev/null', 'r'], $out, $out], $pipes);
};
$end = static function (string $name) use (&$running): void {
    proc_terminate($running[$name], SIGKILL);
    proc_close($running[$name]);
    unset($running[$name]);
};
register_shutdown_function(static function () use (&$running, $end, $file, $log): void {
    array_map($end, array_keys($running));
    array_map('unlink', array_filter([$file, $log], 'is_file'));
});
array_map($start, array_keys($commands));

// Submitted while all of that dies.
$farm = new Client(new ZookeeperClient($server), $root);
$accepted = [];
$kills = $pauses = $restarts = $cancels = $retries = 0;
$paused = [];
/** @var array<string, bool> whether it was cancelled last, or tried again after that */
$isCancelled = [];
$begun = microtime(true);
while (($now = microtime(true) - $begun) < $seconds || count($accepted) < $count) {
    if (count($accepted) < $count && count($accepted) <= $count * $now / ($seconds * 0.7)) {
        $batch = min($count - count($accepted), mt_rand(1, 20));
        $new = static fn (): NewTask => new NewTask('work', mt_rand(0, PRIORITY_OF_KILLED - 1), 100, TIME_LIMIT_MS);
        array_push($accepted, ...$farm->submit(array_map($new, range(1, $batch))));
    }
    // The last ones are mostly on their way still.
    foreach (array_slice($accepted, -10) as $task) {
        if (mt_rand(0, 9) === 0 && $farm->cancel($task)) {
            $isCancelled[$task] = true;
            $cancels++;
        }
    }
    foreach (array_keys($isCancelled, true, true) as $task) {
        // A third of them never.
        if (crc32($task) % 3 !== 0 && mt_rand(0, 3) === 0 && $farm->retry($task)) {
            $isCancelled[$task] = false;
            $retries++;
        }
    }
    if ($restarts < $now * SERVER_KILLS_A_MINUTE / 60) {
        TestServer::restart();
        $restarts++;
    }
    $name = array_rand($commands);
    if (!isset($paused[$name]) && mt_rand(0, 2) > 0) {
        $end($name);
        $start($name);
        $kills++;
    } elseif (!isset($paused[$name]) && count($paused) < 3) {
        proc_terminate($running[$name], SIGSTOP);
        $paused[$name] = $now + SESSION_MS / 1000 * (1 + mt_rand(5, 15) / 10);
        $pauses++;
    }
    foreach ($paused as $name => $until) {
        if ($now > $until) {
            proc_terminate($running[$name], SIGCONT);
            unset($paused[$name]);
        }
    }
    zookeeper_wait(mt_rand(100, 400) / 1000);
}
foreach (array_keys($paused) as $name) {
    proc_terminate($running[$name], SIGCONT);
}

// All is calm.
$end('PHP client');
foreach (journal($file) as $line) {
    [$what, $task] = explode(' ', $line);
    if ($what === 'accepted') {
        $accepted[] = $task;
    }
}
$wrong = [];
$ends = [];
foreach ($farm->follow($accepted, PATIENCE) as $task => $progress) {
    $ends[$task] = $progress;
}
foreach (array_diff($accepted, array_keys($ends)) as $task) {
    $wrong[] = "$task came to no end: " . $farm->progress($task)->stage->value;
}
// Results that come late, if any are let through.
zookeeper_wait(2 * TIME_LIMIT_MS / 1000);
[$done, $dead] = $farm->ended();
foreach ($accepted as $task) {
    $endCount = count(array_keys($done, $task, true)) + count(array_keys($dead, $task, true));
    if ($endCount !== 1 && isset($ends[$task])) {
        $wrong[] = "$task was accepted and has $endCount ends";
    }
}
if (count($accepted) !== count(array_unique($accepted))) {
    $wrong[] = 'a task was accepted twice';
}
foreach (array_diff([...$done, ...$dead], $accepted) as $task) {
    if (!str_starts_with($task, PRIORITY_OF_KILLED . '-')) {
        $wrong[] = "$task ended and was not accepted";
    }
}
foreach ($ends as $task => $progress) {
    $now = $farm->progress($task);
    if ($now->stage !== $progress->stage || $now->result !== $progress->result) {
        $wrong[] = "$task ended as {$progress->stage->value} '{$progress->result}' and is {$now->stage->value} '{$now->result}' now";
    }
    if ($progress->stage === Stage::Done && preg_match('/^' . preg_quote($task, '/') . ' \d+$/D', $progress->result) !== 1) {
        $wrong[] = "$task has the result of another: {$progress->result}";
    }
}
foreach (array_keys($isCancelled, true, true) as $task) {
    if (($ends[$task] ?? null)?->error !== 'cancelled') {
        $wrong[] = "$task was cancelled, and ended otherwise";
    }
}
$refused = 0;
$saved = $attempts = [];
foreach (journal($file) as $line) {
    [$what, $task, $attempt] = explode(' ', $line);
    if ($what === 'begun') {
        if (isset($attempts["$task.$attempt"])) {
            $wrong[] = "attempt $attempt of $task was begun twice";
        }
        $attempts["$task.$attempt"] = true;
    }
    if (!in_array($what, ['saved', 'refused'], true) || (!isset($ends[$task]) && str_starts_with($task, PRIORITY_OF_KILLED . '-'))) {
        continue;
    }
    $refused += $what === 'refused' ? 1 : 0;
    $isThere = ($ends[$task] ?? null)?->result === "$task $attempt";
    if ($isThere !== ($what === 'saved')) {
        $wrong[] = "the result of $task.$attempt was $what, and what is there is '" . ($ends[$task] ?? null)?->result . "'";
    }
    if ($what === 'saved' && isset($saved[$task])) {
        $wrong[] = "a second result of $task was saved";
    }
    $saved += $what === 'saved' ? [$task => true] : [];
}
printf(
    "%d accepted, %d of a client that was killed, %d done, %d given up; %d processes killed, %d paused, the server killed %d times; "
        . "%d cancelled, %d tried again; %d results of %d came late and were refused; %.1f s\n",
    $count,
    count($accepted) - $count,
    count($done),
    count($dead),
    $kills,
    $pauses,
    $restarts,
    $cancels,
    $retries,
    $refused,
    $refused + count($saved),
    microtime(true) - $begun,
);
foreach ($wrong as $what) {
    echo "WRONG: $what\n";
}
if ($wrong !== []) {
    echo "root $root, server $server\n", file_get_contents($log);
}
exit($wrong === [] ? 0 : 1);
