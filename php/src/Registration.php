<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;
use Zoarium\Internal\Step;

/**
 * An instance that is registered, until it is withdrawn or the session ends. When the last variable that has it goes, it is withdrawn.
 */
final class Registration
{
    /** @internal */
    public function __construct(private readonly Own $own, private readonly string $name, private readonly Instance $instance)
    {
    }

    /** How it stands, as far as the session tells; the server is not asked. */
    public function state(): HoldState
    {
        return $this->own->possession()->state();
    }

    /**
     * Has somebody told at once when that changes; see Hold::onChange().
     *
     * @param callable(HoldState): void $callback
     */
    public function onChange(callable $callback): void
    {
        $this->own->possession()->onChange($callback);
    }

    /**
     * Says whether the instance is well; who is not is not listed.
     *
     * @throws Exception\Failure when the session ends, or the registration was deleted or replaced
     */
    public function setWell(bool $isWell): void
    {
        do {
            if (!$this->own->isThere()) {
                throw new Exception\Deleted($this->own->path);
            }
            $outcome = $this->own->session->change(Step::set($this->own->path, $this->instance->encode($this->name, $isWell)));
            if ($outcome->code === \Zookeeper::NONODE) {
                throw new Exception\Deleted($this->own->path);
            }
            if ($outcome->code !== 0) {
                throw new Exception\Refused($this->own->path, $outcome->code);
            }
        } while (!$outcome->isDone);
    }

    /**
     * Withdraws it; returns when it is gone.
     *
     * @throws Exception\SessionEnded when the session has ended, which takes it along sooner or later
     */
    public function withdraw(): void
    {
        $this->own->leave();
    }
}
