<?php

declare(strict_types=1);

namespace Zoarium\Internal;

use Zoarium\Exception\Refused;
use Zoarium\Exception\SessionEnded;

/**
 * Requests that outlast lost connections, and waiting: the one seam between the recipes and the extension.
 *
 * Reads are repeated. Nothing is applied twice: a write whose outcome is unknown is told as such, and the recipe looks for it
 * before it repeats it. All waiting is zookeeper_wait(), so callbacks of the whole script are called meanwhile; therefore what
 * waits cannot be called in a callback.
 *
 * @internal
 */
final class Session
{
    /** Between two attempts of a request that got no answer; the client itself waits for a connection much longer than this. */
    private const PAUSE_US = 20_000;

    /** How long it waits at a time without a look at the session, in seconds. */
    private const SLICE = 1.0;

    /** Codes after which it is not known what became of a request. */
    private const NO_ANSWER = [\Zookeeper::CONNECTIONLOSS, \Zookeeper::OPERATIONTIMEOUT, \Zookeeper::SESSIONMOVED];

    /** Codes of the extension: the client was closed, or could not be started. */
    private const NOT_CONNECTED = 5998;
    private const NOT_STARTED = 5999;

    /** @var \WeakMap<\ZookeeperClient, Listening>|null */
    private static ?\WeakMap $all = null;

    private function __construct(public readonly \ZookeeperClient $client, private readonly Listening $listening)
    {
    }

    public static function of(\ZookeeperClient $client): self
    {
        self::$all ??= new \WeakMap();
        $listening = self::$all[$client] ?? null;
        if ($listening === null) {
            $listening = self::$all[$client] = new Listening();
            $client->addSessionWatcher($listening->sessionWatcher());
        }
        return new self($client, $listening);
    }

    /** Seconds of a clock that never goes back. */
    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    /** A name that nobody else makes: 32 hexadecimal digits, as kazoo's and Curator's. */
    public static function guid(): string
    {
        return bin2hex(random_bytes(16));
    }

    /** The path of the parent; empty for the root. */
    public static function parentOf(string $path): string
    {
        return substr($path, 0, (int) strrpos($path, '/'));
    }

    // ---- How it stands ----

    /** The session; 0 before there is one, and when it was closed. */
    public function id(): int
    {
        try {
            return $this->client->getClientId()[0];
        } catch (\ZookeeperException $exception) {
            $this->rethrowOthers($exception);
            return 0;
        }
    }

    public function standing(): Standing
    {
        try {
            $state = $this->client->getState();
            $isSure = $this->client->getSurelyAliveFor() > 0;
        } catch (\ZookeeperException $exception) {
            $this->rethrowOthers($exception);
            return Standing::Ended;
        }
        return match ($state) {
            \Zookeeper::CONNECTED_STATE, \ZookeeperClient::READONLY_STATE => $isSure ? Standing::Sure : Standing::Doubtful,
            \Zookeeper::CONNECTING_STATE, \Zookeeper::ASSOCIATING_STATE => match (true) {
                $isSure => Standing::Suspended,
                $this->id() === 0 => Standing::Connecting,
                default => Standing::Doubtful,
            },
            default => Standing::Ended,
        };
    }

    /**
     * @param \Closure(): void $listener called, as other callbacks are, when the standing changes
     */
    public function listen(\Closure $listener): int
    {
        return $this->listening->listen($listener);
    }

    public function listenNoMore(int $number): void
    {
        $this->listening->listenNoMore($number);
    }

    /**
     * Gives up, too, when no server was reached for so long that the session has expired by all likelihood; then it ends the client,
     * so that nothing of the session comes back to life. While it is connected it does what was left to do: who waits may make no
     * further request for long.
     *
     * @throws SessionEnded
     */
    public function assertAlive(): void
    {
        $standing = $this->standing();
        if ($standing === Standing::Ended) {
            throw SessionEnded::because('make a new client');
        }
        if ($standing === Standing::Sure || $standing === Standing::Suspended) {
            $this->listening->doubtSince = null;
            $standing === Standing::Sure && $this->enter();
            return;
        }
        $since = $this->listening->doubtSince ??= self::now();
        $timeout = $this->client->getRecvTimeout() / 1000;
        $patience = $standing === Standing::Connecting ? $timeout : $timeout / 3;
        if (self::now() - $since > $patience) {
            $this->client->close();
            throw SessionEnded::because("no server was reached within $timeout s");
        }
    }

