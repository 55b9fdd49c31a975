--TEST--
Sessions: a connection that is cut at any request loses no update and leaves no lock behind
--EXTENSIONS--
zookeeper
session
pcntl
posix
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--INI--
session.gc_probability=0
error_reporting=E_ALL
html_errors=0
--FILE--
<?php
require __DIR__ . '/session.inc';
require __DIR__ . '/proxy.inc';
ob_start();
[$address, $cut] = proxy();
$zk = sessions();
$path = substr(ini_get('session.save_path'), strlen(server()));
ini_set('session.save_path', $address . $path);
// The limit for locks; a lock that is left behind would be waited for as long.
set_time_limit(3);
session_id('cut');
session_start();
$_SESSION['n'] = $expected = 0;
session_write_close();
$opcodes = ['create' => 1, 'delete' => 2, 'getData' => 4, 'getChildren' => 12, 'multi' => 14];
foreach ($opcodes as $name => $opcode) {
    foreach (['before', 'after'] as $when) {
        foreach (['while it is opened', 'while it is closed'] as $where) {
            if ($where === 'while it is opened') {
                $cut($opcode, $when);
            }
            $start = microtime(true);
            session_id('cut');
            if (!session_start()) {
                echo "$name $when $where: not opened\n";
                continue;
            }
            $_SESSION['n']++;
            $expected++;
            if ($where === 'while it is closed') {
                $cut($opcode, $when);
            }
            session_write_close();
            $cut(0, '');
            if (microtime(true) - $start > 2.5) {
                echo "$name $when $where: took ", microtime(true) - $start, " s\n";
            }
            $left = $zk->exists('/php-sessid/cut-lock') ? $zk->getChildren('/php-sessid/cut-lock') : [];
            if ($zk->get('/php-sessid/cut') !== "n|i:$expected;" || $left) {
                echo "$name $when $where: ", $zk->get('/php-sessid/cut'), " instead of $expected, ", count($left), " locks left\n";
            }
        }
    }
}
// A session given up under way: the lock of the one that was cut does not keep the process from the next.
session_id('cut');
ini_set('session.save_path', server() . $path);
session_start();
$_SESSION['n']++;
session_write_close();
var_dump($zk->get('/php-sessid/cut') === 'n|i:' . ($expected + 1) . ';');
?>
--EXPECT--
bool(true)
