<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception;
use Zoarium\Internal\Receipt;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;
use Zoarium\Internal\Watch;

/**
 * A client of a task farm: submits tasks, follows them, cancels them.
 *
 *     $farm = new Client($client, '/farm');
 *     $tasks = $farm->submit([new NewTask('one'), new NewTask('two')]);
 *     foreach ($farm->follow($tasks) as $task => $progress) {
 *         echo $progress->stage->value, ' ', $progress->result, "\n";
 *     }
 *
 * Guarantee: every accepted task ends with exactly one saved result or in the dead-letter list, whoever dies: clients, leader,
 * workers or servers, in PHP or Rust. The result of an attempt that was taken away is refused.
 *
 * Limits: an attempt may run twice at the same time. Task and result must fit into a znode each (1 MB). A client whose session ends
 * while it submits does not hear whether the batch under way was accepted. See docs/formats/task-farm.md.
 */
final class Client
{
    /** So many tasks are submitted in one multi, and no more bytes than these unless one alone has them. */
    private const BATCH_MAX = 100;
    private const BATCH_LEN_MAX = 512 << 10;

    private readonly Session $session;
    private readonly Places $places;
    private Receipt $receipt;

    /**
     * @param string $root the farm's path, which is made when needed
     */
    public function __construct(\ZookeeperClient $client, string $root)
    {
        $this->session = Session::of($client);
        $this->places = new Places($root);
        $this->receipt = new Receipt($this->session, $this->places->of('queue'));
    }

    /**
     * Submits tasks. When this returns they are accepted, all of them.
     *
     * @param iterable<NewTask|string> $tasks a string is the payload of a task of middle priority
     * @param callable(int): void|null $accepted told how many are accepted so far
     * @return list<string> their names, in the same order
     * @throws Exception\Full when the queue has no room for all; it names those that were accepted before others took the room
     * @throws Exception\Failure
     */
    public function submit(iterable $tasks, ?callable $accepted = null): array
    {
        $all = [];
        foreach ($tasks as $task) {
            $all[] = is_string($task) ? new NewTask($task) : $task;
        }
        $queueMax = Settings::read($this->session, $this->places)->queueMax;
        $names = [];
        foreach (self::batches($all) as $batch) {
            array_push($names, ...$this->submitBatch($batch, count($all) - count($names), $queueMax, $names));
            if ($accepted !== null) {
                $accepted(count($names));
            }
        }
        return $names;
    }

    /**
     * @param list<NewTask> $tasks
     * @return iterable<non-empty-list<NewTask>>
     */
    private static function batches(array $tasks): iterable
    {
        $batch = [];
        $len = 0;
        foreach ($tasks as $task) {
            $more = strlen($task->payload);
            if ($batch !== [] && (count($batch) === self::BATCH_MAX || $len + $more > self::BATCH_LEN_MAX)) {
                yield $batch;
                [$batch, $len] = [[], 0];
            }
            $batch[] = $task;
            $len += $more;
        }
        if ($batch !== []) {
            yield $batch;
        }
    }

    /**
     * @param non-empty-list<NewTask> $tasks
     * @param list<string> $accepted
     * @return list<string>
     */
    private function submitBatch(array $tasks, int $wanted, int $queueMax, array $accepted): array
    {
        $beginnings = array_map(static fn (NewTask $task): string => $task->beginning(Session::guid()), $tasks);
        $creates = array_map(
            fn (string $beginning, NewTask $task): Step =>
                Step::create($this->places->task('queue', $beginning), $task->encode(), \Zookeeper::SEQUENCE),
            $beginnings,
            $tasks,
        );
        $queue = $this->places->of('queue');
        while (true) {
            $stat = $this->session->exists($queue);
            $count = $stat['numChildren'] ?? 0;
            if ($count + $wanted > $queueMax) {
                throw new Exception\Full($queue, $count, $queueMax, $accepted);
            }
            // Where it matters, refused when another client submits between the look and the multi.
            $isGuarded = $count + $wanted > intdiv($queueMax, 2);
            $guard = $isGuarded ? [Step::set($queue, '', $stat['version'] ?? 0)] : [];
            $this->receipt = $this->receipt->here();
            $outcome = $this->receipt->apply(...$creates, ...$guard);
            if ($outcome->isDone) {
                return $this->namesOf($outcome, $beginnings);
            }
            if ($outcome->code === \Zookeeper::NONODE) {
                $this->places->prepare($this->session);
            } elseif (!($isGuarded && $outcome->isAt(count($creates), \Zookeeper::BADVERSION))) {
                throw new Exception\Refused($queue, $outcome->code);
            }
        }
    }

