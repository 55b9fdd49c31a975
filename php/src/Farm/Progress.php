<?php

declare(strict_types=1);

namespace Zoarium\Farm;

/**
 * How far a task is, and what came of it.
 */
final class Progress
{
    /** @internal */
    public function __construct(
        public readonly Stage $stage,
        /** The result of a task that is done. */
        public readonly string $result = '',
        /** Why the last attempt of one that is failed or dead ended. */
        public readonly string $error = '',
    ) {
    }

    /** Whether nothing more will come. */
    public function isEnd(): bool
    {
        return $this->stage === Stage::Done || $this->stage === Stage::Dead;
    }
}
