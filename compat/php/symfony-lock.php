<?php
// Symfony's ZookeeperStore, unmodified, on the extension: php symfony-lock.php HOST:PORT [SECONDS]
//
// Eight processes contend for one lock. Whoever holds it takes an flock on a file too; when that is taken, two hold the lock.
// The class is Debian's php-symfony-lock.

require '/usr/share/php/Symfony/Component/Lock/autoload.php';

use Symfony\Component\Lock\LockFactory;
use Symfony\Component\Lock\Store\ZookeeperStore;

$server = $argv[1];
$seconds = (float) ($argv[2] ?? 60);
$witness = tempnam(sys_get_temp_dir(), 'zoa');
$children = [];
for ($child = 0; $child < 8; $child++) {
    if (($pid = pcntl_fork()) !== 0) {
        $children[] = $pid;
        continue;
    }
    $factory = new LockFactory(new ZookeeperStore(new Zookeeper($server)));
    $file = fopen($witness, 'c+');
    $end = microtime(true) + $seconds;
    $held = 0;
    mt_srand($child);
    while (microtime(true) < $end) {
        $lock = $factory->createLock('contended');
        if (!$lock->acquire()) {
            usleep(mt_rand(0, 2000));
            continue;
        }
        if (!flock($file, LOCK_EX | LOCK_NB)) {
            fwrite(STDERR, "two hold the lock\n");
            exit(1);
        }
        usleep(mt_rand(0, 1000));
        flock($file, LOCK_UN);
        $lock->release();
        $held++;
    }
    echo "process $child held it $held times\n";
    exit($held > 0 ? 0 : 2);
}
$bad = 0;
foreach ($children as $pid) {
    pcntl_waitpid($pid, $status);
    $bad += pcntl_wifexited($status) && pcntl_wexitstatus($status) === 0 ? 0 : 1;
}
unlink($witness);
echo $bad === 0 ? "never two holders\n" : "$bad processes failed\n";
exit($bad === 0 ? 0 : 1);
