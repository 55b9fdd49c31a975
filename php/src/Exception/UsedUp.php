<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * So many places were made under one path that the server has no more numbers for them: 2147483647. Another path has.
 */
final class UsedUp extends \RuntimeException implements Failure
{
    public function __construct(public readonly string $path)
    {
        parent::__construct("the numbers of $path are used up: delete it when nobody uses it, or use another path");
    }
}
