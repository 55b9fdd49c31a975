<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * A watch that fires once.
 *
 * @internal
 */
final class Watch
{
    public bool $hasFired = false;

    /** What the extension calls; the same one for the same watch, so that asking again adds none. */
    public readonly \Closure $callback;

    public function __construct()
    {
        $this->callback = function (): void {
            $this->hasFired = true;
        };
    }
}
