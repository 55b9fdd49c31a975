<?php

/**
 * A worker of a task farm: php farm-worker.php [server] [root] [capacity] [milliseconds of work a task]
 *
 * Its work is to write a payload backwards, after that time. SIGTERM ends it when what it has is done. When its session ends it
 * begins again with a new one.
 */

declare(strict_types=1);

use Zoarium\Exception\SessionEnded;
use Zoarium\Farm\Assignment;
use Zoarium\Farm\Worker;

require __DIR__ . '/../../php/autoload.php';

$server = $argv[1] ?? '127.0.0.1:2181';
$root = $argv[2] ?? '/farm';
$capacity = (int) ($argv[3] ?? 4);
$pauseMs = (int) ($argv[4] ?? 0);
$name = gethostname() . '-' . getmypid();
$isStopped = false;
$worker = null;
pcntl_async_signals(true);
$stop = static function () use (&$isStopped, &$worker): void {
    $isStopped = true;
    $worker?->stop();
};
pcntl_signal(SIGTERM, $stop);
pcntl_signal(SIGINT, $stop);

$work = static function (Assignment $task) use ($pauseMs): string {
    usleep($pauseMs * 1000);
    return strrev($task->payload());
};
$ended = static function (Assignment $task, bool $isTaken, ?Throwable $error): void {
    $what = $error === null ? 'done' : "failed: {$error->getMessage()}";
    echo $task->id(), ' ', $isTaken ? $what : 'was taken away', "\n";
};
while (!$isStopped) {
    try {
        $client = new ZookeeperClient($server);
        $worker = Worker::register($client, $root, $capacity, $name);
        echo "worker {$worker->id()}\n";
        $worker->work($work, $ended);
        $worker->leave();
    } catch (SessionEnded $error) {
        echo $error->getMessage(), "\n";
    }
}
