<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * An ephemeral that this process made: a lease, a member, a registration.
 *
 * Whoever made it deletes it, also when it is dropped half-made, and nothing else: under a name that others may use, too, a znode
 * is known by its czxid.
 *
 * @internal
 */
final class Own
{
    private ?Possession $possession = null;
    private bool $isLeft = false;
    private readonly int $pid;
    private ?int $czxid = null;

    /**
     * One that will be made at this path; dropping it deletes it.
     *
     * @param int|null $after the highest czxid that surely is not its own; null when nobody else makes this name
     */
    public function __construct(public readonly Session $session, public readonly string $path, private readonly ?int $after = null)
    {
        $this->pid = Listening::pid();
    }

    /** Makes it, and the znodes above it where they are missing. When this returns the session is surely alive. */
    public static function create(Session $session, string $path, string $data): self
    {
        $own = new self($session, $path);
        $own->isMade($session->createOwn($path, $data));
        return $own;
    }

    /** It was made. The answer may be old, and the session have expired since: waits until it is surely alive. */
    public function isMade(?int $czxid = null): void
    {
        $this->czxid = $czxid;
        $this->session->beSure();
        $this->possession = new Possession($this->session);
    }

    public function possession(): Possession
    {
        return $this->possession ??= new Possession($this->session);
    }

    /** Whether this process made it, and not one from which it was forked. */
    public function isMine(): bool
    {
        return $this->pid === Listening::pid();
    }

    /** Whether it is still there, and not another one under its name. */
    public function isThere(): bool
    {
        return ($this->session->exists($this->path)['czxid'] ?? null) === $this->czxid;
    }

    /** Deletes it; returns when it is gone. In a forked child it is not this one's to delete. */
    public function leave(): void
    {
        if ($this->isLeft || !$this->isMine()) {
            return;
        }
        if ($this->after === null || $this->isThere()) {
            $this->session->delete($this->path);
        }
        $this->isLeft = true;
        $this->possession?->end();
    }

    public function __destruct()
    {
        if (!$this->isLeft && $this->isMine()) {
            $this->session->abandon($this->path, $this->sieve());
        }
    }

    /**
     * @return (\Closure(array<string, int>): bool)|null
     */
    private function sieve(): ?\Closure
    {
        [$after, $czxid, $session] = [$this->after, $this->czxid, $this->session->id()];
        return match (true) {
            $after === null => null,
            $czxid !== null => static fn (array $stat): bool => $stat['czxid'] === $czxid,
            default => static fn (array $stat): bool => $stat['czxid'] > $after && $stat['ephemeralOwner'] === $session,
        };
    }
}
