<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Internal\Session;

/**
 * A farm's configuration. What is missing, and what cannot be read, is as here.
 *
 * @internal
 */
final class Settings
{
    private function __construct(
        public readonly int $queueMax,
        public readonly int $resultsMax,
        public readonly int $deadMax,
        /** Results and dead letters older than this are deleted; 0 for never. */
        public readonly int $keepMs,
    ) {
    }

    public static function read(Session $session, Places $places): self
    {
        $config = json_decode($session->data($places->of('config'))->data ?? '', true);
        $number = static function (string $field, int $default) use ($config): int {
            $value = is_array($config) ? ($config[$field] ?? null) : null;
            return is_int($value) && $value >= 0 ? $value : $default;
        };
        return new self(
            $number('queue_max', 10_000),
            $number('results_max', 10_000),
            $number('dead_max', 10_000),
            $number('keep_ms', 0),
        );
    }
}
