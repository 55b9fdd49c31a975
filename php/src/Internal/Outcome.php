<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * What became of changes that were asked for.
 *
 * @internal
 */
final class Outcome
{
    /**
     * @param list<mixed> $answers what each step did, when the answer came
     */
    private function __construct(
        /** They were made. */
        public readonly bool $isDone,
        /** They may have been made; only looking tells. */
        public readonly bool $isUnknown,
        /** Why they were refused. */
        public readonly int $code,
        /** The step that was refused, from 0; null when the request as a whole was. */
        public readonly ?int $step,
        private readonly array $answers,
    ) {
    }

    /**
     * @param list<mixed> $answers
     */
    public static function done(array $answers): self
    {
        return new self(true, false, 0, null, $answers);
    }

    public static function unknown(): self
    {
        return new self(false, true, 0, null, []);
    }

    public static function refused(int $code, ?int $step): self
    {
        return new self(false, false, $code, $step, []);
    }

    /** Whether this step was refused so. */
    public function isAt(int $step, int $code): bool
    {
        return $this->step === $step && $this->code === $code;
    }

    /**
     * Path and czxid of what a step created; the czxid is null when the answer came without it.
     *
     * @return array{string, int|null}|null null when the answer did not come
     */
    public function created(int $step): ?array
    {
        $answer = $this->answers[$step] ?? null;
        if (is_string($answer)) {
            return [$answer, null];
        }
        if (!is_array($answer) || !is_string($answer['path'] ?? null)) {
            return null;
        }
        $stat = $answer['stat'] ?? null;
        $czxid = is_array($stat) ? ($stat['czxid'] ?? null) : null;
        return [$answer['path'], is_int($czxid) ? $czxid : null];
    }
}
