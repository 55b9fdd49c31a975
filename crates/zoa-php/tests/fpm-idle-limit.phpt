--TEST--
FPM: a worker keeps no more than IDLE_CLIENTS_MAX sessions for its next request, and closes those that ended
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; require __DIR__ . '/fpm.inc'; if (fpm_program() === null) { die('skip there is no php-fpm'); } ?>
--FILE--
<?php
require __DIR__ . '/fpm.inc';
$script = tempnam(sys_get_temp_dir(), 'zoa') . '.php';
file_put_contents($script, <<<'CODE'
<?php
$clients = $ids = [];
for ($i = 0; $i < 12; $i++) {
    $clients[] = $zk = new Zookeeper($_SERVER['QUERY_STRING']);
    $zk->exists('/');
    $ids[] = $zk->getClientId()[0];
}
echo json_encode($ids);
CODE);
$socket = fpm(1);
[$first] = ask($socket, $script, [server()]);
[$second] = ask($socket, $script, [server()]);
[$first, $second] = [json_decode($first), json_decode($second)];
// Eight are the same, the others are new.
var_dump(count(array_unique($first)), count(array_unique($second)), count(array_intersect($first, $second)));
unlink($script);
?>
--EXPECT--
int(12)
int(12)
int(8)
