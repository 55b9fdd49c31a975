<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception\TooLong;

/**
 * A task to be submitted.
 */
final class NewTask
{
    /**
     * @param string $payload what the worker gets: 1,000,000 bytes of any kind at most
     * @param int $priority 0 is the most urgent, 999 the least
     * @param int $attemptsMax how often it may be begun, at least once
     * @param int $timeLimitMs after how many milliseconds an attempt is taken away; 0 for never, also when its
     *     worker hangs
     * @param int $deadlineMs after how many milliseconds the whole task is given up, wherever it is then; 0 for never
     * @throws TooLong
     */
    public function __construct(
        public readonly string $payload,
        public readonly int $priority = 500,
        public readonly int $attemptsMax = 3,
        public readonly int $timeLimitMs = 0,
        public readonly int $deadlineMs = 0,
    ) {
        if ($priority < 0 || $priority > 999) {
            throw new \ValueError("a priority is between 0 and 999, and $priority is not");
        }
        if ($attemptsMax < 1 || $timeLimitMs < 0 || $deadlineMs < 0) {
            throw new \ValueError('a task has one attempt at least, and no negative limits');
        }
        Task::assertFits('a payload', $payload);
    }

    /** @internal */
    public function encode(): string
    {
        return Task::join([
            'attempt' => 0,
            'attempts_max' => $this->attemptsMax,
            'time_limit_ms' => $this->timeLimitMs,
            'deadline_ms' => $this->deadlineMs,
        ], $this->payload);
    }

    /** @internal what its name begins with */
    public function beginning(string $guid): string
    {
        return sprintf('%03d%s-%s-', $this->priority, $this->deadlineMs > 0 ? 'd' : '', $guid);
    }
}
