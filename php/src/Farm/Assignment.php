<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception;
use Zoarium\Internal\Listening;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A task in a worker's hands, until it is done, fails or is taken away. When the last variable that has it goes, it has failed.
 */
final class Assignment
{
    private readonly string $path;
    private readonly int $pid;
    private bool $isOver = false;
    private bool $isEnding = false;

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
        $this->pid = Listening::pid();
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
        // Not this object itself, which would not be dropped as long as the watch is there.
        $self = \WeakReference::create($this);
        $tell = static function () use ($self, $callback): void {
            $assignment = $self->get();
            if ($assignment !== null && !$assignment->isOver && !$assignment->isEnding) {
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
     * @return bool true when it is saved, and no other will be; false when the assignment was taken away before, and nothing was
     *     saved. It may also be false when the answer was lost, and what was saved is not there any more: it was cleaned up since
     * @throws Exception\Failure when the session ends, or the result has more than 1,000,000 bytes
     */
    public function done(string $result): bool
    {
        Task::assertFits('a result', $result);
        return $this->end('done', Task::join(['worker' => $this->worker, 'attempt' => $this->attempt], $result));
    }

    /**
     * Says that this attempt failed.
     *
     * @param string $error why; its first 1000 characters are kept
     * @return bool false when the assignment was taken away before, or perhaps when the answer was lost and the task has moved on since
     * @throws Exception\Failure
     */
    public function fail(string $error): bool
    {
        return $this->end('failed', $this->task->withError($error)->encode());
    }

    /** One that is dropped has failed. */
    public function __destruct()
    {
        if (!$this->isOver && $this->pid === Listening::pid()) {
            $this->isOver = true;
            $failed = $this->task->withError('the worker dropped it')->encode();
            $this->session->changeLater(Step::delete($this->path), Step::create($this->places->task('failed', $this->name), $failed));
        }
    }

    private function end(string $place, string $data): bool
    {
        $this->isEnding = true;
        try {
            $isTaken = $this->move($this->places->task($place, $this->name), $data);
            // Not when something was thrown, which a callback of the script's may have done before anything was sent: what is dropped
            // then has failed, unless it was taken before.
            $this->isOver = true;
            return $isTaken;
        } finally {
            $this->isEnding = false;
        }
    }

    private function move(string $to, string $data): bool
    {
        [$mayBeDone, $isPrepared] = [false, false];
        while (true) {
            $outcome = $this->session->change(Step::delete($this->path), Step::create($to, $data));
            if ($outcome->isDone) {
                return true;
            }
            if ($outcome->isAt(0, \Zookeeper::NONODE)) {
                // Each attempt's words differ, so what is there was put by an earlier try of this loop, or by another.
                return $mayBeDone && $this->session->dataAfterDoubt($to)?->data === $data;
            }
            if ($outcome->isAt(1, \Zookeeper::NONODE) && !$isPrepared) {
                // Somebody has deleted the place where it should go.
                $this->places->prepare($this->session);
                $isPrepared = true;
            } elseif ($outcome->isUnknown) {
                $mayBeDone = true;
            } else {
                throw new Exception\Refused($to, $outcome->code);
            }
        }
    }
}
