<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * The session has ended, and with it all that belonged to it: make a new client and begin again.
 */
final class SessionEnded extends \RuntimeException implements Failure
{
    public static function because(string $why, ?\Throwable $previous = null): self
    {
        return new self("the session has ended: $why", 0, $previous);
    }
}
