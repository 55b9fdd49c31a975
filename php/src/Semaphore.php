<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A semaphore: so many leases at a time, and no more. kazoo's layout.
 *
 *     /semaphore                    data: the number of leases, as text
 *     /semaphore/9c1f...            a lease: an ephemeral
 *     /semaphore-__lock__           whoever wants a lease waits here; the first in line waits for a lease
 *
 * Guarantee: of all leases that say that they are held there are never more than the number. Served in the order of asking. A lease
 * is made together with the check that the lock is still held.
 *
 * Limits: all users must name the same number; another one is refused. kazoo's own clients make their leases without that check.
 */
final class Semaphore
{
    private readonly Session $session;
    private readonly Lock $lock;

    /**
     * @param string $path made when needed
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path, private readonly int $leaseCount)
    {
        if ($leaseCount < 1) {
            throw new \ValueError("a semaphore has at least one lease, not $leaseCount");
        }
        $this->session = Session::of($client);
        $this->lock = new Lock($client, "$path-__lock__");
    }

    /**
     * Waits for a lease.
     *
     * @throws Exception\Failure when the session ends, or the semaphore has another number of leases
     */
    public function acquire(): Lease
    {
        return $this->acquireUntil(null) ?? throw new \LogicException('it waits until there is one');
    }

    /**
     * Waits for a lease for so many seconds at most.
     *
     * @throws Exception\Failure
     */
    public function acquireWithin(float $seconds): ?Lease
    {
        return $this->acquireUntil(Session::now() + $seconds);
    }

    private function acquireUntil(?float $until): ?Lease
    {
        $this->prepare();
        while (true) {
            $hold = $until === null ? $this->lock->acquire() : $this->lock->acquireWithin(max(0.0, $until - Session::now()));
            if ($hold === null) {
                return null;
            }
            $hasRoom = $this->waitForRoom($until);
            $lease = $hasRoom ? $this->makeLease($hold) : null;
            $hold->release();
            if ($lease !== null) {
                // The last answers may be old, and the session have expired since.
                $this->session->beSure();
                return $lease;
            }
            if (!$hasRoom) {
                return null;
            }
        }
    }

    /** Makes the semaphore, or reads how many leases it has. */
    private function prepare(): void
    {
        $wanted = (string) $this->leaseCount;
        while (($node = $this->session->data($this->path)) === null) {
            $this->session->ensure(Session::parentOf($this->path));
            // Whatever becomes of it is seen in the next turn.
            $outcome = $this->session->change(Step::create($this->path, $wanted));
            if ($outcome->code !== 0 && $outcome->code !== \Zookeeper::NODEEXISTS && $outcome->code !== \Zookeeper::NONODE) {
                throw new Exception\Refused($this->path, $outcome->code);
            }
        }
        // As kazoo does: what is no number is somebody else's.
        if (preg_match('/^[0-9]+$/D', $node->data) === 1 && $node->data !== $wanted) {
            throw new Exception\BadContent($this->path, "{$node->data} leases, not $wanted");
        }
    }

    /** With the lock held. */
    private function waitForRoom(?float $until): bool
    {
        while (true) {
            $found = $this->session->childrenWatched($this->path);
            if ($found === null) {
                $this->prepare();
            } elseif (count($found[0]) < $this->leaseCount) {
                return true;
            } elseif (!$this->session->await([$found[1]], $until)) {
                return false;
            }
        }
    }

    /** Null when the lock was lost. */
    private function makeLease(Hold $hold): ?Lease
    {
        $own = new Own($this->session, "$this->path/" . Session::guid());
        while (true) {
            $outcome = $this->session->change(
                Step::check($hold->path(), 0),
                Step::create($own->path, '', \Zookeeper::EPHEMERAL),
            );
            if ($outcome->isDone || $outcome->isAt(1, \Zookeeper::NODEEXISTS)) {
                $own->isMade();
                return new Lease($own);
            }
            if ($outcome->isAt(0, \Zookeeper::NONODE)) {
                return null;
            }
            if (!$outcome->isUnknown) {
                throw new Exception\Refused($own->path, $outcome->code);
            }
        }
    }
}
