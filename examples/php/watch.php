<?php
// Follows one znode and prints every change that it sees.
//
//     php watch.php HOSTS PATH          e.g. php watch.php 127.0.0.1:2181 /test
//
// A watch fires once. So each time it fires, the value is read again with a new watch in the same request: no change after that
// read can go unnoticed. Two changes in quick succession may be seen as one; the last value never is missed.

if ($argc !== 3) {
    fwrite(STDERR, "usage: php watch.php HOSTS PATH\n");
    exit(2);
}
[, $hosts, $path] = $argv;
$names = [
    Zookeeper::CREATED_EVENT => 'CREATED',
    Zookeeper::DELETED_EVENT => 'DELETED',
    Zookeeper::CHANGED_EVENT => 'CHANGED',
    Zookeeper::CHILD_EVENT => 'CHILD',
];
$zk = new Zookeeper($hosts);
$tell = function ($type, $state, $path) use ($zk, $names, &$tell) {
    $value = $zk->get($path, $tell, $stat);
    echo "$names[$type]: $path is now '$value' (version $stat[version])\n";
};
try {
    $value = $zk->get($path, $tell, $stat);
    echo "watching $path, which is '$value' (version $stat[version])\n";
    while (true) {
        zookeeper_wait();
    }
} catch (ZookeeperNoNodeException $e) {
    fwrite(STDERR, "$path does not exist\n");
    exit(1);
}
