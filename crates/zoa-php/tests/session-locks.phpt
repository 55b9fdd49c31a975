--TEST--
Sessions: eight processes count in one session, and no update is lost
--EXTENSIONS--
zookeeper
session
pcntl
--INI--
session.gc_probability=0
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/session.inc';
ob_start();
$zk = sessions();
$path = $zk->getChildren('/') === [] ? substr(ini_get('session.save_path'), strlen(server())) : '';
$children = [];
for ($child = 0; $child < 8; $child++) {
    if (($pid = pcntl_fork()) === 0) {
        sessions($path);
        for ($i = 0; $i < 25; $i++) {
            session_id('shared');
            session_start();
            $n = $_SESSION['n'] ?? 0;
            usleep(500);
            $_SESSION['n'] = $n + 1;
            session_write_close();
        }
        // Without the parent's shutdown functions.
        pcntl_exec('/bin/true');
    }
    $children[] = $pid;
}
foreach ($children as $pid) {
    pcntl_waitpid($pid, $status);
}
var_dump($zk->get('/php-sessid/shared'));
?>
--EXPECT--
string(8) "n|i:200;"
