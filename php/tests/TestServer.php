<?php

declare(strict_types=1);

namespace Zoarium\Tests;

/**
 * The server that all tests share.
 */
final class TestServer
{
    private static string $address = '';
    private static string $folder = '';

    /** @var resource|null */
    private static $process = null;

    public static function address(): string
    {
        return self::$address;
    }

    /** The program zoa. */
    public static function program(): string
    {
        $candidates = [(string) getenv('ZOA_SERVER')];
        foreach (['debug', 'release'] as $profile) {
            $candidates[] = __DIR__ . "/../../target/$profile/zoa";
        }
        foreach ($candidates as $program) {
            if ($program !== '' && is_executable($program)) {
                return $program;
            }
        }
        throw new \RuntimeException('name the program zoa with ZOA_SERVER, or build it: cargo build -p zoa');
    }

    public static function start(): void
    {
        self::$address = (string) getenv('ZOA_TEST_ADDRESS');
        if (self::$address !== '') {
            return;
        }
        $folder = sys_get_temp_dir() . '/zoa-phpunit-' . getmypid();
        mkdir($folder);
        $port = self::freePort();
        self::$address = "127.0.0.1:$port";
        file_put_contents("$folder/zoo.cfg", "tickTime=200\ndataDir=$folder/data\nclientPort=$port\n"
            . "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n");
        self::$folder = $folder;
        $pid = getmypid();
        // Behind PHPUnit's own shutdown functions.
        register_shutdown_function(static fn () => register_shutdown_function(static function () use ($pid): void {
            if (getmypid() === $pid) {
                self::kill();
                exec('rm -r ' . escapeshellarg(self::$folder));
            }
        }));
        self::launch();
    }

    /** Kills the server and starts it again where it was, with what it has on its disk. */
    public static function restart(): void
    {
        self::kill();
        self::launch();
    }

    private static function kill(): void
    {
        if (self::$process !== null) {
            proc_terminate(self::$process, SIGKILL);
            proc_close(self::$process);
            self::$process = null;
        }
    }

    private static function launch(): void
    {
        $folder = self::$folder;
        $log = ['file', "$folder/log", 'a'];
        $process = proc_open([self::program(), 'serve', "$folder/zoo.cfg"], [['file', '/dev/null', 'r'], $log, $log], $pipes);
        $process !== false || throw new \RuntimeException('the server cannot be started');
        self::$process = $process;
        for ($try = 0; $try < 400; $try++) {
            $socket = @stream_socket_client('tcp://' . self::$address, $code, $error, 1);
            if ($socket !== false) {
                return;
            }
            usleep(25_000);
        }
        throw new \RuntimeException('the server does not answer: ' . file_get_contents("$folder/log"));
    }

    private static function freePort(): int
    {
        $listener = stream_socket_server('tcp://127.0.0.1:0');
        $name = $listener === false ? false : stream_socket_get_name($listener, false);
        return (int) substr((string) strrchr((string) $name, ':'), 1);
    }

    /**
     * Counts the server keeps of itself, by their names in mntr.
     *
     * @return array<string, string>
     */
    public static function monitor(): array
    {
        $socket = stream_socket_client('tcp://' . self::$address);
        if ($socket === false) {
            return [];
        }
        fwrite($socket, 'mntr');
        $counts = [];
        foreach (explode("\n", (string) stream_get_contents($socket)) as $line) {
            [$name, $value] = explode("\t", "$line\t");
            $counts[$name] = $value;
        }
        return $counts;
    }
}
