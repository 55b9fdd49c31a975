<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * The limit that was set is reached.
 */
final class Full extends \RuntimeException implements Failure
{
    /**
     * @param list<string> $accepted the names of those that were accepted before, in the order in which they were given; the others
     *     were not
     */
    public function __construct(
        public readonly string $path,
        public readonly int $count,
        public readonly int $countMax,
        public readonly array $accepted = [],
    ) {
        parent::__construct("$path is full: $count of $countMax are there; " . count($accepted) . ' were taken before');
    }
}
