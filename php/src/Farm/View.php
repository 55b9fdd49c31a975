<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Exception\Refused;
use Zoarium\Internal\Node;
use Zoarium\Internal\Session;
use Zoarium\Internal\Watch;

/**
 * What a leader sees of its farm. A list is read again only when its watch has fired.
 *
 * @internal
 */
final class View
{
    /** @var array<string, array{list<string>, Watch}> by place below the root */
    private array $lists = [];

    /** @var array<string, int> what each worker that is there may have; never changes */
    private array $capacities = [];

    /** @var array<string, list<string>> what is assigned to whom, gone or not */
    private array $assigned = [];

    /** @var array<string, true> who is there */
    private array $here = [];

    public function __construct(private readonly Session $session, private readonly Places $places)
    {
    }

    /** Reads what may have changed, and notes when what is new is due. */
    public function look(Agenda $agenda): void
    {
        // What is assigned before who is there: whoever is not there then is gone, and not new.
        $before = $this->lists['assigned'] ?? null;
        $workers = $this->list('assigned');
        if ($before !== ($this->lists['assigned'] ?? null)) {
            $this->forget('workers');
        }
        $this->assigned = [];
        foreach ($workers as $worker) {
            try {
                $this->assigned[$worker] = $this->list("assigned/$worker");
            } catch (Refused) {
                // Nobody knows what it has: it gets nothing more.
            }
        }
        $this->here = array_fill_keys($this->list('workers'), true);
        foreach (array_keys($this->assigned) as $worker) {
            if (isset($this->here[$worker]) && !isset($this->capacities[$worker])) {
                $this->learnCapacity((string) $worker);
            }
        }
        $this->capacities = array_intersect_key($this->capacities, $this->here);
        $this->list('failed');
        $this->list('queue');
        $this->lists = array_filter(
            $this->lists,
            fn (string $place): bool => !str_starts_with($place, 'assigned/') || isset($this->assigned[substr($place, 9)]),
            ARRAY_FILTER_USE_KEY,
        );
        $this->noteDue($agenda);
    }

    private function noteDue(Agenda $agenda): void
    {
        $there = [];
        foreach ($this->tasks() as [$place, $key, , $isGone]) {
            $there[$key] = true;
            if ($isGone || $agenda->knows($key) || $agenda->isStuck($key)) {
                continue;
            }
            $node = $this->read($agenda, $key);
            if ($node !== null) {
                $agenda->note($key, $place, Task::salvage($this->places->of($key), $node->data), $node->ctimeMs());
            }
        }
        $agenda->keep($there);
    }

    /** What lies there; null when it is gone, and when this leader may not read it, which it then leaves alone for a while. */
    public function read(Agenda $agenda, string $key): ?Node
    {
        try {
            return $this->session->data($this->places->of($key));
        } catch (Refused) {
            $agenda->isRefused($key);
            return null;
        }
    }

    private function learnCapacity(string $worker): void
    {
        try {
            $node = $this->session->data($this->places->task('workers', $worker));
        } catch (Refused) {
            // It is there, but nobody may know what for.
            $this->capacities[$worker] = 0;
            return;
        }
        if ($node === null) {
            unset($this->here[$worker]);
            return;
        }
        $data = json_decode($node->data, true);
        $capacity = is_array($data) ? ($data['capacity'] ?? null) : null;
        $this->capacities[$worker] = is_int($capacity) && $capacity >= 0 ? $capacity : 1;
    }

    private function isStale(string $place): bool
    {
        return !isset($this->lists[$place]) || $this->lists[$place][1]->hasFired;
    }

    /**
     * @return list<string>
     */
    private function list(string $place): array
    {
        if ($this->isStale($place)) {
            $found = $this->session->childrenWatched($this->places->of($place));
            if ($found === null) {
                unset($this->lists[$place]);
                return [];
            }
            if ($place === 'queue') {
                usort($found[0], static fn (string $one, string $other): int => Task::rank($one) <=> Task::rank($other));
            }
            $this->lists[$place] = $found;
        }
        return $this->lists[$place][0];
    }

    /** Reads this list again at the next look, whatever is heard. */
    public function forget(string $place): void
    {
        unset($this->lists[$place]);
    }

    /** What a move changes is read again, even if the events are not told yet: else a worker would be given too much. */
    public function forgetListOf(Move $move): void
    {
        foreach ([$move->key, $move->toKey] as $key) {
            if ($key !== null) {
                $this->forget(substr($key, 0, (int) strrpos($key, '/')));
            }
        }
        $this->forget('queue');
    }

    /**
     * All tasks that may become due: the place, the key below the root, the task's name, whether its worker is gone.
     *
     * @return iterable<array{string, string, string, bool}>
     */
    public function tasks(): iterable
    {
        foreach ($this->assigned as $worker => $names) {
            foreach ($names as $name) {
                $task = Task::splitAttempt($name)[0] ?? $name;
                yield ['assigned', "assigned/$worker/$name", $task, !isset($this->here[$worker])];
            }
        }
        foreach ($this->list('failed') as $name) {
            yield ['failed', "failed/$name", $name, false];
        }
        foreach ($this->list('queue') as $name) {
            if (Task::hasDeadline($name)) {
                yield ['queue', "queue/$name", $name, false];
            }
        }
    }

    /**
     * @return list<string> in the order in which they are to be assigned
     */
    public function queued(): array
    {
        return $this->list('queue');
    }

    /**
     * @return array<string, int> how many more tasks each worker may have; those with none are left out
     */
    public function rooms(): array
    {
        $rooms = [];
        foreach ($this->assigned as $worker => $names) {
            $room = isset($this->here[$worker]) ? ($this->capacities[$worker] ?? 0) - count($names) : 0;
            if ($room > 0) {
                $rooms[$worker] = $room;
            }
        }
        return $rooms;
    }

    /**
     * @return list<string> workers that are gone, and have nothing any more
     */
    public function buryable(): array
    {
        $gone = array_diff_key(array_filter($this->assigned, static fn (array $names): bool => $names === []), $this->here);
        return array_map(strval(...), array_keys($gone));
    }

    /**
     * @return list<Watch>
     */
    public function watches(): array
    {
        return array_column($this->lists, 1);
    }
}
