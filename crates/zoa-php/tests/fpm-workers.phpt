--TEST--
FPM: one session per worker process, not per request; what carries ephemerals or identities ends with its request
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; require __DIR__ . '/fpm.inc'; if (fpm_program() === null) { die('skip there is no php-fpm'); } ?>
--FILE--
<?php
require __DIR__ . '/fpm.inc';
$zk = new ZookeeperClient(server());
$path = own($zk);
$script = tempnam(sys_get_temp_dir(), 'zoa') . '.php';
file_put_contents($script, <<<'CODE'
<?php
parse_str($_SERVER['QUERY_STRING'], $query);
$events = [];
$zk = new ZookeeperClient($query['server'], function ($type, $state) use (&$events) { $events[] = "$type $state"; });
$path = $query['path'];
$value = $zk->get($path);
if ($query['do'] === 'ephemeral') {
    $zk->create("$path/e-", '', null, Zookeeper::EPHEMERAL | Zookeeper::SEQUENCE);
} elseif ($query['do'] === 'auth') {
    $zk->addAuth('digest', 'a:b');
} elseif ($query['do'] === 'watch') {
    $zk->get($path, function () {});
} elseif ($query['do'] === 'die') {
    str_repeat('x', 1 << 40);
}
zookeeper_dispatch();
echo json_encode([getmypid(), $zk->getClientId()[0], $value, count($zk->whoAmI()), $events]);
CODE);
$socket = fpm(2);
$ask = function (string $do, int $count) use ($socket, $script, $path) {
    $query = http_build_query(['server' => server(), 'path' => $path, 'do' => $do]);
    return array_map('json_decode', ask($socket, $script, array_fill(0, $count, $query)));
};
$sessions = $values = $told = [];
for ($round = 0; $round < 5; $round++) {
    foreach ($ask('read', 12) as [$pid, $session, $value, $identities, $events]) {
        $sessions[$session] = $pid;
        $values[$value] = true;
        $told[implode(', ', $events)] = true;
    }
}
// Every request hears that it is connected, as if the session were new.
var_dump(count($sessions) === count(array_unique($sessions)), count($sessions) <= 2, array_keys($values), array_keys($told));
foreach (['ephemeral', 'auth', 'watch'] as $do) {
    $seen = [];
    foreach ($ask($do, 6) as [$pid, $session]) {
        $seen[$session] = true;
    }
    echo $do, ' ', count($seen) === 6 ? 'each its own' : count($seen), "\n";
}
// The ephemerals are gone, and no request has another's identity.
until(function () use ($zk, $path) { return $zk->getChildren($path) === []; });
var_dump($zk->getChildren($path));
var_dump(array_unique(array_column($ask('read', 12), 3)));
// A fatal error in one request: the worker goes on.
ask($socket, $script, [http_build_query(['server' => server(), 'path' => $path, 'do' => 'die'])]);
var_dump(count(array_filter($ask('read', 12))));
unlink($script);
?>
--EXPECT--
bool(true)
bool(true)
array(1) {
  [0]=>
  string(3) "own"
}
array(1) {
  [0]=>
  string(4) "-1 3"
}
ephemeral each its own
auth each its own
watch each its own
array(0) {
}
array(1) {
  [0]=>
  int(1)
}
int(12)
