<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A task in a worker's hands, until it is done, fails or is taken away.
 */
final class Assignment
{
    private readonly string $path;
    private bool $isOver = false;

    /** @internal */
    public function __construct(
        private readonly Session $session,
        private readonly Places $places,
        private readonly string $worker,
        /** The task's name. */
        public readonly string $name,
        /** The fencing token of this attempt: higher than that of earlier ones of this task. */
        public readonly int $attempt,
        private readonly Task $task,
    ) {
        $this->path = $places->assigned($worker, $name, $attempt);
    }

    /** What is to be worked on. */
    public function payload(): string
    {
        return $this->task->payload;
    }

    /** What tells this attempt from all others: let side effects, such as the names of files, carry it. */
    public function id(): string
    {
        return "$this->name.$this->attempt";
    }

    /**
     * Asks the server whether it is still this worker's.
     *
     * @throws Exception\Failure
     */
    public function isMine(): bool
    {
        return $this->session->exists($this->path) !== null;
    }

    /**
     * Has somebody told, once and between two statements of the script, when it is taken away: to stop work that is in vain.
     * An exception thrown there surfaces at the line that was interrupted.
     *
     * @param callable(): void $callback
     * @throws Exception\Failure
     */
    public function onTakenAway(callable $callback): void
    {
        $tell = function () use ($callback): void {
            if (!$this->isOver) {
                $callback();
            }
        };
        if (!$this->session->watch($this->path, $tell)) {
            $tell();
        }
    }

    /**
     * Saves the result.
     *
     * @return bool true when it is saved, and no other will be; false when the assignment was taken away before: nothing was saved
     * @throws Exception\Failure when the session ends, or the result is too long for a znode
     */
    public function done(string $result): bool
    {
        return $this->end('done', Task::join(['worker' => $this->worker, 'attempt' => $this->attempt], $result));
    }

    /**
     * Says that this attempt failed.
     *
     * @return bool false when the assignment was taken away before
     * @throws Exception\Failure
     */
    public function fail(string $error): bool
    {
        return $this->end('failed', $this->task->withError($error)->encode());
    }

    private function end(string $place, string $data): bool
    {
        $to = $this->places->task($place, $this->name);
        $mayBeDone = false;
        $this->isOver = true;
        while (true) {
            $outcome = $this->session->change(Step::delete($this->path), Step::create($to, $data));
            if ($outcome->isDone) {
                return true;
            }
            if ($outcome->isAt(0, \Zookeeper::NONODE)) {
                // Each attempt's words differ, so what is there was put by an earlier try of this loop, or by another.
                return $mayBeDone && $this->session->data($to)?->data === $data;
            }
            if (!$outcome->isUnknown) {
                throw new Exception\Refused($to, $outcome->code);
            }
            $mayBeDone = true;
        }
    }
}
