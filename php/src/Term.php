<?php

declare(strict_types=1);

namespace Zoarium;

/**
 * What a term was; see Election::run().
 */
enum Term
{
    /** Stand again. */
    case Again;
    /** Stand no more. */
    case Last;
}