    /**
     * Waits until the session is surely alive and connected.
     *
     * @throws SessionEnded
     */
    public function beSure(): void
    {
        while ($this->standing() !== Standing::Sure) {
            $this->assertAlive();
            zookeeper_wait(0.1);
        }
    }

    // ---- Waiting ----

    /**
     * Waits until one of these watches has fired.
     *
     * @param list<Watch> $watches
     * @param float|null $until in the seconds of now(); null for ever
     * @return bool false when the time is over
     * @throws SessionEnded
     */
    public function await(array $watches, ?float $until = null): bool
    {
        while (true) {
            // Before it looks at them: one may fire meanwhile.
            $this->assertAlive();
            foreach ($watches as $watch) {
                if ($watch->hasFired) {
                    return true;
                }
            }
            $left = $until === null ? self::SLICE : $until - self::now();
            if ($left <= 0) {
                return false;
            }
            zookeeper_wait(min($left, self::SLICE));
        }
    }

    // ---- Reading ----

    /**
     * @return list<string>|null null when there is no such znode
     */
    public function children(string $path): ?array
    {
        return $this->read($path, static fn (\ZookeeperClient $client): array => $client->getChildren($path));
    }

    /**
     * @return array{list<string>, Watch}|null
     */
    public function childrenWatched(string $path): ?array
    {
        return $this->read($path, function (\ZookeeperClient $client) use ($path): array {
            $watch = $this->listening->watch('children:', $path);
            return [$client->getChildren($path, $watch->callback), $watch];
        });
    }

    public function data(string $path): ?Node
    {
        return $this->read($path, static function (\ZookeeperClient $client) use ($path): Node {
            $stat = null;
            $data = $client->get($path, null, $stat);
            return new Node($data ?? '', $stat ?? []);
        });
    }

    /**
     * @return array{Node, Watch}|null
     */
    public function dataWatched(string $path): ?array
    {
        return $this->read($path, function (\ZookeeperClient $client) use ($path): array {
            $watch = $this->listening->watch('data:', $path);
            $stat = null;
            $data = $client->get($path, $watch->callback, $stat);
            return [new Node($data ?? '', $stat ?? []), $watch];
        });
    }

    /**
     * @param \Closure(): void $callback called when the znode changes or goes
     * @return bool false when there is no such znode
     */
    public function watch(string $path, \Closure $callback): bool
    {
        return $this->read($path, static function (\ZookeeperClient $client) use ($path, $callback): bool {
            $client->get($path, $callback);
            return true;
        }) ?? false;
    }

    /**
     * @return array<string, int>|null the stat
     */
    public function exists(string $path): ?array
    {
        return $this->read($path, static function (\ZookeeperClient $client) use ($path): ?array {
            return $client->exists($path) ?: null;
        });
    }

    /**
     * @return array{array<string, int>|null, Watch} the stat, and a watch for its coming, changing or going
     */
    public function existsWatched(string $path): array
    {
        $found = $this->read($path, function (\ZookeeperClient $client) use ($path): array {
            $watch = $this->listening->watch('exists:', $path);
            return [$client->exists($path, $watch->callback) ?: null, $watch];
        });
        return $found ?? throw new Refused($path, \Zookeeper::NONODE);
    }

    /**
     * Takes back a watch of existsWatched() that has not fired, and would stay for as long as the session: for paths that nobody
     * else watches, since the server knows one watch of a session on a path.
     */
    public function unwatch(string $path, Watch $watch): void
    {
        try {
            $watch->hasFired || $this->client->removeWatch($path, \ZookeeperClient::WATCH_DATA);
        } catch (\ZookeeperException $exception) {
            // It may have fired meanwhile. If it could not be taken back, it stays.
            $this->rethrowOthers($exception);
        }
    }

