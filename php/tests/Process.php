<?php

declare(strict_types=1);

namespace Zoarium\Tests;

/**
 * A process that a test has started; it ends with the test.
 */
final class Process
{
    /** @var resource */
    private $process;

    /** @var resource */
    private $pipe;

    public string $output = '';
    private ?int $code = null;

    /**
     * @param list<string> $command
     */
    public function __construct(array $command)
    {
        $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
        $process !== false || throw new \RuntimeException("$command[0] cannot be started");
        $this->process = $process;
        $this->pipe = $pipes[1];
        stream_set_blocking($this->pipe, false);
    }

    /**
     * A PHP script, with the extension.
     */
    public static function php(string $script, string ...$arguments): self
    {
        $flags = (string) getenv('ZOA_TEST_ARGS');
        return new self(array_values([PHP_BINARY, ...($flags === '' ? [] : explode(' ', $flags)), $script, ...$arguments]));
    }

    /** The program zoa. */
    public static function zoa(string ...$arguments): self
    {
        return new self(array_values([TestServer::program(), ...$arguments]));
    }

    public function read(): string
    {
        return $this->output .= (string) stream_get_contents($this->pipe);
    }

    /** Waits until it has printed this. */
    public function prints(string $text, float $seconds = 20): bool
    {
        return self::until(fn (): bool => str_contains($this->read(), $text), $seconds);
    }

    public function isRunning(): bool
    {
        $status = proc_get_status($this->process);
        if (!$status['running']) {
            $this->code ??= $status['exitcode'];
        }
        return $status['running'];
    }

    /** Waits until it has ended, and gives its exit code. */
    public function ends(float $seconds = 20): ?int
    {
        self::until(fn (): bool => $this->read() . '.' !== '' && !$this->isRunning(), $seconds);
        $this->read();
        return $this->code;
    }

    public function signal(int $signal): void
    {
        proc_terminate($this->process, $signal);
    }

    public function kill(): void
    {
        $this->signal(SIGKILL);
        $this->ends();
    }

    public function __destruct()
    {
        if ($this->isRunning()) {
            // One that was stopped, too.
            $this->signal(SIGKILL);
        }
        proc_close($this->process);
    }

    /**
     * @param callable(): bool $holds
     */
    public static function until(callable $holds, float $seconds = 10): bool
    {
        $end = microtime(true) + $seconds;
        while (!$holds()) {
            if (microtime(true) > $end) {
                return false;
            }
            usleep(2000);
        }
        return true;
    }
}
