<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * Of the tasks submitted the first ones were accepted before something went wrong, which is the previous exception.
 */
final class PartlyAccepted extends \RuntimeException implements Failure
{
    /**
     * @param list<string> $accepted the names of those that were accepted, in the order in which they were given; when the session
     *     ended the batch behind them (100 at most) may have been accepted too, the others were not
     */
    public function __construct(public readonly array $accepted, Failure $why)
    {
        parent::__construct(count($accepted) . ' tasks were accepted, and then: ' . $why->getMessage(), 0, $why);
    }
}
