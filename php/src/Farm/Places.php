<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Internal\Session;

/**
 * The places of a farm; see docs/formats/task-farm.md.
 *
 * @internal
 */
final class Places
{
    /** All that must be there before a farm works. */
    private const ALL = ['clock', 'leader', 'workers', 'assigned', 'queue', 'failed', 'done', 'dead'];

    public function __construct(private readonly string $root)
    {
    }

    public function of(string $place): string
    {
        return "$this->root/$place";
    }

    public function task(string $place, string $task): string
    {
        return "$this->root/$place/$task";
    }

    public function assigned(string $worker, string $task, int $attempt): string
    {
        return "$this->root/assigned/$worker/$task.$attempt";
    }

    public function prepare(Session $session): void
    {
        foreach (self::ALL as $place) {
            $session->ensure($this->of($place));
        }
    }
}
