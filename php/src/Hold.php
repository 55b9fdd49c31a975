<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Place;

/**
 * A lock or leadership that is held until it is released or the session ends. What lock() hands out; when the last variable that has
 * it goes, it is released.
 *
 * It is not the right to go on unasked: between a look at the state and the deed that follows time passes, so the deed carries the
 * token, and what it acts on refuses a lower one than it has seen. Inside ZooKeeper the check is fence().
 */
final class Hold
{
    /** @internal */
    public function __construct(private readonly Place $place)
    {
        $place->possession();
    }

    /** The fencing token: higher than that of every earlier holder. It is the czxid of path(). */
    public function token(): int
    {
        return $this->place->token();
    }

    /** The znode that stands for it. */
    public function path(): string
    {
        return $this->place->path();
    }

    /**
     * How it stands, as far as the session tells; the server is not asked. That somebody deleted its znode by hand is only found by
     * check() and fence().
     */
    public function state(): HoldState
    {
        return $this->place->possession()->state();
    }

    public function isHeld(): bool
    {
        return $this->state() === HoldState::Held;
    }

    /**
     * Has somebody told at once when it is suspended, held again or lost: between two statements of the script, as all callbacks. An
     * exception thrown there surfaces at the line that was interrupted, which is a way to stop work under way. A closure that has this
     * hold keeps it from being released when it is forgotten.
     *
     * @param callable(HoldState): void $callback
     */
    public function onChange(callable $callback): void
    {
        $this->place->possession()->onChange($callback);
    }

    /**
     * Asks the server whether its znode is still there.
     *
     * @throws Exception\SessionEnded
     */
    public function check(): bool
    {
        return $this->place->session->exists($this->path()) !== null;
    }

    /**
     * The condition that it is still held, added to a multi: what stands beside it is done while it is held, or not at all.
     */
    public function fence(\ZookeeperMulti $multi = new \ZookeeperMulti()): \ZookeeperMulti
    {
        return $multi->check($this->path(), 0);
    }

    /**
     * Releases it; returns when it is gone.
     *
     * @throws Exception\SessionEnded when the session has ended, which takes it along sooner or later
     */
    public function release(): void
    {
        $this->place->leave();
    }
}
