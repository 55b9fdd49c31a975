<?php
// One day of a user of the PHP extension zookeeper. The lines it speaks are told at the head of ../run.py.
declare(ticks=1);

function ask(string $what): void {
    echo "do $what\n";
    if (trim(fgets(STDIN)) !== 'done') {
        throw new Exception("the runner could not $what");
    }
}

function check($holds, string $what): void {
    if (!$holds) {
        throw new Exception($what);
    }
}

function refused(int $code, callable $run): void {
    try {
        $run();
    } catch (ZookeeperException $error) {
        check($error->getCode() === $code, "wanted $code, got {$error->getCode()}");
        return;
    }
    throw new Exception("no error $code");
}

function until(string $what, callable $condition): void {
    for ($i = 0; $i < 1500; $i++) {
        zookeeper_dispatch();
        try {
            if ($condition()) {
                return;
            }
        } catch (ZookeeperException $error) {
            // The connection comes back on its own.
        }
        usleep(20000);
    }
    throw new Exception("waited 30 s for $what");
}

function step(string $name, callable $run): void {
    try {
        $run();
        echo "ok $name\n";
    } catch (Throwable $error) {
        echo "not ok $name " . get_class($error) . ' ' . $error->getMessage() . "\n";
    }
}

final class Listener {
    public array $seen = [];
    public bool $expired = false;

    public function state($type, $state, $path): void {
        $this->expired = $this->expired || $state === Zookeeper::EXPIRED_SESSION_STATE;
    }

    public function event($type, $state, $path): void {
        $this->seen[] = "$type $path";
    }
}

$hosts = $argv[1];
$anyone = [['perms' => Zookeeper::PERM_ALL, 'scheme' => 'world', 'id' => 'anyone']];
$listener = new Listener();
$zk = new Zookeeper($hosts, [$listener, 'state'], 4000);
$other = new Zookeeper($hosts, null, 4000);
until('two sessions', fn () => $zk->getState() === Zookeeper::CONNECTED_STATE && $other->getState() === Zookeeper::CONNECTED_STATE);

step('connect', function () use ($zk) { echo 'saw timeout_ms ' . $zk->getRecvTimeout() . "\n"; });

step('crud', function () use ($zk, $anyone) {
    echo 'saw created ' . $zk->create('/day', 'one', $anyone) . "\n";
    refused(-110, fn () => $zk->create('/day', 'one', $anyone));
    $stat = null;
    echo 'saw data ' . $zk->get('/day', null, $stat) . " {$stat['version']} {$stat['dataLength']}\n";
    $zk->set('/day', 'two', 0);
    refused(-103, fn () => $zk->set('/day', 'x', 0));
    $zk->create('/day/a', null, $anyone);
    refused(-111, fn () => $zk->delete('/day'));
    echo 'saw children ' . implode(' ', $zk->getChildren('/day')) . "\n";
    $zk->delete('/day/a');
    $zk->delete('/day');
    check($zk->exists('/day') === false, 'still there');
    echo 'saw acl ' . json_encode($zk->getAcl('/')[1]) . "\n";
});

step('watch', function () use ($zk, $other, $anyone, $listener) {
    $zk->create('/watched', 'x', $anyone);
    $zk->get('/watched', [$listener, 'event']);
    $zk->getChildren('/watched', [$listener, 'event']);
    $zk->exists('/absent', [$listener, 'event']);
    $other->set('/watched', '1');
    $other->create('/watched/a', '', $anyone);
    $other->create('/absent', '', $anyone);
    until('three events', fn () => count($listener->seen) === 3);
    echo 'saw events ' . implode(';', $listener->seen) . "\n";
});

step('ephemeral_and_sequence', function () use ($zk, $other, $anyone, $hosts) {
    $path = $zk->create('/seq-', null, $anyone, Zookeeper::EPHEMERAL | Zookeeper::SEQUENCE);
    echo "saw sequence $path\n";
    check($other->exists($path)['ephemeralOwner'] != 0, 'no owner');
    $third = new Zookeeper($hosts, null, 4000);
    until('a third session', fn () => $third->getState() === Zookeeper::CONNECTED_STATE);
    $third->create('/gone', null, $anyone, Zookeeper::EPHEMERAL);
    $third->close();
    check($other->exists('/gone') === false, 'an ephemeral outlived its closed session');
});

step('restart_keeps_session', function () use ($zk, $other, $anyone, $listener) {
    $zk->create('/survivor', null, $anyone, Zookeeper::EPHEMERAL);
    $before = $zk->exists('/survivor')['ephemeralOwner'];
    $zk->get('/watched', [$listener, 'event']);
    ask('restart');
    until('a read', fn () => $zk->exists('/survivor')['ephemeralOwner'] === $before);
    $zk->create('/same', null, $anyone, Zookeeper::EPHEMERAL);
    check($zk->exists('/same')['ephemeralOwner'] === $before, 'another session');
    until('a write', fn () => $other->set('/watched', 'after'));
    until('the event after the restart', fn () => count($listener->seen) === 4);
    echo "saw event_after_restart {$listener->seen[3]}\n";
});

step('session_expiry', function () use ($zk, $anyone, $listener, $hosts) {
    $zk->create('/mortal', null, $anyone, Zookeeper::EPHEMERAL);
    ask('expire');
    until('the news of the expiry', fn () => $listener->expired);
    $next = new Zookeeper($hosts, null, 4000);
    until('a new session', fn () => $next->getState() === Zookeeper::CONNECTED_STATE);
    check($next->exists('/mortal') === false, 'an ephemeral outlived its session');
});
