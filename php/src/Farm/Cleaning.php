<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * Which results and dead letters are to be deleted: those with the lowest numbers when there are too many, and those too old.
 *
 * @internal
 */
final class Cleaning
{
    /** How often it looks, in seconds. */
    private const PAUSE = 5.0;

    /** So many are deleted in one multi, and of so many at most the age is read in one look. */
    private const BATCH_MAX = 50;

    private float $lookAt = 0.0;

    /** @var array<string, int> ctimes by path */
    private array $ctimes = [];

    public function __construct(private readonly Session $session, private readonly Places $places)
    {
    }

    /**
     * @return list<Step> what is to be deleted now; ask again when it was
     */
    public function next(int $serversNowMs): array
    {
        if (Session::now() < $this->lookAt) {
            return [];
        }
        $settings = Settings::read($this->session, $this->places);
        $surplus = $this->surplus('done', $settings->resultsMax) ?: $this->surplus('dead', $settings->deadMax)
            ?: $this->old($settings->keepMs, $serversNowMs);
        if ($surplus === []) {
            $this->rest();
        }
        return array_map(Step::delete(...), $surplus);
    }

    /** Looks again after a while only. */
    public function rest(): void
    {
        $this->lookAt = Session::now() + self::PAUSE;
    }

    /**
     * @return list<string>
     */
    private function surplus(string $place, int $countMax): array
    {
        $path = $this->places->of($place);
        $count = $this->session->exists($path)['numChildren'] ?? 0;
        // Not one by one: the list of all names is long.
        if ($count <= $countMax + intdiv($countMax, 10)) {
            return [];
        }
        $names = $this->session->children($path) ?? [];
        usort($names, static fn (string $one, string $other): int => Task::rank($one)[1] <=> Task::rank($other)[1]);
        $names = array_slice($names, 0, min(self::BATCH_MAX, max(0, count($names) - $countMax)));
        return array_map(fn (string $name): string => $this->places->task($place, $name), $names);
    }

    /**
     * @return list<string>
     */
    private function old(int $keepMs, int $serversNowMs): array
    {
        if ($keepMs === 0) {
            $this->ctimes = [];
            return [];
        }
        $there = [];
        foreach (['done', 'dead'] as $place) {
            foreach ($this->session->children($this->places->of($place)) ?? [] as $name) {
                $there[$this->places->task($place, $name)] = 0;
            }
        }
        $this->ctimes = array_intersect_key($this->ctimes, $there);
        $unread = array_slice(array_keys(array_diff_key($there, $this->ctimes)), 0, 4 * self::BATCH_MAX);
        foreach ($unread as $path) {
            $ctime = $this->session->exists($path)['ctime'] ?? null;
            if ($ctime !== null) {
                $this->ctimes[$path] = $ctime;
            }
        }
        $old = array_filter($this->ctimes, static fn (int $ctime): bool => $serversNowMs - $ctime > $keepMs);
        $old = array_slice(array_keys($old), 0, self::BATCH_MAX);
        return array_values(array_filter($old, fn (string $path): bool => $this->isStillOld($path, $keepMs, $serversNowMs)));
    }

    /** Asks again: a dead letter may have been retried since its age was read, and a younger one of the same name have come. */
    private function isStillOld(string $path, int $keepMs, int $serversNowMs): bool
    {
        $ctime = $this->session->exists($path)['ctime'] ?? null;
        if ($ctime === null) {
            unset($this->ctimes[$path]);
            return false;
        }
        $this->ctimes[$path] = $ctime;
        return $serversNowMs - $ctime > $keepMs;
    }
}
