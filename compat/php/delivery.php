<?php
// How soon a watch is heard of: php delivery.php HOST:PORT EVENTS
//
// One process writes, one watches, in a tight loop and then in zookeeper_wait(). The server sends event and reply when the write is
// on disk: the delay is counted from the moment when the writer has its reply, by the clock that all processes share, and also from
// the moment when the write was about to be sent, which holds the disk's time. Exit code 0 means that 99 of 100 events came within the
// limit after the reply.

const LIMIT_MS = 5.0;

[, $server, $events] = $argv;
[$watchers, $writers] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
$pid = pcntl_fork();
if ($pid === 0) {
    write_on_demand($server, $writers);
}
fclose($writers);
$zk = new Zookeeper($server);
if (!$zk->exists('/delivery')) {
    $zk->create('/delivery', '');
}
$all_held = true;
$ways = [
    'a tight loop' => function (&$heard) { while ($heard === 0) {} },
    'zookeeper_wait()' => function (&$heard) { while ($heard === 0) { zookeeper_wait(1.0); } },
];
foreach ($ways as $name => $await) {
    $from_request = $from_reply = [];
    for ($i = 0; $i < $events; $i++) {
        $heard = 0;
        $zk->exists('/delivery', function () use (&$heard) { $heard = hrtime(true); });
        fwrite($watchers, "go\n");
        $await($heard);
        [$request, $reply] = array_map('intval', explode(' ', fgets($watchers)));
        $from_request[] = ($heard - $request) / 1e6;
        $from_reply[] = max(0, $heard - $reply) / 1e6;
    }
    printf("%s, %d events, ms p50/p99/max: %s from the request on, %s after its reply\n", $name, $events, told($from_request), told($from_reply));
    $all_held = $all_held && quantile($from_reply, 0.99) <= LIMIT_MS;
}
fclose($watchers);
pcntl_waitpid($pid, $status);
echo $all_held ? "within the limit\n" : 'later than ' . LIMIT_MS . " ms\n";
exit($all_held ? 0 : 1);

/** Writes each time it is told to; tells when the request was sent and when its reply was there. */
function write_on_demand(string $server, $pipe): never
{
    $zk = new Zookeeper($server);
    $zk->exists('/');
    while (fgets($pipe) !== false) {
        // The watcher is to be waiting already.
        usleep(500);
        $request = hrtime(true);
        $zk->set('/delivery', 'x');
        fwrite($pipe, $request . ' ' . hrtime(true) . "\n");
    }
    exit(0);
}

function quantile(array $figures, float $share): float
{
    sort($figures);
    return $figures[(int) min(count($figures) - 1, floor(count($figures) * $share))];
}

function told(array $figures): string
{
    return sprintf('%.2f/%.2f/%.2f', quantile($figures, 0.5), quantile($figures, 0.99), max($figures));
}
