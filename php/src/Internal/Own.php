<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * An ephemeral under a name that nobody else makes: a lease, a member, a registration.
 *
 * Whoever made it deletes it, also when it is dropped half-made.
 *
 * @internal
 */
final class Own
{
    private ?Possession $possession = null;
    private bool $isLeft = false;
    private readonly int $pid;

    /** One that will be made at this path; dropping it deletes what is there. */
    public function __construct(public readonly Session $session, public readonly string $path)
    {
        $this->pid = Listening::pid();
    }

    /** Makes it, and the znodes above it where they are missing. When this returns the session is surely alive. */
    public static function create(Session $session, string $path, string $data): self
    {
        $own = new self($session, $path);
        $session->createOwn($path, $data);
        $own->isMade();
        return $own;
    }

    /** It was made. The answer may be old, and the session have expired since: waits until it is surely alive. */
    public function isMade(): void
    {
        $this->session->beSure();
        $this->possession = new Possession($this->session);
    }

    public function possession(): Possession
    {
        return $this->possession ??= new Possession($this->session);
    }

    /** Deletes it; returns when it is gone. In a forked child it is not this one's to delete. */
    public function leave(): void
    {
        if ($this->isLeft || $this->pid !== Listening::pid()) {
            return;
        }
        $this->session->delete($this->path);
        $this->isLeft = true;
        $this->possession?->end();
    }

    public function __destruct()
    {
        if (!$this->isLeft && $this->pid === Listening::pid()) {
            $this->session->abandon(Session::parentOf($this->path), basename($this->path));
        }
    }
}
