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
    /** One of its steps is not possible (any more). */
    case Refused;
    /** The answer was lost. */
    case Unknown;
    case LeadsNoMore;
}
