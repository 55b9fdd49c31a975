<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Manner;
use Zoarium\Internal\Place;
use Zoarium\Internal\Session;

/**
 * An election: of all that stand one leads, the next in line when it ends. kazoo's layout, which is that of its lock.
 *
 *     $election = new Election($client, '/election', 'host-7');
 *     $election->run(function (Hold $leadership): Term {
 *         while ($leadership->isHeld()) {
 *             work($leadership->token());
 *         }
 *         return Term::Again;
 *     });
 *
 * Guarantee: as Lock's: one Hold at a time says that it is held, later leaders have higher tokens, the end of one wakes one.
 *
 * Limits: leader() tells who led when the server answered. A leader that is suspended still leads, until its session may have
 * expired: look at the state in the work or be told by onChange(), and give the token along with all that is done.
 */
final class Election
{
    private readonly Session $session;

    /**
     * @param string $path made when needed
     * @param string $identifier under which name this one stands
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path, private readonly string $identifier = '')
    {
        $this->session = Session::of($client);
    }

    /**
     * Stands until it leads.
     *
     * @throws Exception\Failure when the session ends
     */
    public function lead(): Hold
    {
        $place = Place::stand($this->session, $this->path, Manner::Exclusive, $this->identifier);
        return new Hold($place ?? throw new \LogicException('it stands until it is its turn'));
    }

    /**
     * Stands for so many seconds at most.
     *
     * @throws Exception\Failure
     */
    public function leadWithin(float $seconds): ?Hold
    {
        $until = Session::now() + $seconds;
        $place = Place::stand($this->session, $this->path, Manner::Exclusive, $this->identifier, $until);
        return $place === null ? null : new Hold($place);
    }

    /**
     * Stands without waiting.
     *
     * @throws Exception\Failure
     */
    public function stand(): Candidacy
    {
        return new Candidacy(Place::take($this->session, $this->path, Manner::Exclusive, $this->identifier));
    }

    /**
     * Leads again and again, and stands at the end of the line between.
     *
     * @param callable(Hold): Term $term returns when its leadership is lost, at the latest
     * @throws Exception\Failure when the session ends
     */
    public function run(callable $term): void
    {
        do {
            $leadership = $this->lead();
            try {
                $next = $term($leadership);
            } finally {
                $leadership->release();
            }
        } while ($next === Term::Again);
    }

    /**
     * The name of the one who leads, if anybody does.
     *
     * @throws Exception\Failure
     */
    public function leader(): ?string
    {
        return $this->participants()[0] ?? null;
    }

    /**
     * The names of all that stand, the leader first.
     *
     * @return list<string>
     * @throws Exception\Failure
     */
    public function participants(): array
    {
        return Place::identifiers($this->session, $this->path, Manner::Exclusive);
    }
}