    /**
     * @param list<string> $beginnings
     * @return list<string>
     */
    private function namesOf(\Zoarium\Internal\Outcome $outcome, array $beginnings): array
    {
        $names = [];
        foreach ($beginnings as $at => $beginning) {
            $names[$at] = basename($outcome->created($at)[0] ?? '');
        }
        // The answer was lost: they are somewhere in the farm, and may move to where was looked before.
        while (in_array('', $names, true)) {
            $all = $this->allNames();
            foreach ($beginnings as $at => $beginning) {
                $names[$at] = $names[$at] === '' ? ($all[$beginning] ?? '') : $names[$at];
            }
        }
        return array_values($names);
    }

    /**
     * @return array<string, string> names by what they begin with
     */
    private function allNames(): array
    {
        $all = [];
        foreach (['queue', 'failed', 'done', 'dead'] as $place) {
            array_push($all, ...$this->session->children($this->places->of($place)) ?? []);
        }
        foreach ($this->running() as [, $task]) {
            $all[] = $task;
        }
        $byBeginning = [];
        foreach ($all as $name) {
            $byBeginning[substr($name, 0, (int) strrpos($name, '-') + 1)] = $name;
        }
        return $byBeginning;
    }

    /**
     * Worker, task and attempt of all that run.
     *
     * @return list<array{string, string, int}>
     */
    private function running(): array
    {
        $running = [];
        foreach ($this->session->children($this->places->of('assigned')) ?? [] as $worker) {
            foreach ($this->session->children($this->places->task('assigned', $worker)) ?? [] as $name) {
                $split = Task::splitAttempt($name);
                if ($split !== null) {
                    $running[] = [$worker, ...$split];
                }
            }
        }
        return $running;
    }

    /**
     * How far a task is.
     *
     * @throws Exception\Failure
     */
    public function progress(string $task): Progress
    {
        // Twice, since it may move to where was looked before.
        for ($look = 0; $look < 2; $look++) {
            $end = $this->endOf($task);
            if ($end !== null) {
                return $end;
            }
            $failed = $this->read('failed', $task);
            if ($failed !== null) {
                return new Progress(Stage::Failed, error: $failed->error());
            }
            $queued = $this->read('queue', $task);
            if ($queued !== null) {
                return new Progress(Stage::Queued, error: $queued->error());
            }
            if (in_array($task, array_column($this->running(), 1), true)) {
                return new Progress(Stage::Running);
            }
        }
        return $this->endOf($task) ?? new Progress(Stage::Unknown);
    }

    private function read(string $place, string $task): ?Task
    {
        $path = $this->places->task($place, $task);
        $node = $this->session->data($path);
        return $node === null ? null : Task::salvage($path, $node->data);
    }

    /** The end of a task, if it has come. */
    private function endOf(string $task): ?Progress
    {
        $done = $this->read('done', $task);
        if ($done !== null) {
            return new Progress(Stage::Done, result: $done->payload);
        }
        $dead = $this->read('dead', $task);
        return $dead === null ? null : new Progress(Stage::Dead, error: $dead->error());
    }

    /**
     * Waits until a task is done or given up.
     *
     * @return Progress|null null when so many seconds were not enough
     * @throws Exception\Failure
     */
    public function wait(string $task, ?float $seconds = null): ?Progress
    {
        $end = $this->endOf($task);
        if ($end !== null) {
            return $end;
        }
        $until = $seconds === null ? null : Session::now() + $seconds;
        $paths = [$this->places->task('done', $task), $this->places->task('dead', $task)];
        do {
            $watches = array_map(fn (string $path): Watch => $this->session->existsWatched($path)[1], $paths);
            $end = $this->endOf($task);
        } while ($end === null && $this->session->await($watches, $until));
        array_map($this->session->unwatch(...), $paths, $watches);
        return $end;
    }

