<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * A payload or a result is longer than what a farm takes.
 */
final class TooLong extends \RuntimeException implements Failure
{
    public function __construct(string $what, public readonly int $len, public readonly int $lenMax)
    {
        parent::__construct("$what of $len bytes is too long: $lenMax bytes at most");
    }
}
