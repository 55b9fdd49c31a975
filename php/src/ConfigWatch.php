<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Session;
use Zoarium\Internal\Watch;

/**
 * A configuration in one znode that is watched: parsed, and the last good value kept when a bad one is written.
 *
 *     $threads = new ConfigWatch($client, '/threads', fn (string $text): int => parse_number($text));
 *     $threads->poll();
 *     echo $threads->current();
 *
 * Guarantee: current() is the newest value told that could be parsed. What cannot be parsed is told as such and changes nothing.
 *
 * Limits: of changes in quick succession only the last is told.
 *
 * @template T
 */
final class ConfigWatch
{
    private readonly Session $session;
    private ?Watch $watch = null;

    /** What was told last: which state of the znode, null when it was not there, false when nothing was told yet. */
    private string|false|null $seen = false;

    /** @var T|null */
    private mixed $good = null;

    private ?string $problem = null;

    /** @var \Closure(string): T */
    private readonly \Closure $parse;

    /**
     * @param callable(string): T $parse gives the value, or throws what is wrong with it
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path, callable $parse)
    {
        $this->session = Session::of($client);
        $this->parse = \Closure::fromCallable($parse);
    }

    /**
     * The last good value; null before there is one.
     *
     * @return T|null
     */
    public function current(): mixed
    {
        return $this->good;
    }

    /** What is wrong with what was written last; null when it is good. */
    public function problem(): ?string
    {
        return $this->problem;
    }

    /**
     * Looks whether something else was written, without waiting; it asks the server only when there is news.
     *
     * @return ConfigChange|null null when nothing has changed
     * @throws Exception\Failure
     */
    public function poll(): ?ConfigChange
    {
        if ($this->watch === null || $this->watch->hasFired) {
            return $this->look();
        }
        // A watch that ends with its session never fires.
        $this->session->assertAlive();
        return null;
    }

    /**
     * Waits until something else is written, and tells how good it is; the first time at once.
     *
     * @param float|null $seconds so long at most; null for ever
     * @return ConfigChange|null null when the time is over
     * @throws Exception\Failure
     */
    public function changed(?float $seconds = null): ?ConfigChange
    {
        $until = $seconds === null ? null : Session::now() + $seconds;
        do {
            $change = $this->poll();
            if ($change !== null) {
                return $change;
            }
        } while ($this->watch !== null && $this->session->await([$this->watch], $until));
        return null;
    }

    private function look(): ?ConfigChange
    {
        while (true) {
            $found = $this->session->dataWatched($this->path);
            if ($found !== null) {
                [$node, $this->watch] = $found;
                return $this->isNew($node->state()) ? $this->read($node->data) : null;
            }
            [$stat, $this->watch] = $this->session->existsWatched($this->path);
            if ($stat === null) {
                return $this->isNew(null) ? ConfigChange::Missing : null;
            }
        }
    }

    private function isNew(?string $state): bool
    {
        $isNew = $this->seen !== $state;
        $this->seen = $state;
        return $isNew;
    }

    private function read(string $text): ConfigChange
    {
        try {
            $this->good = ($this->parse)($text);
            $this->problem = null;
            return ConfigChange::Good;
        } catch (\Throwable $error) {
            $this->problem = $error->getMessage();
            return ConfigChange::Bad;
        }
    }
}
