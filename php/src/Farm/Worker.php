<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception;
use Zoarium\HoldState;
use Zoarium\Internal\Own;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A worker of a farm, registered for as long as its session lives.
 *
 *     $worker = Worker::register($client, '/farm', capacity: 2);
 *     $worker->work(fn (Assignment $task): string => strtoupper($task->payload()));
 *
 * Its life is told to the farm by the client's own thread, also while PHP computes; what hangs in an endless loop is taken away by
 * the task's time limit, if whoever submitted it set one. What is taken away from it may be worked on by another at the same time: its
 * result is refused, but what else it did is done.
 */
final class Worker
{
    /** @var array<string, true> assignments that were handed out */
    private array $handed = [];

    private bool $isStopped = false;

    private function __construct(
        private readonly Session $session,
        private readonly Places $places,
        private readonly string $id,
        private readonly Own $own,
    ) {
    }

    /**
     * Registers a worker under a new id.
     *
     * @param string $root the farm's path, which is made when needed
     * @param int $capacity how many tasks it has at once
     * @param string $name for people to see
     * @throws Exception\Failure
     */
    public static function register(\ZookeeperClient $client, string $root, int $capacity = 1, string $name = ''): self
    {
        $session = Session::of($client);
        $places = new Places($root);
        $id = Session::guid();
        $own = new Own($session, $places->task('workers', $id));
        $data = Task::json(['capacity' => $capacity] + ($name === '' ? [] : ['name' => $name]));
        while (true) {
            // Together: a leader takes whoever is assigned something and is no worker for gone.
            $outcome = $session->change(
                Step::create($places->task('assigned', $id)),
                Step::create($own->path, $data, \Zookeeper::EPHEMERAL),
            );
            // The id is new: when it exists, an earlier try was applied.
            if ($outcome->isDone || $outcome->code === \Zookeeper::NODEEXISTS) {
                $own->isMade();
                return new self($session, $places, $id, $own);
            }
            if ($outcome->code === \Zookeeper::NONODE) {
                $places->prepare($session);
            } elseif (!$outcome->isUnknown) {
                throw new Exception\Refused($own->path, $outcome->code);
            }
        }
    }

    public function id(): string
    {
        return $this->id;
    }

    /** How it stands: who is lost works for nobody. */
    public function state(): HoldState
    {
        return $this->own->possession()->state();
    }

    /**
     * Waits for the next task. Those that were handed out go on meanwhile.
     *
     * @param float|null $seconds so long at most; null for ever
     * @return Assignment|null null when the time is over, or stop() was called
     * @throws Exception\Failure when the session ends, or somebody has deleted the worker's znode
     */
    public function next(?float $seconds = null): ?Assignment
    {
        $path = $this->places->task('assigned', $this->id);
        $until = $seconds === null ? null : Session::now() + $seconds;
        while (!$this->isStopped) {
            [$names, $watch] = $this->session->childrenWatched($path) ?? throw new Exception\Deleted($path);
            $this->handed = array_intersect_key($this->handed, array_flip($names));
            usort($names, static fn (string $one, string $other): int => Task::rank($one) <=> Task::rank($other));
            foreach ($names as $name) {
                $assignment = $this->take($name);
                if ($assignment !== null) {
                    return $assignment;
                }
            }
            // In slices, so that stop() in a signal handler is seen.
            while (!$watch->hasFired && !$this->isStopped) {
                $slice = Session::now() + 0.5;
                if (!$this->session->await([$watch], min($until ?? $slice, $slice)) && $until !== null && Session::now() >= $until) {
                    return null;
                }
            }
        }
        return null;
    }

    /** An assignment that was not handed out and is still there. */
    private function take(string $name): ?Assignment
    {
        $split = Task::splitAttempt($name);
        if ($split === null || isset($this->handed[$name])) {
            return null;
        }
        $path = $this->places->assigned($this->id, $split[0], $split[1]);
        $node = $this->session->data($path);
        if ($node === null) {
            return null;
        }
        $this->handed[$name] = true;
        $task = Task::salvage($path, $node->data);
        $assignment = new Assignment($this->session, $this->places, $this->id, $split[0], $split[1], $task);
        if (!$task->isRubbish) {
            return $assignment;
        }
        try {
            // A leader in another language may take it for a task, and would leave it here for as long as this worker lives.
            $assignment->fail($task->error());
        } catch (Exception\Refused) {
            // What cannot be moved either must not end one worker after the other.
        }
        return null;
    }

    /**
     * Works until stop() is called. What is thrown makes the attempt fail, and its message is kept with the task.
     *
     * @param callable(Assignment): string $work gives the result
     * @param callable(Assignment, bool, \Throwable|null): void|null $ended told of each attempt, whether what came of it was taken, and
     *     what was thrown
     * @throws Exception\Failure when the session ends: register again with a new client
     */
    public function work(callable $work, ?callable $ended = null): void
    {
        while (($assignment = $this->next()) !== null) {
            $error = null;
            try {
                $isTaken = $assignment->done($work($assignment));
            } catch (Exception\SessionEnded $end) {
                throw $end;
            } catch (\Throwable $error) {
                // A result that is too long for a znode, too.
                $isTaken = $assignment->fail($error->getMessage());
            }
            if ($ended !== null) {
                $ended($assignment, $isTaken, $error);
            }
        }
    }

    /** Has next() and work() return when what is under way is done; may be called in a signal handler. */
    public function stop(): void
    {
        $this->isStopped = true;
    }

    /**
     * Leaves the farm; what it still has goes to others.
     *
     * @throws Exception\SessionEnded
     */
    public function leave(): void
    {
        $this->own->leave();
    }
}
