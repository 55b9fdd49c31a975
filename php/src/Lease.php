<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;

/**
 * One of a semaphore's leases, until it is released or the session ends. When the last variable that has it goes, it is released.
 */
final class Lease
{
    /** @internal */
    public function __construct(private readonly Own $own)
    {
    }

    /** The znode that stands for it. */
    public function path(): string
    {
        return $this->own->path;
    }

    /** How it stands, as far as the session tells; the server is not asked. */
    public function state(): HoldState
    {
        return $this->own->possession()->state();
    }

    /**
     * Has somebody told at once when it is suspended, held again or lost; see Hold::onChange().
     *
     * @param callable(HoldState): void $callback
     */
    public function onChange(callable $callback): void
    {
        $this->own->possession()->onChange($callback);
    }

    /**
     * Gives it back; returns when it is gone.
     *
     * @throws Exception\SessionEnded when the session has ended, which takes it along sooner or later
     */
    public function release(): void
    {
        $this->own->leave();
    }
}