    /**
     * Gives these tasks as they end, by their names. It looks at two lists at a time, so it serves thousands of tasks.
     *
     * @param iterable<string> $tasks
     * @param float|null $seconds so long at most; those that have not ended by then are not given
     * @return \Generator<string, Progress>
     * @throws Exception\Failure
     */
    public function follow(iterable $tasks, ?float $seconds = null): \Generator
    {
        $until = $seconds === null ? null : Session::now() + $seconds;
        $left = [];
        foreach ($tasks as $task) {
            $left[$task] = true;
        }
        /** @var array<string, array{list<string>, Watch}> $lists */
        $lists = [];
        while ($left !== []) {
            foreach (['done', 'dead'] as $place) {
                if (isset($lists[$place]) && !$lists[$place][1]->hasFired) {
                    continue;
                }
                $lists[$place] = $this->listOf($place);
                foreach (array_intersect_key($left, array_flip($lists[$place][0])) as $task => $_) {
                    $end = $this->endOf((string) $task);
                    if ($end !== null) {
                        unset($left[$task]);
                        yield (string) $task => $end;
                    }
                }
            }
            if ($left !== [] && !$this->session->await(array_column($lists, 1), $until)) {
                return;
            }
        }
    }

    /**
     * @return array{list<string>, Watch}
     */
    private function listOf(string $place): array
    {
        $path = $this->places->of($place);
        while (($found = $this->session->childrenWatched($path)) === null) {
            $this->session->ensure($path);
        }
        return $found;
    }

    /**
     * Cancels a task, wherever it is. One that runs may run on, but its result is refused.
     *
     * @return bool whether it is in the dead-letter list now
     * @throws Exception\Failure
     */
    public function cancel(string $task): bool
    {
        while (true) {
            $paths = [$this->places->task('queue', $task), $this->places->task('failed', $task)];
            foreach ($this->running() as [$worker, $name, $attempt]) {
                if ($name === $task) {
                    $paths[] = $this->places->assigned($worker, $name, $attempt);
                }
            }
            foreach ($paths as $path) {
                if ($this->bury($path, $task)) {
                    return true;
                }
            }
            $stage = $this->progress($task)->stage;
            if ($stage === Stage::Dead || $stage === Stage::Done || $stage === Stage::Unknown) {
                return $stage === Stage::Dead;
            }
        }
    }

    private function bury(string $path, string $task): bool
    {
        $node = $this->session->data($path);
        if ($node === null) {
            return false;
        }
        $dead = Task::salvage($path, $node->data)->withError('cancelled');
        $this->receipt = $this->receipt->here();
        $steps = [Step::delete($path), Step::create($this->places->task('dead', $task), $dead->encode())];
        return $this->receipt->apply(...$steps)->isDone;
    }

    /**
     * Tries a dead letter again, as if it had just been submitted.
     *
     * @return bool whether it is queued now; false when it is no dead letter
     * @throws Exception\Failure when what lies there is no task
     */
    public function retry(string $task): bool
    {
        $path = $this->places->task('dead', $task);
        $node = $this->session->data($path);
        if ($node === null) {
            return false;
        }
        $renewed = Task::decode($path, $node->data)->renewed();
        $this->receipt = $this->receipt->here();
        $steps = [Step::delete($path), Step::create($this->places->task('queue', $task), $renewed->encode())];
        return $this->receipt->apply(...$steps)->isDone;
    }

    /**
     * How many workers there are, and how many tasks are where.
     *
     * @throws Exception\Failure
     */
    public function counts(): Counts
    {
        $count = fn (string $place): int => $this->session->exists($this->places->of($place))['numChildren'] ?? 0;
        $running = count($this->running());
        return new Counts($count('workers'), $count('queue'), $running, $count('failed'), $count('done'), $count('dead'));
    }

    /**
     * The names of the tasks that are done, and of those in the dead-letter list.
     *
     * @return array{list<string>, list<string>}
     * @throws Exception\Failure
     */
    public function ended(): array
    {
        return [
            $this->session->children($this->places->of('done')) ?? [],
            $this->session->children($this->places->of('dead')) ?? [],
        ];
    }
}
