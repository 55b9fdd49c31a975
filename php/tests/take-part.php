<?php

/**
 * A process that takes part in recipes, beside processes in other languages: take-part.php SERVER WHAT PATH COUNT
 *
 * WHAT is lock, read-write, election, semaphore, count (COUNT rounds), put, take (COUNT items), put-at (an item of priority COUNT), set,
 * remove, wait, double, or join (COUNT members). It says what it saw, a line each, and ends with 0. zoa-client's example `recipes` is the
 * same in Rust.
 */

declare(strict_types=1);

use Zoarium\Barrier;
use Zoarium\Counter;
use Zoarium\DoubleBarrier;
use Zoarium\Election;
use Zoarium\Lock;
use Zoarium\Membership;
use Zoarium\Queue;
use Zoarium\ReadWriteLock;
use Zoarium\Semaphore;

require __DIR__ . '/../autoload.php';

[, $server, $what, $path, $count] = array_map(strval(...), $argv) + array_fill(0, 5, '');
$client = new ZookeeperClient($server);
$rounds = $count === '' ? [] : range(1, max(1, (int) $count));

/** Adds one in two steps, which only goes well for one at a time. */
$addOne = static function () use ($client, $path): void {
    $sum = (int) $client->get("$path-sum");
    usleep(2000);
    $client->set("$path-sum", (string) ($sum + 1));
};

switch ($what) {
    case 'lock':
        $lock = new Lock($client, $path, 'php');
        foreach ($rounds as $_) {
            $lock->synchronized($addOne);
        }
        break;
    case 'read-write':
        $lock = new ReadWriteLock($client, $path);
        foreach ($rounds as $_) {
            $writer = $lock->write();
            $addOne();
            $writer->release();
            $reader = $lock->read();
            $before = $client->get("$path-sum");
            usleep(2000);
            if ($client->get("$path-sum") !== $before) {
                throw new RuntimeException('somebody wrote while this one read');
            }
            $reader->release();
        }
        break;
    case 'count':
        $counter = new Counter($client, $path);
        foreach ($rounds as $_) {
            $counter->add();
        }
        break;
    case 'put-at':
        (new Queue($client, $path))->put("php-$count", (int) $count);
        break;
    case 'join':
        $group = new Membership($client, $path);
        $member = $group->join('php');
        $members = $group->members();
        while (count($members) < (int) $count) {
            $members = $group->changed($members) ?? [];
        }
        echo 'saw ', implode(' ', $members), "\n";
        $group->changed($members);
        $member->leave();
        break;
    case 'election':
        $election = new Election($client, $path, 'php');
        foreach ($rounds as $_) {
            $leadership = $election->lead();
            $addOne();
            $leadership->release();
        }
        break;
    case 'semaphore':
        $semaphore = new Semaphore($client, $path, 2);
        foreach ($rounds as $_) {
            $lease = $semaphore->acquire();
            $made = $client->create("$path-inside/p-", '', null, Zookeeper::EPHEMERAL | Zookeeper::SEQUENCE);
            echo 'inside ', count($client->getChildren("$path-inside")), "\n";
            $client->delete($made);
            $lease->release();
        }
        break;
    case 'put':
        $queue = new Queue($client, $path);
        foreach ($rounds as $number) {
            $queue->put('php-' . ($number - 1));
        }
        break;
    case 'take':
        $queue = new Queue($client, $path);
        foreach ($rounds as $_) {
            echo 'took ', $queue->take(20.0) ?? throw new RuntimeException('nothing came for 20 s'), "\n";
        }
        break;
    case 'set':
        (new Barrier($client, $path))->set();
        break;
    case 'remove':
        (new Barrier($client, $path))->remove();
        break;
    case 'wait':
        (new Barrier($client, $path))->wait();
        break;
    case 'double':
        $barrier = new DoubleBarrier($client, $path, (int) $count);
        $barrier->enter('php');
        echo "entered\n";
        $barrier->leave();
        echo "left\n";
        break;
    default:
        fwrite(STDERR, "$what is nothing to do\n");
        exit(2);
}
