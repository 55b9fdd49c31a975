<?php

declare(strict_types=1);

namespace Zoarium\Tests;

/**
 * A way to the server that can be closed and opened again. It runs in a process of its own.
 */
final class StoppableProxy
{
    public readonly string $address;
    private readonly int $pid;
    private readonly string $gate;
    private readonly int $parent;

    public function __construct()
    {
        $listener = stream_socket_server('tcp://127.0.0.1:0');
        $listener !== false || throw new \RuntimeException('no port is to be had');
        $this->address = (string) stream_socket_get_name($listener, false);
        $this->gate = (string) tempnam(sys_get_temp_dir(), 'zoa-gate');
        $this->parent = (int) getmypid();
        $pid = pcntl_fork();
        if ($pid === 0) {
            $this->run($listener);
        }
        $this->pid = $pid;
        fclose($listener);
    }

    public function close(): void
    {
        file_put_contents($this->gate, 'closed');
    }

    public function open(): void
    {
        file_put_contents($this->gate, '');
    }

    /**
     * @param resource $listener
     */
    private function run($listener): never
    {
        /** @var array<int, array{resource, resource}> $peers */
        $peers = [];
        while (posix_getppid() === $this->parent) {
            $isClosed = file_get_contents($this->gate) === 'closed';
            foreach ($isClosed ? $peers : [] as $at => $pair) {
                array_map(fclose(...), $at % 2 === 0 ? $pair : []);
            }
            $peers = $isClosed ? [] : $peers;
            $readable = [$listener, ...array_column($peers, 0)];
            $none = null;
            if (stream_select($readable, $none, $none, 0, 10_000) < 1) {
                continue;
            }
            foreach ($readable as $stream) {
                if ($stream === $listener) {
                    $client = stream_socket_accept($listener);
                    if ($client !== false && $isClosed) {
                        fclose($client);
                    } elseif ($client !== false) {
                        $server = stream_socket_client('tcp://' . TestServer::address());
                        $server !== false || exit(1);
                        $even = 2 * (intdiv((int) max([0, ...array_keys($peers)]), 2) + 1);
                        $peers[$even] = [$client, $server];
                        $peers[$even + 1] = [$server, $client];
                    }
                    continue;
                }
                foreach ($peers as $at => [$from, $to]) {
                    if ($from === $stream) {
                        $bytes = (string) fread($from, 65536);
                        if ($bytes === '') {
                            fclose($from);
                            fclose($to);
                            unset($peers[$at], $peers[$at ^ 1]);
                            break 2;
                        }
                        fwrite($to, $bytes);
                    }
                }
            }
        }
        posix_kill((int) getmypid(), SIGKILL);
        exit(1);
    }

    public function __destruct()
    {
        if (getmypid() === $this->parent) {
            posix_kill($this->pid, SIGKILL);
            pcntl_waitpid($this->pid, $status);
            unlink($this->gate);
        }
    }
}
