<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Receipt;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A queue: what is put in is taken out once, in the order of priority and then of putting. kazoo's layout.
 *
 *     /queue/entry-100-0000000007             an item; the lowest name is taken first
 *     /queue-__receipts__/5e0c...             a handle's receipts
 *
 * Guarantee: an item that was put is there once, and is taken by one handle at most, also when answers are lost. What one handle
 * puts with one priority is taken in that order.
 *
 * Limits: who takes an item and dies before it is done with it takes it along; the task farm is for work that must not be lost. A
 * handle whose session ends in the middle does not hear what became of its last request. The list of all items is read for every
 * eight taken, so an urgent one that another handle puts may wait for those: and keep queues below some ten thousand items. kazoo's
 * own clients may put an item twice.
 */
final class Queue
{
    /** The priority of what is put without one, and the least urgent one. */
    public const PRIORITY_DEFAULT = 100;
    public const PRIORITY_MAX = 999;

    /** So many names of a listing are used before the next one, so that an item of a higher priority does not wait long. */
    private const LISTED_MAX = 8;

    private readonly Session $session;
    private Receipt $receipt;

    /** @var list<string> names from the last listing */
    private array $listed = [];

    /**
     * @param string $path made when needed
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path)
    {
        $this->session = Session::of($client);
        $this->receipt = new Receipt($this->session, $path);
    }

    /**
     * Puts an item behind all others of its priority.
     *
     * @param int $priority 0 is the most urgent
     * @throws Exception\Failure when the session ends, or the item is too long for a znode
     */
    public function put(string $item, int $priority = self::PRIORITY_DEFAULT): void
    {
        if ($priority < 0 || $priority > self::PRIORITY_MAX) {
            throw new \ValueError("a priority is between 0 and 999, and $priority is not");
        }
        $path = sprintf('%s/entry-%03d-', $this->path, $priority);
        $this->receipt = $this->receipt->here();
        // What is put now may be more urgent than what was listed.
        $this->listed = [];
        while (true) {
            $outcome = $this->receipt->apply(Step::create($path, $item, \Zookeeper::SEQUENCE));
            if ($outcome->isDone) {
                return;
            }
            if ($outcome->code !== \Zookeeper::NONODE) {
                throw new Exception\Refused($path, $outcome->code);
            }
            $this->session->ensure($this->path);
        }
    }

    /**
     * Takes the first item; waits until there is one.
     *
     * @param float|null $seconds so long at most; null for ever. An item that is being taken when the time is over is taken still
     * @return string|null null when the time is over
     * @throws Exception\Failure when the session ends, or the first item cannot be deleted
     */
    public function take(?float $seconds = null): ?string
    {
        $until = $seconds === null ? null : Session::now() + $seconds;
        while (true) {
            $item = $this->takeListed();
            if ($item !== null) {
                return $item;
            }
            $found = $this->session->childrenWatched($this->path);
            if ($found === null) {
                $this->session->ensure($this->path);
            } elseif (!$this->note($found[0]) && !$this->session->await([$found[1]], $until)) {
                return null;
            }
        }
    }

    /**
     * Takes the first item if there is one.
     *
     * @throws Exception\Failure
     */
    public function tryTake(): ?string
    {
        $item = $this->takeListed();
        if ($item === null) {
            $this->note($this->session->children($this->path) ?? []);
            $item = $this->takeListed();
        }
        return $item;
    }

    /**
     * How many items there are.
     *
     * @throws Exception\Failure
     */
    public function count(): int
    {
        return $this->session->exists($this->path)['numChildren'] ?? 0;
    }

    /**
     * Keeps the first names of a listing.
     *
     * @param list<string> $names
     * @return bool whether there are any
     */
    private function note(array $names): bool
    {
        $items = array_filter($names, static fn (string $name): bool => str_starts_with($name, 'entry-'));
        sort($items);
        $this->listed = array_slice($items, 0, self::LISTED_MAX);
        return $items !== [];
    }

    /** Takes the first of the names listed that is still there. */
    private function takeListed(): ?string
    {
        $this->receipt = $this->receipt->here();
        while (($name = array_shift($this->listed)) !== null) {
            $path = "$this->path/$name";
            $node = $this->session->data($path);
            $outcome = $node === null ? null : $this->receipt->apply(Step::delete($path));
            if ($outcome?->isDone === true) {
                return $node->data;
            }
            // When it is gone another one was faster.
            if ($outcome !== null && $outcome->code !== \Zookeeper::NONODE) {
                throw new Exception\Refused($path, $outcome->code);
            }
        }
        return null;
    }
}
