<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * What the library remembers of one client: its watches, who wants to hear how the session stands, and what is left to clean up.
 *
 * It does not hold the client, so that it may stand in a WeakMap under it, and the extension may hold its callbacks.
 *
 * @internal
 */
final class Listening
{
    /** The process that listens; in a forked child nothing of this is heard. */
    public int $pid;

    /** Since when it is not known whether the session lives, in seconds of the monotonic clock. */
    public ?float $doubtSince = null;

    /** @var array<string, Watch> those that may not have fired, by kind and path */
    private array $watches = [];

    /** @var array<int, \Closure(): void> */
    private array $listeners = [];

    private int $lastListener = 0;

    /** @var array<int, \Closure(\ZookeeperClient): void> what is to be deleted; no number is given twice */
    private array $leftovers = [];

    public function __construct()
    {
        $this->pid = self::pid();
    }

    public static function pid(): int
    {
        return (int) getmypid();
    }

    /** Forgets what only the parent of this process hears. */
    public function renew(): void
    {
        $this->pid = self::pid();
        $this->doubtSince = null;
        $this->watches = [];
        $this->listeners = [];
        $this->leftovers = [];
    }

    /** What the extension calls when the session's standing changes. */
    public function sessionWatcher(): \Closure
    {
        return function (): void {
            foreach ($this->listeners as $listener) {
                $listener();
            }
        };
    }

    /**
     * @param \Closure(): void $listener called at each change of the session's standing
     */
    public function listen(\Closure $listener): int
    {
        $this->listeners[++$this->lastListener] = $listener;
        return $this->lastListener;
    }

    public function listenNoMore(int $number): void
    {
        unset($this->listeners[$number]);
    }

    /** The watch for this, which may be set already. */
    public function watch(string $kind, string $path): Watch
    {
        $key = "$kind$path";
        $watch = $this->watches[$key] ?? null;
        if ($watch === null || $watch->hasFired) {
            $this->forgetFired();
            $watch = $this->watches[$key] = new Watch();
        }
        return $watch;
    }

    /** Now and then, so that what it costs is spread. */
    private function forgetFired(): void
    {
        if (count($this->watches) % 64 === 63) {
            $this->watches = array_filter($this->watches, static fn (Watch $watch): bool => !$watch->hasFired);
        }
    }

    /**
     * @param \Closure(\ZookeeperClient): void $cleanUp
     */
    public function leave(\Closure $cleanUp): void
    {
        $this->leftovers[] = $cleanUp;
    }

    /**
     * @return array<int, \Closure(\ZookeeperClient): void> what is to be cleaned up
     */
    public function leftovers(): array
    {
        return $this->leftovers;
    }

    /** @param int $number of leftovers() */
    public function isCleanedUp(int $number): void
    {
        unset($this->leftovers[$number]);
    }
}
