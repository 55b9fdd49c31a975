<?php

/**
 * A leader of a task farm, or one who stands by: php farm-leader.php [server] [root]
 *
 * Start two or three: one leads, the next one goes on when it dies. SIGTERM ends it.
 */

declare(strict_types=1);

use Zoarium\Exception\SessionEnded;
use Zoarium\Farm\Leader;

require __DIR__ . '/../../php/autoload.php';

$server = $argv[1] ?? '127.0.0.1:2181';
$root = $argv[2] ?? '/farm';
$name = gethostname() . '-' . getmypid();
$isStopped = false;
$leader = null;
pcntl_async_signals(true);
$stop = static function () use (&$isStopped, &$leader): void {
    $isStopped = true;
    $leader?->stop();
};
pcntl_signal(SIGTERM, $stop);
pcntl_signal(SIGINT, $stop);

while (!$isStopped) {
    try {
        $leader = new Leader(new ZookeeperClient($server), $root, $name);
        echo "leader $name stands\n";
        $leader->run(static function (int $token) use ($name): void {
            echo "leader $name leads with token $token\n";
        });
    } catch (SessionEnded $error) {
        echo $error->getMessage(), "\n";
    }
}
