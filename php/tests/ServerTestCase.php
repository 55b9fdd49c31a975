<?php

declare(strict_types=1);

namespace Zoarium\Tests;

use PHPUnit\Framework\TestCase;

/**
 * A test that talks to the server, below a znode of its own.
 */
abstract class ServerTestCase extends TestCase
{
    /** Of the sessions of processes that are to die. */
    protected const SHORT_MS = 1000;

    protected \ZookeeperClient $client;
    protected string $path;

    protected function setUp(): void
    {
        $this->client = $this->connect();
        $this->path = '/test-' . bin2hex(random_bytes(8));
    }

    protected function tearDown(): void
    {
        unset($this->client);
        gc_collect_cycles();
    }

    protected function connect(int $timeoutMs = 10_000): \ZookeeperClient
    {
        return new \ZookeeperClient(TestServer::address(), null, $timeoutMs);
    }

    /** Ends a session from outside, as the server does when it expires. */
    protected static function expire(\ZookeeperClient $client, ?string $address = null): void
    {
        $client->exists('/');
        [$id, $password] = $client->getClientId();
        $socket = stream_socket_client('tcp://' . ($address ?? TestServer::address()));
        self::assertNotFalse($socket);
        $connect = pack('NJNJN', 0, 0, 10000, $id, 16) . $password . "\0";
        fwrite($socket, pack('N', strlen($connect)) . $connect);
        $length = unpack('N', (string) fread($socket, 4));
        self::assertIsArray($length);
        fread($socket, max(1, $length[1]));
        $close = pack('NN', 1, 0xfffffff5);
        fwrite($socket, pack('N', strlen($close)) . $close);
        fread($socket, 4);
        fclose($socket);
    }

    /**
     * Runs in a child process, which then ends with 0 if nothing was thrown.
     *
     * @param callable(): void $work
     */
    protected static function fork(callable $work): int
    {
        $pid = pcntl_fork();
        if ($pid === 0) {
            try {
                $work();
                $code = 0;
            } catch (\Throwable $error) {
                fwrite(STDERR, "in a child: $error\n");
                $code = 1;
            }
            // Not exit(), which would run what PHPUnit and the parent have left for the end.
            posix_kill((int) getmypid(), $code === 0 ? SIGUSR1 : SIGKILL);
        }
        return $pid;
    }

    /** Waits for a child, and tells whether it did what it should. */
    protected static function join(int $pid): bool
    {
        pcntl_waitpid($pid, $status);
        return pcntl_wifsignaled($status) && pcntl_wtermsig($status) === SIGUSR1;
    }

    /**
     * @param callable(): bool $holds
     */
    protected static function assertUntil(callable $holds, string $what, float $seconds = 10): void
    {
        self::assertTrue(Process::until($holds, $seconds), "waited in vain: $what");
    }
}
