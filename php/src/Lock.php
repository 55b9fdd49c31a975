<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Manner;
use Zoarium\Internal\Place;
use Zoarium\Internal\Session;

/**
 * A lock: one holder at a time, served in the order of asking. kazoo's layout, which the Rust recipes have, too.
 *
 *     $lock = new Lock($client, '/locks/printer', 'host-7');
 *     $hold = $lock->acquire();
 *     print_with_token($hold->token());
 *     $hold->release();
 *
 * Guarantee: of all holds of one path that say Held at a moment there is one at most, and a later holder's token is higher than an
 * earlier one's. A release wakes one waiter. A create whose outcome is unknown is found again by its GUID.
 *
 * Limits: not re-entrant: whoever asks twice waits for itself. Fairness ends with the session. A holder that is suspended still
 * holds, for as long as its session lives. It trusts everybody who may write below the path. What waits cannot be called in a
 * callback; tryAcquire() can. A request that is under way when a time limit is over is finished first. After 2147483647 places the
 * numbers of a path are used up, and it serves nobody any more.
 */
final class Lock
{
    private readonly Session $session;

    /**
     * @param string $path made when needed
     * @param string $identifier what others see of this contender
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path, private readonly string $identifier = '')
    {
        $this->session = Session::of($client);
    }

    /**
     * Waits until it is held.
     *
     * @throws Exception\Failure when the session ends, the path is not usable, or somebody deletes the contender's znode
     */
    public function acquire(): Hold
    {
        $place = Place::stand($this->session, $this->path, Manner::Exclusive, $this->identifier);
        return new Hold($place ?? throw new \LogicException('it stands until it is its turn'));
    }

    /**
     * Waits for so many seconds at most.
     *
     * @throws Exception\Failure
     */
    public function acquireWithin(float $seconds): ?Hold
    {
        $until = Session::now() + $seconds;
        $place = Place::stand($this->session, $this->path, Manner::Exclusive, $this->identifier, $until);
        return $place === null ? null : new Hold($place);
    }

    /**
     * Takes it if it is free.
     *
     * @throws Exception\Failure
     */
    public function tryAcquire(): ?Hold
    {
        $place = Place::take($this->session, $this->path, Manner::Exclusive, $this->identifier);
        if ($place->hasTurn()) {
            return new Hold($place);
        }
        $place->leave();
        return null;
    }

    /**
     * Does something while it is held, and gives what that gives.
     *
     * @template T
     * @param callable(Hold): T $work
     * @return T
     * @throws Exception\Failure
     */
    public function synchronized(callable $work): mixed
    {
        $hold = $this->acquire();
        try {
            return $work($hold);
        } finally {
            $hold->release();
        }
    }

    /**
     * The identifiers of holder and waiters, in their order.
     *
     * @return list<string>
     * @throws Exception\Failure
     */
    public function contenders(): array
    {
        return Place::identifiers($this->session, $this->path, Manner::Exclusive);
    }
}
