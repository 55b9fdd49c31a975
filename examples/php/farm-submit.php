<?php

/**
 * Submits tasks to a farm and shows how they end: php farm-submit.php [server] [root] [number of tasks]
 */

declare(strict_types=1);

use Zoarium\Farm\Client;
use Zoarium\Farm\Stage;

require __DIR__ . '/../../php/autoload.php';

$server = $argv[1] ?? '127.0.0.1:2181';
$root = $argv[2] ?? '/farm';
$count = (int) ($argv[3] ?? 10);

$farm = new Client(new ZookeeperClient($server), $root);
$payloads = array_map(static fn (int $number): string => "task $number", range(1, $count));
$tasks = $farm->submit($payloads);
$payloadOf = array_combine($tasks, $payloads);
$begun = microtime(true);
$dead = $wrong = $ended = 0;
foreach ($farm->follow($tasks) as $task => $progress) {
    $ended++;
    $dead += $progress->stage === Stage::Dead ? 1 : 0;
    $wrong += $progress->stage === Stage::Done && $progress->result !== strrev($payloadOf[$task]) ? 1 : 0;
    printf("\r%d of %d ended", $ended, $count);
}
printf("\n%d done, %d given up, %d wrong, in %.1f s\n", $count - $dead, $dead, $wrong, microtime(true) - $begun);
exit($dead + $wrong === 0 ? 0 : 1);
