<?php

declare(strict_types=1);

namespace Zoarium\Farm;

/**
 * What became of a change that a leader asked for.
 *
 * @internal
 */
enum Change
{
    case Made;
    /** What its first step is about is not there any more. */
    case Late;
    /** It cannot be deleted where it is, or something is missing. */
    case Refused;
    /** It cannot be where it should go; it is too long for that, for example. */
    case Impossible;
    /** The answer was lost. */
    case Unknown;
    case LeadsNoMore;
}