    /**
     * @template T
     * @param \Closure(\ZookeeperClient): T $ask
     * @return T|null null when there is no such znode
     */
    private function read(string $path, \Closure $ask): mixed
    {
        $this->enter();
        while (true) {
            try {
                return $ask($this->client);
            } catch (\ZookeeperException $exception) {
                $code = $this->codeOf($exception);
                if ($code === \Zookeeper::NONODE) {
                    return null;
                }
                if ($code !== null) {
                    throw new Refused($path, $code, $exception);
                }
            }
            $this->pause();
        }
    }

    /** Has the server see all that was written before by anybody, at whatever server: what is read next is not older. */
    public function sync(): void
    {
        $this->read('/', static fn (\ZookeeperClient $client): bool => $client->sync('/'));
    }

    /** As data(), to see what became of a change whose answer was lost. */
    public function dataAfterDoubt(string $path): ?Node
    {
        $this->sync();
        return $this->data($path);
    }

    // ---- Writing ----

    /**
     * Asks once for these changes together.
     *
     * @throws SessionEnded
     */
    public function change(Step ...$steps): Outcome
    {
        $this->enter();
        $multi = null;
        try {
            $multi = Step::multi($steps);
            return Outcome::done($this->client->multi($multi));
        } catch (\ZookeeperException $exception) {
            $code = $this->codeOf($exception);
            if ($code !== null) {
                return Outcome::refused($code, $multi?->failedAt());
            }
        }
        $this->pause();
        return Outcome::unknown();
    }

    /** Makes a persistent znode and those above it, where they are missing; but nobody can make the root, which may be a chroot. */
    public function ensure(string $path): void
    {
        $missing = [$path];
        while (($next = end($missing)) !== false) {
            if ($next === '') {
                $this->exists('/') ?? throw Refused::withoutChroot();
                array_pop($missing);
                continue;
            }
            $outcome = $this->change(Step::create($next));
            if ($outcome->isDone || $outcome->code === \Zookeeper::NODEEXISTS) {
                array_pop($missing);
            } elseif ($outcome->code === \Zookeeper::NONODE) {
                $missing[] = self::parentOf($next);
            } elseif (!$outcome->isUnknown) {
                throw new Refused($next, $outcome->code);
            }
        }
    }

    /**
     * Creates an ephemeral under a name that only this caller uses, so that finding it there means that it was created before.
     *
     * @return int its czxid
     */
    public function createOwn(string $path, string $data): int
    {
        while (true) {
            $outcome = $this->change(Step::create($path, $data, \Zookeeper::EPHEMERAL));
            if ($outcome->isDone || $outcome->code === \Zookeeper::NODEEXISTS) {
                $czxid = $outcome->created(0)[1] ?? $this->exists($path)['czxid'] ?? null;
                if ($czxid !== null) {
                    return $czxid;
                }
            } elseif ($outcome->code === \Zookeeper::NONODE) {
                $this->ensure(self::parentOf($path));
            } elseif (!$outcome->isUnknown) {
                throw new Refused($path, $outcome->code);
            }
        }
    }

    /**
     * Creates a sequential ephemeral whose name begins with something unique. When the outcome is unknown it is looked for by that
     * beginning, as Curator's protection does.
     *
     * @return array{string, int} its name and its czxid
     */
    public function createInLine(string $parent, string $beginning, string $data): array
    {
        $path = "$parent/$beginning";
        while (true) {
            $outcome = $this->change(Step::create($path, $data, \Zookeeper::EPHEMERAL | \Zookeeper::SEQUENCE));
            if ($outcome->code === \Zookeeper::NONODE) {
                $this->ensure($parent);
                continue;
            }
            if (!$outcome->isDone && !$outcome->isUnknown) {
                throw new Refused($path, $outcome->code);
            }
            $created = $outcome->created(0);
            if ($created !== null && $created[1] !== null) {
                return [basename($created[0]), $created[1]];
            }
            $this->sync();
            $found = $this->find($parent, $beginning);
            if ($found !== null) {
                return $found;
            }
        }
    }

    /**
     * @return array{string, int}|null a child whose name begins so, and its czxid
     */
    public function find(string $parent, string $beginning): ?array
    {
        foreach ($this->children($parent) ?? [] as $name) {
            if (str_starts_with($name, $beginning)) {
                $stat = $this->exists("$parent/$name");
                return $stat === null ? null : [$name, $stat['czxid']];
            }
        }
        return null;
    }

