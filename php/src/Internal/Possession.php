<?php

declare(strict_types=1);

namespace Zoarium\Internal;

use Zoarium\HoldState;

/**
 * What lasts as long as the session in which it was made: how it stands, and who is told when that changes.
 *
 * @internal
 */
final class Possession
{
    private readonly int $pid;
    private readonly int $sessionId;

    /** @var list<int> */
    private array $listeners = [];

    private bool $isEnded = false;

    public function __construct(private readonly Session $session)
    {
        $this->pid = Listening::pid();
        $this->sessionId = $session->id();
    }

    public function state(): HoldState
    {
        // The standing is asked last: it must be that of the session that was compared.
        if ($this->isEnded || $this->pid !== Listening::pid() || $this->session->id() !== $this->sessionId) {
            return HoldState::Lost;
        }
        return HoldState::of($this->session->standing());
    }

    /**
     * @param callable(HoldState): void $callback
     */
    public function onChange(callable $callback): void
    {
        $last = $this->state();
        $self = \WeakReference::create($this);
        $this->listeners[] = $this->session->listen(static function () use ($self, $callback, &$last): void {
            $state = $self->get()?->state();
            if ($state !== null && $state !== $last) {
                $last = $state;
                $callback($state);
            }
        });
    }

    public function end(): void
    {
        $this->isEnded = true;
        foreach ($this->listeners as $listener) {
            $this->session->listenNoMore($listener);
        }
        $this->listeners = [];
    }

    public function isEnded(): bool
    {
        return $this->isEnded;
    }

    public function __destruct()
    {
        $this->end();
    }
}
