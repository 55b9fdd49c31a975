<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;
use Zoarium\Internal\Session;

/**
 * A double barrier: nobody begins before all are there, nobody goes on before all have left. kazoo's layout.
 *
 *     /barrier/3b7a...      a member: an ephemeral
 *     /barrier/ready        all were there; nobody waits at the entrance any more
 *
 * Guarantee: enter() returns only when so many members have been there at once, and leave() only when none is there any more.
 *
 * Limits: one round a path: who enters again while others still leave the round before gets through. A member whose session ends
 * has left.
 */
final class DoubleBarrier
{
    private const READY = 'ready';

    private readonly Session $session;
    private ?Own $own = null;

    /**
     * @param int $count how many members there are
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path, private readonly int $count)
    {
        $this->session = Session::of($client);
    }

    /**
     * Waits until all are there.
     *
     * @param string $identifier what others see of this member
     * @param float|null $seconds so long at most, and then it is not there any more; null for ever
     * @return bool false when the time is over
     * @throws Exception\Failure
     */
    public function enter(string $identifier = '', ?float $seconds = null): bool
    {
        $until = $seconds === null ? null : Session::now() + $seconds;
        $own = Own::create($this->session, "$this->path/" . Session::guid(), $identifier);
        $ready = "$this->path/" . self::READY;
        while (true) {
            [$stat, $watch] = $this->session->existsWatched($ready);
            if ($stat !== null) {
                break;
            }
            if (count($this->members()) >= $this->count) {
                $this->session->ensure($ready);
                break;
            }
            if (!$this->session->await([$watch], $until)) {
                $this->session->unwatch($ready, $watch);
                $own->leave();
                return false;
            }
        }
        // The answer may be old: while it was on its way the session may have expired, and the others have left.
        $this->session->beSure();
        $this->own = $own;
        return true;
    }

    /**
     * Leaves, and waits until all have left.
     *
     * @throws Exception\Failure
     */
    public function leave(): void
    {
        $own = $this->own?->isMine() === true ? $this->own : throw new \LogicException("{$this->path} was not entered");
        $own->leave();
        $this->own = null;
        while (($members = $this->members()) !== []) {
            // All wait for the same one, so each departure but the last few wakes nobody.
            $found = $this->session->dataWatched("$this->path/" . min($members));
            if ($found !== null) {
                $this->session->await([$found[1]]);
            }
        }
        $this->session->delete("$this->path/" . self::READY);
    }

    /**
     * @return list<string>
     */
    private function members(): array
    {
        return array_values(array_diff($this->session->children($this->path) ?? [], [self::READY]));
    }
}
