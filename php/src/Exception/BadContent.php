<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * A znode holds what a recipe cannot read.
 */
final class BadContent extends \RuntimeException implements Failure
{
    public function __construct(public readonly string $path, string $what)
    {
        parent::__construct("$path holds $what");
    }
}
