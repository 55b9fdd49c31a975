<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * Why a recipe could not do what it was asked. A lost connection is not among the reasons: recipes outlast it.
 */
interface Failure extends \Throwable
{
}
