--TEST--
Sessions: data, locks that go when they are given back, destruction, collection, strict mode
--EXTENSIONS--
zookeeper
session
--INI--
session.gc_probability=0
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/session.inc';
ob_start();
$zk = sessions();
session_id('one');
session_start();
$_SESSION['n'] = 1;
$lock = $zk->getChildren('/php-sessid/one-lock');
echo count($lock), ' ', preg_match('/^x-[0-9a-f]{16}-\d{10}$/', $lock[0]), "\n";
session_write_close();
// Neither the lock nor its parent stays.
var_dump($zk->get('/php-sessid/one'), $zk->exists('/php-sessid/one-lock'));

session_id('one');
session_start();
var_dump($_SESSION['n']);
// Unchanged data are written all the same: the session is young again.
$before = $zk->exists('/php-sessid/one')['version'];
session_write_close();
var_dump($zk->exists('/php-sessid/one')['version'] > $before);

session_start(['read_and_close' => true]);
var_dump($_SESSION['n'], $zk->exists('/php-sessid/one-lock'));

session_id('one');
session_start();
session_destroy();
var_dump($zk->exists('/php-sessid/one'), $zk->exists('/php-sessid/one-lock'));

// Strict mode: an id that the server does not know is not taken over.
ini_set('session.use_strict_mode', '1');
session_id('chosen');
session_start();
var_dump(session_id() !== 'chosen');
$old = session_id();
$_SESSION['x'] = 'kept';
session_regenerate_id(true);
var_dump(session_id() !== $old, $zk->exists("/php-sessid/$old"));
session_write_close();
var_dump($zk->get('/php-sessid/' . session_id()));
ini_set('session.use_strict_mode', '0');

// Too old: as none at a start, gone after a collection.
ini_set('session.gc_maxlifetime', '1');
$zk->create('/php-sessid/old', 'n|i:5;');
$zk->create('/php-sessid/left-lock', null);
usleep(1200000);
session_id('old');
session_start();
var_dump($_SESSION);
$_SESSION['n'] = 6;
var_dump(session_gc() >= 1);
session_write_close();
$names = $zk->getChildren('/php-sessid');
sort($names);
var_dump($names);

// More than SESSION_GC_BATCH_LEN of them.
$multi = new ZookeeperMulti;
for ($i = 0; $i < 600; $i++) {
    $multi->create("/php-sessid/many$i", 'x');
}
$zk->multi($multi);
usleep(1200000);
session_id('last');
session_start();
var_dump(session_gc());
session_write_close();
var_dump($zk->getChildren('/php-sessid'));
?>
--EXPECT--
1 1
string(6) "n|i:1;"
bool(false)
int(1)
bool(true)
int(1)
bool(false)
bool(false)
bool(false)
bool(true)
bool(true)
bool(false)
string(13) "x|s:4:"kept";"
array(0) {
}
bool(true)
array(1) {
  [0]=>
  string(3) "old"
}
int(601)
array(1) {
  [0]=>
  string(4) "last"
}
