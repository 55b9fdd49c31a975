<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;

/**
 * A membership, until it is left or the session ends. When the last variable that has it goes, it is left.
 */
final class Member
{
    /** @internal */
    public function __construct(private readonly Own $own)
    {
    }

    /** How it stands, as far as the session tells; the server is not asked. */
    public function state(): HoldState
    {
        return $this->own->possession()->state();
    }

    /**
     * Has somebody told at once when that changes; see Hold::onChange().
     *
     * @param callable(HoldState): void $callback
     */
    public function onChange(callable $callback): void
    {
        $this->own->possession()->onChange($callback);
    }

    /**
     * Leaves the group; returns when others can see it.
     *
     * @throws Exception\SessionEnded when the session has ended, which takes it along sooner or later
     */
    public function leave(): void
    {
        $this->own->leave();
    }
}
