<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Session;

/**
 * A barrier: while its znode is there everybody waits. kazoo's and Curator's layout.
 *
 * Guarantee: nobody who began to wait after it was set gets through before it is removed.
 *
 * Limits: it is persistent, and stays when whoever set it dies. Who waits is told that it was removed, even if it is set again soon.
 */
final class Barrier
{
    private readonly Session $session;

    public function __construct(\ZookeeperClient $client, private readonly string $path)
    {
        $this->session = Session::of($client);
    }

    /**
     * Sets it; it may be set already.
     *
     * @throws Exception\Failure
     */
    public function set(): void
    {
        $this->session->ensure($this->path);
    }

    /**
     * Removes it.
     *
     * @return bool whether it was set
     * @throws Exception\Failure
     */
    public function remove(): bool
    {
        return $this->session->delete($this->path);
    }

    /**
     * Waits until it is removed; not at all when it is not set.
     *
     * @param float|null $seconds so long at most; null for ever
     * @return bool false when the time is over
     * @throws Exception\Failure
     */
    public function wait(?float $seconds = null): bool
    {
        $until = $seconds === null ? null : Session::now() + $seconds;
        // A server of an ensemble may not know yet that it was set, and whoever goes through by its word goes early.
        $isFresh = false;
        while (($found = $this->session->dataWatched($this->path)) !== null || !$isFresh) {
            if ($found === null) {
                $this->session->sync();
            } elseif (!$this->session->await([$found[1]], $until)) {
                return false;
            }
            $isFresh = true;
        }
        return true;
    }
}
