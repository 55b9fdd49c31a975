--TEST--
A PSR-3 logger and a log stream hear of connections, sessions, watches set again and retries; closed streams and loggers that throw do no harm
--EXTENSIONS--
zookeeper
pcntl
posix
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--INI--
pcre.jit=0
--FILE--
<?php
require __DIR__ . '/server.inc';
require __DIR__ . '/proxy.inc';
class Logger {
    public $lines = [];
    function log($level, $message, array $context = []) {
        $this->lines[] = $level . ' ' . preg_replace(['/0x[0-9a-f]+/', '/\d+\.\d+\.\d+\.\d+:\d+/', '/\d+ ms/', '/phpt-[\w-]+/'], ['0xN', 'HOST', 'N ms', 'own'], $message);
    }
    function show(int $count) {
        until(fn() => count($this->lines) >= $count);
        echo implode("\n", array_unique($this->lines)), "\n\n";
        $this->lines = [];
    }
}
[$address, $cut] = proxy();
$logger = new Logger;
$zk = new ZookeeperClient;
var_dump($zk->setLogger($logger));
$zk->connect($address, null, 4000);
$logger->show(1);
$path = own($zk);
$zk->exists($path, function () {});
// The connection is cut, and the session goes on.
$cut(4, 'before');
try { $zk->get('/'); } catch (ZookeeperConnectionException $e) {}
$logger->show(2);
$zk->sync();
expire($zk);
$logger->show(2);

// A read that is asked again of the next server; the first one is not there.
ZookeeperClient::setDeterministicConnOrder(true);
$zk = new ZookeeperClient;
$zk->setLogger($logger);
$zk->connect("127.0.0.1:1,$address," . server(), null, 4000);
$zk->sync();
$cut(4, 'before');
$zk->get('/');
until(fn() => preg_grep('/asked again/', $logger->lines));
var_dump(count(preg_grep('/^warning zookeeper: no connection to HOST/', $logger->lines)) > 0);
var_dump(count(preg_grep('/^warning zookeeper: getData .*connection lost.*; asked again, attempt 2$/', $logger->lines)));
// While a callback runs, no more than LOG_LINES_MAX of these lines are kept.
$again = new ZookeeperClient;
$again->setLogger($logger);
$again->connect("$address," . str_replace('127.0.0.1', 'localhost', $address), null, 4000);
$logger->lines = [];
$again->get($path, function () use ($again, $cut) {
    for ($i = 0; $i < 20; $i++) {
        $cut(4, 'before');
        $again->get('/');
    }
});
$again->set($path, '');
until(fn() => preg_grep('/asked again/', $logger->lines));
usleep(10000);
var_dump(count(preg_grep('/asked again/', $logger->lines)));
$again->close();
$zk->setLogger(null);
$logger->lines = [];
ZookeeperClient::setDeterministicConnOrder(false);

// Streams: by level, for all sessions of the request.
$stream = fopen('php://memory', 'w+');
var_dump($zk->setLogStream($stream), Zookeeper::setDebugLevel(Zookeeper::LOG_LEVEL_INFO));
$seen = function () use ($stream) {
    rewind($stream);
    return preg_replace(['/0x[0-9a-f]+/', '/\S+:\d+,/', '/\d+ ms/'], ['0xN', 'HOST,', 'N ms'], stream_get_contents($stream));
};
$other = new Zookeeper(server());
$other->exists('/');
until(fn() => $seen() !== '');
echo $seen();
Zookeeper::setDebugLevel(Zookeeper::LOG_LEVEL_ERROR);
$other = new Zookeeper('127.0.0.1:1');
try { $other->exists('/'); } catch (ZookeeperConnectionException $e) {}
usleep(50000);
var_dump(substr_count($seen(), "\n"));
Zookeeper::setDebugLevel(Zookeeper::LOG_LEVEL_DEBUG);
// Closed by its owner: nothing is written any more.
fclose($stream);
var_dump($zk->setLogStream($stream), $zk->setLogStream(5));
try { $other->exists('/'); } catch (ZookeeperConnectionException $e) {}
usleep(50000);
// A file is added to.
$file = tempnam(sys_get_temp_dir(), 'zoa-log');
file_put_contents($file, "kept\n");
var_dump($zk->setLogStream($file));
$other = new Zookeeper(server());
$other->exists('/');
until(fn() => filesize($file) > 5 || clearstatcache());
echo preg_replace(['/0x[0-9a-f]+/', '/\S+:\d+,/', '/\d+ ms/'], ['0xN', 'HOST,', 'N ms'], file_get_contents($file));
unlink($file);
var_dump(@$zk->setLogStream('/no/such/folder/log'));

// A stream in PHP that throws, and a logger that does.
class Throws { public $context; function stream_open() { return true; } function stream_write($bytes) { throw new RuntimeException('stream'); } function stream_flush() { return true; } function stream_close() {} }
stream_wrapper_register('throws', 'Throws');
$zk->setLogStream('throws://x');
class Bad { function log() { throw new RuntimeException('logger'); } }
$caught = [];
for ($i = 0; $i < 50; $i++) {
    try {
        $other = new ZookeeperClient;
        $other->setLogger(new Bad);
        $other->connect(server());
        $other->exists('/');
        for ($j = 0; $j < 50; $j++) {
            usleep(1000);
        }
    } catch (RuntimeException $e) {
        @$caught[$e->getMessage()]++;
    }
}
$zk->setLogStream(null);
ksort($caught);
echo implode(' ', array_keys($caught)), "\n";
?>
--EXPECTF--
bool(true)
info zookeeper: session 0xN established at HOST, timeout N ms

warning zookeeper: session 0xN: the server closed the connection; looking for another server
info zookeeper: session 0xN goes on at HOST; 1 watches are set again

warning zookeeper: session 0xN: the server closed the connection; looking for another server
error zookeeper: session 0xN has expired, and with it its ephemerals and watches

bool(true)
int(1)
int(16)
bool(true)
bool(true)
info: zookeeper: session 0xN established at HOST, timeout N ms
int(1)
bool(false)
bool(false)
bool(true)
kept
info: zookeeper: session 0xN established at HOST, timeout N ms
bool(false)
%Sstream%S
