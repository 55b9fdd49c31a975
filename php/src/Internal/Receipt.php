<?php

declare(strict_types=1);

namespace Zoarium\Internal;

use Zoarium\Exception\Deleted;
use Zoarium\Exception\Refused;

/**
 * How a change whose outcome is unknown is known after all.
 *
 * Each handle has an ephemeral of its own and writes into it, in the same multi as the change, the number of the change. After a
 * lost answer the number there says whether the change was made. So a change is made once at most, and the caller hears whether
 * it was, as long as the session lives.
 *
 * @internal
 */
final class Receipt
{
    private readonly Own $own;
    private bool $isMade = false;
    private int $count = 0;
    private int $pid;

    public function __construct(private readonly Session $session, private readonly string $of)
    {
        $this->own = new Own($session, "$of-__receipts__/" . Session::guid());
        $this->pid = Listening::pid();
    }

    /** The same for a process that was forked since, which has a session of its own. */
    public function here(): self
    {
        return $this->pid === Listening::pid() ? $this : new self($this->session, $this->of);
    }

    /**
     * Makes these changes together, once.
     *
     * @return Outcome done or refused, never unknown
     */
    public function apply(Step ...$steps): Outcome
    {
        if (!$this->isMade) {
            $this->session->createOwn($this->own->path, '0');
            $this->isMade = true;
        }
        $number = (string) ++$this->count;
        $all = [...$steps, Step::set($this->own->path, $number)];
        while (true) {
            $outcome = $this->session->change(...$all);
            if ($outcome->isDone) {
                return $outcome;
            }
            if ($outcome->isUnknown) {
                $there = $this->session->dataAfterDoubt($this->own->path) ?? throw new Deleted($this->own->path);
                if ($there->data === $number) {
                    return Outcome::done([]);
                }
            } elseif ($outcome->step === count($steps)) {
                throw new Deleted($this->own->path);
            } elseif ($outcome->step === null) {
                throw new Refused($this->own->path, $outcome->code);
            } else {
                return $outcome;
            }
        }
    }
}