    /**
     * Deletes a znode until it is gone.
     *
     * @return bool whether it was there for sure when this began
     */
    public function delete(string $path): bool
    {
        $mayBeDone = false;
        while (true) {
            $outcome = $this->change(Step::delete($path));
            if ($outcome->isDone) {
                return true;
            }
            if ($outcome->code === \Zookeeper::NONODE) {
                return $mayBeDone;
            }
            if (!$outcome->isUnknown) {
                throw new Refused($path, $outcome->code);
            }
            $mayBeDone = true;
        }
    }

    /** Deletes the child whose name begins so; see later(). */
    public function abandonInLine(string $parent, string $beginning): void
    {
        $this->later(static function (\ZookeeperClient $client) use ($parent, $beginning): void {
            // The server may have changed since it was made, and the new one be behind: it would not see it, and it would stay.
            $client->sync('/');
            foreach ($client->getChildren($parent) as $name) {
                if (str_starts_with($name, $beginning)) {
                    $client->delete("$parent/$name");
                }
            }
        });
    }

    /**
     * Deletes the znode of this path; see later().
     *
     * @param (\Closure(array<string, int>): bool)|null $isOwn told the stat; null when nobody else makes this name
     */
    public function abandon(string $path, ?\Closure $isOwn): void
    {
        $this->later(static function (\ZookeeperClient $client) use ($path, $isOwn): void {
            if ($isOwn !== null) {
                $client->sync('/');
            }
            $stat = $isOwn === null ? [] : $client->exists($path);
            if (is_array($stat) && ($isOwn === null || $isOwn($stat))) {
                $client->delete($path);
            }
        });
    }

    /** Asks for this change at once when that can be, or else before a later request; what became of it is not told. */
    public function changeLater(Step ...$steps): void
    {
        $this->later(static function (\ZookeeperClient $client) use ($steps): void {
            $client->multi(Step::multi($steps));
        });
    }

    /**
     * @param \Closure(\ZookeeperClient): void $cleanUp done at once when that can be, or else before a later request
     */
    private function later(\Closure $cleanUp): void
    {
        if ($this->standing() === Standing::Ended) {
            return;
        }
        $this->listening->leave($cleanUp);
        if ($this->standing() === Standing::Sure) {
            $this->cleanUp();
        }
    }

    private function cleanUp(): void
    {
        // Each stays until it is done, since a callback of the script's may throw at any moment; to do it again harms nothing.
        foreach ($this->listening->leftovers() as $number => $cleanUp) {
            try {
                $cleanUp($this->client);
            } catch (\ZookeeperException $exception) {
                $this->rethrowOthers($exception);
                if (in_array($exception->getCode(), self::NO_ANSWER, true)) {
                    continue;
                }
            }
            $this->listening->isCleanedUp($number);
        }
    }

    // ---- Failing ----

    /** Before each request, and while it waits: listens anew after a fork, and does what was left to do. */
    private function enter(): void
    {
        if ($this->listening->pid !== Listening::pid()) {
            $this->listening->renew();
            $this->client->addSessionWatcher($this->listening->sessionWatcher());
        }
        $this->cleanUp();
    }

    private function pause(): void
    {
        $this->assertAlive();
        usleep(self::PAUSE_US);
    }

    /**
     * @return int|null why the server or the client refused a request; null when it got no answer
     * @throws SessionEnded
     */
    private function codeOf(\ZookeeperException $exception): ?int
    {
        $this->rethrowOthers($exception);
        if (in_array($exception->getCode(), self::NO_ANSWER, true)) {
            return null;
        }
        return match ($exception->getCode()) {
            \Zookeeper::SESSIONEXPIRED, \Zookeeper::AUTHFAILED, \Zookeeper::CLOSING, \Zookeeper::INVALIDSTATE,
            self::NOT_CONNECTED, self::NOT_STARTED => throw SessionEnded::because($exception->getMessage(), $exception),
            default => $exception->getCode(),
        };
    }

    /** A callback of the script's may have run behind a request, and thrown the same class. */
    private function rethrowOthers(\ZookeeperException $exception): void
    {
        if (dirname($exception->getFile()) !== __DIR__) {
            throw $exception;
        }
    }
}
