<?php

declare(strict_types=1);

namespace Zoarium\Farm;

/**
 * How many workers there are, and how many tasks are where.
 */
final class Counts
{
    /** @internal */
    public function __construct(
        public readonly int $workers,
        public readonly int $queued,
        public readonly int $running,
        public readonly int $failed,
        public readonly int $done,
        public readonly int $dead,
    ) {
    }
}
