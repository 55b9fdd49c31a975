--TEST--
Sessions: an empty save path, a server that is down, bad ids, a lock that is held or lost: clear warnings, in time
--EXTENSIONS--
zookeeper
session
pcntl
--INI--
session.gc_probability=0
error_reporting=E_ALL
html_errors=0
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/session.inc';
ob_start();
set_error_handler(function ($level, $message) { echo $message, "\n"; return true; });
ini_set('session.save_handler', 'zookeeper');
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('session.save_path', '');
var_dump(session_start());

ini_set('session.save_path', '127.0.0.1:1');
ini_set('zookeeper.recv_timeout', '1000');
set_time_limit(5);
$start = microtime(true);
var_dump(session_start());
$took = microtime(true) - $start;
echo $took >= 0.5 && $took < 5 ? "in time\n" : "after $took s\n";
ini_set('zookeeper.recv_timeout', '10000');

$zk = sessions();
// SESSION_ID_LEN_MAX: one of 256 characters would do.
foreach (['a/b', 'one-lock', str_repeat('x', 257), "a\0b"] as $id) {
    try {
        session_id($id);
        var_dump(session_start());
    } catch (Throwable $e) {
        echo $e->getMessage(), "\n";
    }
}

// Held by another one.
$zk->create('/php-sessid', null);
$zk->create('/php-sessid/held-lock', null);
$zk->create('/php-sessid/held-lock/x-0000000000000001-', null, null, Zookeeper::EPHEMERAL | Zookeeper::SEQUENCE);
session_id('held');
set_time_limit(2);
$start = microtime(true);
var_dump(session_start());
$took = microtime(true) - $start;
echo $took >= 1.9 && $took < 4 ? "in time\n" : "after $took s\n";
// Nobody waits in the queue any more.
var_dump(count($zk->getChildren('/php-sessid/held-lock')));

// Lost while the request runs: nothing is written.
set_time_limit(30);
session_id('lost');
session_start();
$_SESSION['n'] = 1;
foreach ($zk->getChildren('/php-sessid/lost-lock') as $name) {
    $zk->delete("/php-sessid/lost-lock/$name");
}
var_dump(session_write_close());
var_dump($zk->exists('/php-sessid/lost'));
?>
--EXPECTF--
session_start(): zookeeper session: session.save_path must name the servers: host:port,host:port/chroot
session_start(): Failed to initialize storage module: zookeeper (path: )
bool(false)
session_start(): zookeeper session: no server within %d ms%s
session_start(): Failed to initialize storage module: zookeeper (path: 127.0.0.1:1)
bool(false)
in time
session_start(): zookeeper session: the session id is too long or contains illegal characters, valid characters are a-z, A-Z, 0-9 and '-,'
%A
in time
int(1)
session_write_close(): zookeeper session: the lock on the session was lost: another request may have changed it
session_write_close(): Failed to write session data %s
bool(true)
bool(false)
