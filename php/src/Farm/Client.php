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
 * Limits: an attempt may run twice at the same time. Payload and result have 1,000,000 bytes at most. Nothing is taken from a worker
 * that hangs while its session lives, unless the task has a time limit or a deadline. The queue may grow beyond its limit by what comes
 * back from workers, by dead letters that are retried and, where the limit is above 2,000, by a batch of each client that saw it less
 * than half full. A client whose session ends while it submits does not hear whether the batch under way was accepted. See
 * docs/formats/task-farm.md.
 */
final class Client
{
    /** So many tasks are submitted in one multi, and no more bytes than these unless one alone has them. */
    private const BATCH_MAX = 100;
    private const BATCH_LEN_MAX = 512 << 10;

    /**
     * Up to this limit of the queue all submissions are guarded; above it only those that see it half full: ten clients with a whole
     * batch each fit into the other half.
     */
    private const ALWAYS_GUARDED_MAX = 20 * self::BATCH_MAX;

    /** So often a task is looked for in all places before it is called unknown. */
    private const LOOKS = 3;

    /** The same when it is known to have been accepted, with a pause between, in seconds. */
    private const LOOKS_FOR_ACCEPTED = 10;
    private const PAUSE = 0.02;

    /** How often somebody who waits looks whether the task is still there, in seconds. */
    private const LOOK_AFTER = 5.0;

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
     * Submits tasks. When this returns they are accepted, all of them. If an answer was lost and a task had ended and was deleted
     * before it was looked for, its name comes without the number at its end.
     *
     * @param iterable<NewTask|string> $tasks a string is the payload of a task of middle priority
     * @param callable(int): void|null $accepted told how many are accepted so far
     * @return list<string> their names, in the same order
     * @throws Exception\Full when the queue has no room for all; it names those that were accepted before others took the room
     * @throws Exception\TooLong when a payload has more than 1,000,000 bytes; then nothing was submitted
     * @throws Exception\PartlyAccepted when something else went wrong, and names those that were accepted before
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
            try {
                array_push($names, ...$this->submitBatch($batch, count($all) - count($names), $queueMax, $names));
            } catch (Exception\Full $full) {
                throw $full;
            } catch (Exception\Failure $failure) {
                throw $names === [] ? $failure : new Exception\PartlyAccepted($names, $failure);
            }
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
            $isGuarded = $queueMax <= self::ALWAYS_GUARDED_MAX || $count + $wanted > intdiv($queueMax, 2);
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
        // The answer was lost: they are somewhere in the farm. One that is found nowhere has ended and was deleted.
        for ($look = 0; $look < self::LOOKS_FOR_ACCEPTED && in_array('', $names, true); $look++) {
            $look === 0 || zookeeper_wait(self::PAUSE);
            $all = $this->allNames();
            foreach ($beginnings as $at => $beginning) {
                $names[$at] = $names[$at] === '' ? ($all[$beginning] ?? '') : $names[$at];
            }
        }
        return array_map(static fn (string $name, string $beginning): string => $name === '' ? $beginning : $name, $names, $beginnings);
    }

    /**
     * @return array<string, string> names by what they begin with
     */
    private function allNames(): array
    {
        // In the order in which tasks move on.
        $all = $this->session->children($this->places->of('queue')) ?? [];
        array_push($all, ...array_column($this->running(), 1));
        foreach (['failed', 'done', 'dead'] as $place) {
            array_push($all, ...$this->session->children($this->places->of($place)) ?? []);
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
        $progress = $this->endOf($task);
        for ($look = 0; $progress === null && $look < self::LOOKS; $look++) {
            // In the order in which it moves on, so only one that goes back to the queue just then can be missed.
            $progress = $this->onItsWay($task) ?? $this->endOf($task);
        }
        return $progress ?? new Progress(Stage::Unknown);
    }

    private function onItsWay(string $task): ?Progress
    {
        $queued = $this->read('queue', $task);
        if ($queued !== null) {
            return new Progress(Stage::Queued, error: $queued->error());
        }
        if (in_array($task, array_column($this->running(), 1), true)) {
            return new Progress(Stage::Running);
        }
        $failed = $this->read('failed', $task);
        return $failed === null ? null : new Progress(Stage::Failed, error: $failed->error());
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
     * Waits until a task is done or given up; or, which it finds out within some seconds, is no more: Stage::Unknown.
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
            $lookAt = Session::now() + self::LOOK_AFTER;
            $isOver = $end !== null;
            if (!$isOver && !$this->session->await($watches, min($lookAt, $until ?? INF))) {
                $isOver = $until !== null && Session::now() >= $until;
                $end = $isOver ? null : $this->goneOf($task);
            }
        } while ($end === null && !$isOver);
        array_map($this->session->unwatch(...), $paths, $watches);
        return $end;
    }

    /** That a task is no more, or never was. */
    private function goneOf(string $task): ?Progress
    {
        $progress = $this->progress($task);
        return $progress->stage === Stage::Unknown ? $progress : null;
    }

    /**
     * Gives these tasks as they end, by their names; and those that are no more, as Stage::Unknown, within some seconds. It looks at
     * two lists at a time, so it serves thousands of tasks.
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
        $lookAt = Session::now() + self::LOOK_AFTER;
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
            if (Session::now() >= $lookAt) {
                foreach ($this->goneOfAll($left) as $task => $gone) {
                    unset($left[$task]);
                    yield $task => $gone;
                }
                $lookAt = Session::now() + self::LOOK_AFTER;
            }
            if ($left !== [] && !$this->session->await(array_column($lists, 1), min($lookAt, $until ?? INF))) {
                if ($until !== null && Session::now() >= $until) {
                    return;
                }
            }
        }
    }

    /**
     * @param array<string, true> $tasks
     * @return array<string, Progress>
     */
    private function goneOfAll(array $tasks): array
    {
        $gone = [];
        foreach (array_keys(array_diff_key($tasks, array_flip($this->allNames()))) as $task) {
            $gone[$task] = $this->goneOf((string) $task);
        }
        return array_filter($gone);
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
        return $this->move($path, $this->places->task('dead', $task), $dead->encode());
    }

    /** Moves a task; false when it is not there any more, or is where it should go already. */
    private function move(string $from, string $to, string $data): bool
    {
        $this->receipt = $this->receipt->here();
        while (true) {
            $outcome = $this->receipt->apply(Step::delete($from), Step::create($to, $data));
            if ($outcome->isDone || $outcome->isAt(0, \Zookeeper::NONODE) || $outcome->isAt(1, \Zookeeper::NODEEXISTS)) {
                return $outcome->isDone;
            }
            if (!$outcome->isAt(1, \Zookeeper::NONODE)) {
                // That will not change, however often it is tried.
                throw new Exception\Refused($outcome->step === 0 ? $from : $to, $outcome->code);
            }
            $this->places->prepare($this->session);
        }
    }

    /**
     * Tries a dead letter again, with all its attempts before it; they are numbered on. It is queued however full the queue is.
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
        $renewed = Task::decode($path, $node->data)->renewed($node->czxid());
        return $this->move($path, $this->places->task('queue', $task), $renewed->encode());
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
