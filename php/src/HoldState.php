<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Standing;

/**
 * How something stands that is held for as long as a session lives.
 */
enum HoldState
{
    /** It is held. */
    case Held;
    /** The connection is lost: it is still held, but may be lost soon, and nothing can be asked. */
    case Suspended;
    /** It may be held by another. The holder must have stopped by now. */
    case Lost;

    /** @internal */
    public static function of(Standing $standing): self
    {
        return match ($standing) {
            Standing::Sure => self::Held,
            Standing::Suspended => self::Suspended,
            Standing::Connecting, Standing::Doubtful, Standing::Ended => self::Lost,
        };
    }
}
