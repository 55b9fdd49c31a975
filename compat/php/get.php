<?php
// Reads one znode again and again and prints microseconds a read: php get.php HOST:PORT READS

$zk = new Zookeeper($argv[1]);
if (!$zk->exists('/cost')) {
    $zk->create('/cost', '0123456789');
}
$reads = (int) $argv[2];
$start = hrtime(true);
for ($i = 0; $i < $reads; $i++) {
    $zk->get('/cost');
}
printf("%f\n", (hrtime(true) - $start) / 1e3 / $reads);
