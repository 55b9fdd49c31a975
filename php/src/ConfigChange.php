<?php

declare(strict_types=1);

namespace Zoarium;

/**
 * How a configuration has changed; see ConfigWatch.
 */
enum ConfigChange
{
    /** There is a new value. */
    case Good;
    /** What was written is no value; the one before stays. ConfigWatch::problem() says why. */
    case Bad;
    /** The znode is not there; the value before stays. */
    case Missing;
}
