<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * How to stand in line: what one's own place is, and the kinds that are waited for when they stand before it.
 *
 * @internal
 */
enum Manner: string
{
    case Exclusive = '__lock__';
    case Reader = '__rlock__';
    /** As Exclusive, but readers count. */
    case Writer = '__lock__ ';

    /** The part of a name behind which the number stands. */
    public function kind(): string
    {
        return rtrim($this->value);
    }

    /**
     * @return list<string>
     */
    public function waitsFor(): array
    {
        return match ($this) {
            self::Exclusive, self::Reader => ['__lock__'],
            self::Writer => ['__lock__', '__rlock__'],
        };
    }
}
