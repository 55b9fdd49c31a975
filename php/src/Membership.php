<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;
use Zoarium\Internal\Session;

/**
 * Group membership: who is there. kazoo's layout, its Party.
 *
 *     /group/81d0...__party__       a member: an ephemeral with its identifier
 *
 * Guarantee: a member is seen from the time join() returns until it leaves or its session ends.
 *
 * Limits: a member that died is seen until its session expires. Everybody who waits for a change is woken by each.
 */
final class Membership
{
    private const MEMBER = '__party__';

    private readonly Session $session;

    /**
     * @param string $path made when needed
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path)
    {
        $this->session = Session::of($client);
    }

    /**
     * Becomes a member.
     *
     * @throws Exception\Failure
     */
    public function join(string $identifier): Member
    {
        return new Member(Own::create($this->session, "$this->path/" . Session::guid() . self::MEMBER, $identifier));
    }

    /**
     * The identifiers of all members, in order.
     *
     * @return list<string>
     * @throws Exception\Failure
     */
    public function members(): array
    {
        return $this->read($this->session->children($this->path) ?? []);
    }

    /**
     * Waits until the members are others than these, and tells them.
     *
     * @param list<string> $from
     * @param float|null $seconds so long at most; null for ever
     * @return list<string>|null null when the time is over
     * @throws Exception\Failure
     */
    public function changed(array $from, ?float $seconds = null): ?array
    {
        $until = $seconds === null ? null : Session::now() + $seconds;
        sort($from, SORT_STRING);
        while (true) {
            $found = $this->session->childrenWatched($this->path);
            if ($found === null) {
                $this->session->ensure($this->path);
                continue;
            }
            $members = $this->read($found[0]);
            if ($members !== $from) {
                return $members;
            }
            if (!$this->session->await([$found[1]], $until)) {
                return null;
            }
        }
    }

    /**
     * @param list<string> $names
     * @return list<string>
     */
    private function read(array $names): array
    {
        $members = [];
        foreach ($names as $name) {
            $node = str_ends_with($name, self::MEMBER) ? $this->session->data("$this->path/$name") : null;
            if ($node !== null) {
                $members[] = $node->data;
            }
        }
        sort($members, SORT_STRING);
        return $members;
    }
}
