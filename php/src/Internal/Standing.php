<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * How a session stands, seen from its client.
 *
 * @internal
 */
enum Standing
{
    /** No session yet. */
    case Connecting;
    /** Connected, and surely alive. */
    case Sure;
    /** The connection is lost. The session still lives for sure. */
    case Suspended;
    /** It may have expired: others may see all that it owned gone. */
    case Doubtful;
    /** It has ended. Final. */
    case Ended;
}
