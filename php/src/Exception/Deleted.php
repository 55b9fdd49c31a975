<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * Somebody else deleted what a recipe had put there.
 */
final class Deleted extends \RuntimeException implements Failure
{
    public function __construct(public readonly string $path)
    {
        parent::__construct("$path was deleted by somebody else");
    }
}
