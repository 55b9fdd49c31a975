--TEST--
multi, create2, persistent watches, removeWatch and the rest of ZookeeperClient
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--INI--
pcre.jit=0
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new ZookeeperClient(server());
$path = own($zk);
var_dump($zk->create2("$path/c", 'v', null, 0, $stat) === "$path/c", $stat['version'], count($stat));
$events = [];
$zk->addWatch($path, function ($type, $state, $where) use (&$events, $path) { $events[] = $type . str_replace($path, '', $where); }, true);
$multi = (new ZookeeperMulti)->create("$path/a", '1')->create2("$path/b", '2')->set($path, 'z')->check($path, 1)->delete("$path/c");
[$a, $b, $set, $check, $delete] = $zk->multi($multi);
// Servers before 3.9 may tell no stat within a multi: then the path stands alone.
$b = is_string($b) && !is_ours() ? ['path' => $b, 'stat' => []] : $b;
var_dump($multi->count(), $a === "$path/a", array_keys($b), $set['version'], $check, $delete, $multi->failedAt());
until(function () use (&$events) { return count($events) === 4; });
echo implode(' ', $events), "\n";
$multi = (new ZookeeperMulti)->set($path, 'no')->delete("$path/none")->set($path, 'no');
try {
    $zk->multi($multi);
} catch (ZookeeperNoNodeException $e) {
    var_dump($multi->failedAt(), $zk->get($path));
}
var_dump($zk->removeWatch($path));
until(function () use (&$events) { return count($events) === 5; });
echo end($events), "\n";
try {
    $zk->removeWatch($path);
} catch (ZookeeperException $e) {
    var_dump($e->getCode() === ZookeeperClient::NOWATCHER);
}
$zk->create("$path/e", '', null, ZookeeperClient::EPHEMERAL);
var_dump($zk->getEphemerals($path) === ["$path/e"], $zk->sync($path), $zk->getAllChildrenNumber($path));
var_dump(count($zk->getChildren2($path, null, $stat)), $stat['numChildren'], $zk->getServer() === explode(',', server())[0], $zk->whoAmI()[0]['scheme']);
foreach ([fn() => $zk->multi(new stdClass), fn() => $zk->setLogger(new stdClass), fn() => $zk->setLogger(5)] as $try) {
    try { $try(); } catch (TypeError $e) { echo $e->getMessage(), "\n"; }
}
class Logger { public $lines = []; function log($level, $message, array $context = []) { $this->lines[] = "$level $message"; } }
$logger = new Logger;
Zookeeper::setDeterministicConnOrder(true);
$other = new ZookeeperClient('127.0.0.1:1,' . server());
$other->setLogger($logger);
// The first host is down: the call goes to the second one.
var_dump($other->get($path));
$other->setHosts('127.0.0.1:1');
until(function () use (&$logger) { return (bool) preg_grep('/no connection/', $logger->lines); });
echo current(preg_grep('/no connection/', $logger->lines)), "\n";
?>
--EXPECT--
bool(true)
int(0)
int(11)
int(5)
bool(true)
array(2) {
  [0]=>
  string(4) "path"
  [1]=>
  string(4) "stat"
}
int(1)
bool(true)
bool(true)
NULL
1/a 1/b 3 2/c
int(1)
string(1) "z"
bool(true)
7
bool(true)
bool(true)
bool(true)
int(3)
int(3)
int(3)
bool(true)
string(2) "ip"
ZookeeperClient::multi(): Argument #1 ($multi) must be of type ZookeeperMulti, stdClass given
ZookeeperClient::setLogger(): Argument #1 ($logger) must be a PSR-3 logger or null
ZookeeperClient::setLogger(): Argument #1 ($logger) must be a PSR-3 logger or null
string(1) "z"
warning zookeeper: no connection to 127.0.0.1:1 at 127.0.0.1:1: the connection failed: connection refused
