<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Internal\Session;

/**
 * When a leader must do something about which znode. It holds nothing that the tree does not say, but when this leader first saw it.
 *
 * Pauses and time limits run by the leader's clock from when it sees the znode come. What is there when it begins to lead has aged
 * by the servers' time. Deadlines run by the servers' time, which is carried on by the leader's clock.
 *
 * @internal
 */
final class Agenda
{
    /** The pause after a failed attempt, doubled with each since it was submitted or retried, and the longest one. */
    private const BACKOFF_MIN_MS = 100;
    private const BACKOFF_MAX_MS = 10_000;

    /** How old the servers' time may be that it goes by, in seconds. */
    private const SERVERS_TIME_MAX = 60.0;

    /** @var array<string, array{float, bool}> by key: when, and whether it is the task's deadline */
    private array $due = [];

    /** Before a move that was refused is tried again, in seconds. */
    private const STUCK_PAUSE = 10.0;

    /** @var array<string, float> by key: until when a task is left alone whose move was refused */
    private array $stuck = [];

    private float $serversAt;
    private bool $isFirstLook = true;

    public function __construct(private int $serversMs)
    {
        $this->serversAt = Session::now();
    }

    public function wantsServersTime(): bool
    {
        return Session::now() - $this->serversAt > self::SERVERS_TIME_MAX;
    }

    public function setServersTime(int $ms): void
    {
        [$this->serversMs, $this->serversAt] = [$ms, Session::now()];
    }

    public function serversNowMs(): int
    {
        return $this->serversMs + (int) ((Session::now() - $this->serversAt) * 1000);
    }

    public function knows(string $key): bool
    {
        return isset($this->due[$key]);
    }

    /** Notes what is to be done about a task that lies there since then. */
    public function note(string $key, string $place, Task $task, int $ctimeMs): void
    {
        $now = Session::now();
        $limitMs = match ($place) {
            'assigned' => $task->isRubbish || Task::splitAttempt($key) === null ? 0 : ($task->timeLimitMs() ?: null),
            'failed' => $task->isSpent() ? 0 : min(self::BACKOFF_MAX_MS, self::BACKOFF_MIN_MS << min(10, max(0, $task->tries() - 1))),
            default => null,
        };
        $passedMs = $this->isFirstLook ? max(0, $this->serversNowMs() - $ctimeMs) : 0;
        $limitAt = $limitMs === null ? INF : $now + ($limitMs - $passedMs) / 1000;
        $deadlineMs = $task->deadlineAtMs($ctimeMs);
        $deadlineAt = $deadlineMs === null ? INF : $now + ($deadlineMs - $this->serversNowMs()) / 1000;
        $this->due[$key] = [min($limitAt, $deadlineAt), $deadlineAt <= $limitAt && $deadlineAt !== INF];
    }

    /**
     * Forgets all but these.
     *
     * @param array<string, mixed> $keys
     */
    public function keep(array $keys): void
    {
        $this->due = array_intersect_key($this->due, $keys);
        $now = Session::now();
        $this->stuck = array_filter($this->stuck, static fn (float $until): bool => $until > $now);
        $this->isFirstLook = false;
    }

    /** Leaves a task alone for a while, wherever it should go. */
    public function isRefused(string $key): void
    {
        $this->stuck[$key] = Session::now() + self::STUCK_PAUSE;
        if (isset($this->due[$key])) {
            $this->due[$key][0] = max($this->due[$key][0], $this->stuck[$key]);
        }
    }

    public function isStuck(string $key): bool
    {
        return ($this->stuck[$key] ?? 0.0) > Session::now();
    }

    public function isDue(string $key): bool
    {
        return ($this->due[$key][0] ?? INF) <= Session::now();
    }

    public function isDeadline(string $key): bool
    {
        return $this->due[$key][1] ?? false;
    }

    /** When the first of all is due. */
    public function nextDue(): float
    {
        return min([INF, ...array_column($this->due, 0)]);
    }
}
