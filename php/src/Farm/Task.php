<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception\BadContent;
use Zoarium\Exception\TooLong;

/**
 * A task as it is kept: a header of JSON, a line feed, the payload. What is not known of a header is kept.
 *
 * @internal
 */
final class Task
{
    /** Payloads and results are refused above this, so that a request has room for what is around them. */
    public const LEN_MAX = 1_000_000;

    /** Error texts are cut to so many characters. */
    private const ERROR_LEN_MAX = 1000;

    /** Names of assignments have no more digits than these. */
    private const ATTEMPT_MAX = 999_999_999_999_999_999;

    private const ENCODING = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
        | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;

    private function __construct(
        private readonly \stdClass $header,
        public readonly string $payload,
        /** It was no task when it was read. */
        public readonly bool $isRubbish = false,
    ) {
    }

    /**
     * @throws BadContent
     */
    public static function decode(string $path, string $data): self
    {
        $parts = explode("\n", $data, 2);
        if (count($parts) < 2) {
            throw new BadContent($path, 'a task without a header');
        }
        $header = json_decode($parts[0]);
        if (!$header instanceof \stdClass) {
            throw new BadContent($path, 'no header of a task: ' . (json_last_error() === 0 ? 'no object' : json_last_error_msg()));
        }
        try {
            self::json($header);
        } catch (\JsonException $error) {
            // 1e999, for example, is read as infinite. It would fail at each move.
            throw new BadContent($path, "a header that cannot be written again: {$error->getMessage()}");
        }
        return new self($header, $parts[1]);
    }

    /** What lies at this path: a task, or the bytes that are none, as one that may not be tried any more. */
    public static function salvage(string $path, string $data): self
    {
        try {
            return self::decode($path, $data);
        } catch (BadContent $error) {
            $header = (object) ['attempt' => 1, 'attempts_max' => 1, 'error' => $error->getMessage()];
            return new self($header, $data, true);
        }
    }

    /**
     * @param array<string, mixed>|\stdClass $header
     */
    public static function json(array|\stdClass $header): string
    {
        return json_encode($header, self::ENCODING);
    }

    public function encode(): string
    {
        return self::join($this->header, $this->payload);
    }

    /**
     * @param array<string, mixed>|\stdClass $header
     */
    public static function join(array|\stdClass $header, string $body): string
    {
        return self::json($header) . "\n" . $body;
    }

    private function number(string $field): int
    {
        $value = $this->header->{$field} ?? null;
        return is_int($value) && $value >= 0 ? $value : 0;
    }

    /** Attempts begun. */
    public function attempt(): int
    {
        $attempt = $this->header->attempt ?? null;
        // More than an integer holds was read as a float.
        return is_float($attempt) && $attempt >= 2 ** 63 ? PHP_INT_MAX : $this->number('attempt');
    }

    /** Attempts begun since it was submitted, or last taken out of the dead letters. */
    public function tries(): int
    {
        return max(0, $this->attempt() - $this->number('attempts_before'));
    }

    /** Whether no further attempt may begin. */
    public function isSpent(): bool
    {
        return $this->attempt() >= self::ATTEMPT_MAX || $this->tries() >= max(1, $this->number('attempts_max'));
    }

    /** 0 for none. */
    public function timeLimitMs(): int
    {
        return $this->number('time_limit_ms');
    }

    /** When it is given up, by the servers' time, if it lies where it was made then; null for never. */
    public function deadlineAtMs(int $ctimeMs): ?int
    {
        $deadline = $this->number('deadline_ms');
        $submitted = $this->header->submitted_ms ?? null;
        $from = is_int($submitted) ? $submitted : $ctimeMs;
        // More than an integer holds would be a float.
        return $deadline === 0 ? null : $deadline + min($from, PHP_INT_MAX - $deadline);
    }

    public function error(): string
    {
        $error = $this->header->error ?? null;
        return is_string($error) ? $error : '';
    }

    /** The same task, with the time of its submission, which is that of this znode if nobody wrote it down. */
    public function submitted(int $ctimeMs): self
    {
        return $this->with(['submitted_ms' => $this->header->submitted_ms ?? $ctimeMs]);
    }

    /** The same task at its next attempt. */
    public function begun(): self
    {
        return $this->with(['attempt' => $this->attempt() + 1]);
    }

    /**
     * The same task with all its attempts before it again. Their numbers are fencing tokens: they go on from the zxid at which it was put
     * among the dead letters, which is higher than all that there were, also those that who has cancelled it did not see.
     */
    public function renewed(int $diedAt): self
    {
        $header = clone $this->header;
        unset($header->submitted_ms, $header->error);
        $header->attempt = max($this->attempt(), $diedAt);
        $header->attempts_before = $header->attempt;
        return new self($header, $this->payload, $this->isRubbish);
    }

    /**
     * The same task as it is queued there: one that was renewed goes on from the zxid at which it was queued. Who renewed it may have
     * read an older dead letter of its name than the one that was taken away; the attempts between them have had the next numbers.
     */
    public function queued(int $queuedAt): self
    {
        if ($this->number('attempts_before') === 0 || $this->tries() > 0) {
            return $this;
        }
        $attempt = max($this->attempt(), $queuedAt);
        return $this->with(['attempt' => $attempt, 'attempts_before' => $attempt]);
    }

    public function withError(string $error): self
    {
        return $this->with(['error' => self::cut($error)]);
    }

    /** Its first characters; a byte that belongs to none counts as one. */
    private static function cut(string $error): string
    {
        // No character has more than four bytes.
        $head = json_decode(json_encode(substr($error, 0, 4 * self::ERROR_LEN_MAX), self::ENCODING));
        preg_match('/^.{0,' . self::ERROR_LEN_MAX . '}/su', is_string($head) ? $head : '', $found);
        return $found[0] ?? '';
    }

    /** The same task without what the worker gets. */
    public function emptied(): self
    {
        return new self($this->header, '', $this->isRubbish);
    }

    /**
     * @param string $what what is as long as that
     * @throws TooLong
     */
    public static function assertFits(string $what, string $bytes): void
    {
        if (strlen($bytes) > self::LEN_MAX) {
            throw new TooLong($what, strlen($bytes), self::LEN_MAX);
        }
    }

    /**
     * @param array<string, mixed> $fields
     */
    private function with(array $fields): self
    {
        $header = clone $this->header;
        foreach ($fields as $field => $value) {
            $header->{$field} = $value;
        }
        return new self($header, $this->payload, $this->isRubbish);
    }

    /**
     * The order in which tasks are assigned: priority, then number.
     *
     * @return array{string, string}
     */
    public static function rank(string $name): array
    {
        $parts = explode('-', $name);
        return [rtrim($parts[0], 'd'), end($parts)];
    }

    /** Whether the task of this name has a deadline. */
    public static function hasDeadline(string $name): bool
    {
        return str_ends_with(explode('-', $name, 2)[0], 'd');
    }

    /**
     * Name and attempt of an assigned task.
     *
     * @return array{string, int}|null
     */
    public static function splitAttempt(string $name): ?array
    {
        return preg_match('/^(.*)\.([0-9]{1,18})$/D', $name, $parts) === 1 ? [$parts[1], (int) $parts[2]] : null;
    }
}
