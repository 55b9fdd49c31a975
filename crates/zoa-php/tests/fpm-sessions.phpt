--TEST--
FPM: eight workers, 200 concurrent requests to one session, no lost update; with the server down a clear error in time
--EXTENSIONS--
zookeeper
session
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
set_error_handler(function ($level, $message) { echo $message, "\n"; return true; });
session_id('shared');
if (session_start()) {
    $n = $_SESSION['n'] ?? 0;
    usleep(300);
    $_SESSION['n'] = $n + 1;
    session_write_close();
    echo 'counted';
}
CODE);
$settings = ['session.save_handler' => 'zookeeper', 'session.use_cookies' => '0', 'session.gc_probability' => '0', 'max_execution_time' => '60'];
$socket = fpm(8, $settings + ['session.save_path' => server() . $path]);
$answers = ask($socket, $script, array_fill(0, 200, ''), 120);
var_dump(array_count_values($answers), $zk->get("$path/php-sessid/shared"));

$socket = fpm(2, ['max_execution_time' => '2', 'zookeeper.recv_timeout' => '1000', 'session.save_path' => '127.0.0.1:1'] + $settings);
$start = microtime(true);
[$answer] = ask($socket, $script, ['']);
$took = microtime(true) - $start;
echo $answer, $took < 4 ? 'in time' : "after $took s", "\n";
unlink($script);
?>
--EXPECTF--
array(1) {
  ["counted"]=>
  int(200)
}
string(8) "n|i:200;"
session_start(): zookeeper session: no server within %d ms%s
session_start(): Failed to initialize storage module: zookeeper (path: 127.0.0.1:1)
in time
