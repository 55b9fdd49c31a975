<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Place;
use Zoarium\Internal\Watch;

/**
 * Standing in an election without waiting: for scripts that have something else to do until they lead.
 *
 * It costs a request only when the one before it has gone. When the last variable that has it goes, it stands no longer.
 */
final class Candidacy
{
    private ?Hold $hold = null;

    /** @internal */
    public function __construct(private readonly Place $place)
    {
    }

    /**
     * The leadership, once it is this one's turn; null before.
     *
     * @throws Exception\Failure when the session has ended, or somebody has deleted the candidate's znode
     */
    public function leadership(): ?Hold
    {
        if ($this->hold === null && $this->place->hasTurn()) {
            $this->hold = new Hold($this->place);
        }
        return $this->hold;
    }

    /** Whether it leads, for sure. */
    public function leads(): bool
    {
        return $this->leadership()?->isHeld() ?? false;
    }

    /** @internal what fires when it may be its turn */
    public function watch(): ?Watch
    {
        return $this->place->watch();
    }

    /**
     * Stands no longer, and leads no longer.
     *
     * @throws Exception\SessionEnded
     */
    public function withdraw(): void
    {
        $this->place->leave();
    }
}
