<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Candidacy;
use Zoarium\Election;
use Zoarium\Exception;
use Zoarium\Hold;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;
use Zoarium\Internal\Watch;

/**
 * A leader of a farm, or one who stands by: looks at the whole farm, and moves tasks where they belong.
 *
 *     (new Leader($client, '/farm', 'host-7'))->run();
 *
 * Start several, in PHP or Rust: one leads, the next one goes on where it fell. Every change begins with the check that it still
 * leads, and is decided by what the tree says; so it may die between any two.
 */
final class Leader
{
    /** So many tasks are moved in one multi, and no more bytes than these unless one alone has them. */
    private const BATCH_MAX = 50;
    private const BATCH_LEN_MAX = 512 << 10;

    /** How often it looks when nothing was heard and nothing is due, in seconds. */
    private const LOOK = 2.0;

    /** How long it waits at a time, so that stop() is seen. */
    private const SLICE = 0.5;

    private readonly Session $session;
    private readonly Places $places;
    private readonly Election $election;
    private ?Candidacy $candidacy = null;
    private ?Hold $hold = null;
    private View $view;
    private Agenda $agenda;
    private Cleaning $cleaning;

    /** When to look again, whatever is heard. */
    private float $lookAt = 0.0;

    /** Why the last change was refused. */
    private int $refusal = 0;

    private bool $isStopped = false;

    /**
     * @param string $root the farm's path, which is made when needed
     * @param string $name for people to see
     */
    public function __construct(\ZookeeperClient $client, string $root, string $name = '')
    {
        $this->session = Session::of($client);
        $this->places = new Places($root);
        $this->election = new Election($client, $this->places->of('leader'), $name);
    }

    /**
     * Stands by and leads, again and again, until stop() is called.
     *
     * @param callable(int): void|null $begins told each time when it begins to lead, with the fencing token
     * @throws Exception\Failure when the session ends: begin again with a new client
     */
    public function run(?callable $begins = null): void
    {
        $told = null;
        while (!$this->isStopped) {
            $this->turn();
            $token = $this->token();
            if ($token !== null && $token !== $told && $begins !== null) {
                $begins($token);
            }
            $told = $token;
            $until = min(Session::now() + self::SLICE, $this->lookAt);
            $this->session->await($this->watches(), $until);
        }
        $this->resign();
    }

    /** Has run() return; may be called in a signal handler. */
    public function stop(): void
    {
        $this->isStopped = true;
    }

    /** Whether it leads, for sure. */
    public function leads(): bool
    {
        return $this->hold?->isHeld() ?? false;
    }

    /** The fencing token of its leadership; null when it stands by. */
    public function token(): ?int
    {
        return $this->hold?->token();
    }

    /**
     * For scripts that have something else to do: stands, and when it leads does what is to be done now. It waits for answers, but
     * not for news; without news it asks nothing. Call it several times a second.
     *
     * @throws Exception\Failure
     */
    public function turn(): void
    {
        if ($this->candidacy === null) {
            $this->places->prepare($this->session);
            $this->candidacy = $this->election->stand();
        }
        try {
            $this->lead($this->candidacy);
        } catch (Exception\Refused $refused) {
            // It can lead nothing, and must not stand in another's way while somebody still has it.
            $this->resign();
            throw $refused;
        }
    }

    /** Does what is to be done now, once it is its turn. */
    private function lead(Candidacy $candidacy): void
    {
        if ($this->hold === null && !$this->begin($candidacy)) {
            return;
        }
        $hasNews = array_filter($this->watches(), static fn (Watch $watch): bool => $watch->hasFired) !== [];
        if ($this->hold !== null && ($hasNews || Session::now() >= $this->lookAt)) {
            $this->lookAndMove($this->hold) || $this->resign();
        }
    }

    /** Stands no more and leads no more; the next turn begins anew. */
    private function resign(): void
    {
        [$candidacy, $this->candidacy, $this->hold] = [$this->candidacy, null, null];
        $this->lookAt = 0.0;
        $candidacy?->withdraw();
    }

    private function begin(Candidacy $candidacy): bool
    {
        try {
            $hold = $candidacy->leadership();
        } catch (Exception\Deleted) {
            // Somebody has deleted its place in the line, and the next turn takes another one.
            $this->resign();
            return false;
        }
        if ($hold === null) {
            $this->lookAt = Session::now() + self::LOOK;
            return false;
        }
        $serversMs = $this->readServersTime($hold);
        if ($serversMs === null) {
            $this->resign();
            return false;
        }
        $this->hold = $hold;
        $this->agenda = new Agenda($serversMs);
        $this->view = new View($this->session, $this->places);
        $this->cleaning = new Cleaning($this->session, $this->places);
        $this->lookAt = 0.0;
        return true;
    }

    /**
     * @return list<Watch>
     */
    private function watches(): array
    {
        if ($this->hold !== null) {
            return $this->view->watches();
        }
        $watch = $this->candidacy?->watch();
        return $watch === null ? [] : [$watch];
    }

    /** The servers' time; null when it leads no more. */
    private function readServersTime(Hold $hold): ?int
    {
        while (true) {
            $change = $this->change($hold, Step::set($this->places->of('clock'), ''));
            if ($change === Change::LeadsNoMore) {
                return null;
            }
            if ($change === Change::Refused || $change === Change::Impossible) {
                throw new Exception\Refused($this->places->of('clock'), $this->refusal);
            }
            if ($change === Change::Late) {
                $this->places->prepare($this->session);
            } elseif ($change === Change::Made) {
                $node = $this->session->data($this->places->of('clock'));
                if ($node !== null) {
                    return $node->mtimeMs();
                }
            }
        }
    }

    /** One look, and what follows from it; whether it still leads. */
    private function lookAndMove(Hold $hold): bool
    {
        $this->view->look($this->agenda);
        if ($this->agenda->wantsServersTime()) {
            $serversMs = $this->readServersTime($hold);
            if ($serversMs === null) {
                return false;
            }
            $this->agenda->setServersTime($serversMs);
        }
        $hasMoved = false;
        foreach (self::batches($this->moves()) as $batch) {
            $moved = $this->carryOut($hold, $batch);
            if ($moved === null) {
                return false;
            }
            $hasMoved = $hasMoved || $moved;
        }
        foreach ($this->view->buryable() as $worker) {
            if ($this->change($hold, Step::delete($this->places->task('assigned', $worker))) === Change::LeadsNoMore) {
                return false;
            }
            $this->view->forget('assigned');
        }
        $hasCleaned = $this->cleanUp($hold);
        if ($hasCleaned === null) {
            return false;
        }
        $now = Session::now();
        $this->lookAt = $hasMoved || $hasCleaned ? $now : max($now + 0.001, min($now + self::LOOK, $this->agenda->nextDue()));
        return $hold->check();
    }

    /** Whether anything may have been deleted; null when it leads no more. */
    private function cleanUp(Hold $hold): ?bool
    {
        $steps = $this->cleaning->next($this->agenda->serversNowMs());
        if ($steps === []) {
            return false;
        }
        $changes = [$this->change($hold, ...$steps)];
        if (in_array($changes[0], [Change::Late, Change::Refused, Change::Impossible], true)) {
            $changes = array_map(fn (Step $step): Change => $this->change($hold, $step), $steps);
        }
        if (in_array(Change::LeadsNoMore, $changes, true)) {
            return null;
        }
        $hasCleaned = in_array(Change::Made, $changes, true) || in_array(Change::Unknown, $changes, true);
        $hasCleaned || $this->cleaning->rest();
        return $hasCleaned;
    }

    /**
     * Each task is read when its turn comes: all of them at once may be more than there is memory.
     *
     * @return iterable<Move>
     */
    private function moves(): iterable
    {
        yield from $this->overdue();
        yield from $this->assignments();
    }

    /**
     * Tasks that may not stay where they are, and what becomes of them.
     *
     * @return iterable<Move>
     */
    private function overdue(): iterable
    {
        foreach ($this->view->tasks() as [$place, $key, $name, $isGone]) {
            if ($this->agenda->isStuck($key) || (!$isGone && !$this->agenda->isDue($key))) {
                continue;
            }
            $path = $this->places->of($key);
            $node = $this->view->read($this->agenda, $key);
            if ($node === null) {
                continue;
            }
            $task = Task::salvage($path, $node->data)->submitted($node->ctimeMs());
            $isDeadline = !$isGone && $this->agenda->isDeadline($key);
            $isNoTask = $task->isRubbish || ($place === 'assigned' && Task::splitAttempt($key) === null);
            $why = match (true) {
                $isGone && !$isNoTask => 'the worker is gone',
                $isDeadline => 'the deadline has passed' . ($task->error() === '' ? '' : "; before: {$task->error()}"),
                $isNoTask => $task->error() === '' ? 'no attempt is in its name' : $task->error(),
                $place === 'assigned' => 'the attempt took too long',
                default => $task->error(),
            };
            $to = $isDeadline || $isNoTask || $task->isSpent() ? 'dead' : 'queue';
            yield new Move($name, $key, $path, $this->places->task($to, $name), $task->withError($why));
        }
    }

    /**
     * Queued tasks, to the workers with the most room.
     *
     * @return iterable<Move>
     */
    private function assignments(): iterable
    {
        /** @var \SplPriorityQueue<array{int, string}, array{int, string}> $free */
        $free = new \SplPriorityQueue();
        foreach ($this->view->rooms() as $worker => $room) {
            $free->insert([$room, (string) $worker], [$room, (string) $worker]);
        }
        foreach ($free->isEmpty() ? [] : $this->view->queued() as $name) {
            if ($free->isEmpty()) {
                break;
            }
            if ($this->agenda->isDue("queue/$name") || $this->agenda->isStuck("queue/$name")) {
                continue;
            }
            $path = $this->places->task('queue', $name);
            $node = $this->view->read($this->agenda, "queue/$name");
            if ($node === null) {
                continue;
            }
            $task = Task::salvage($path, $node->data);
            if ($task->isSpent()) {
                // Rubbish says so by itself.
                $dead = $task->error() === '' ? $task->withError('no attempt is left') : $task;
                yield new Move($name, "queue/$name", $path, $this->places->task('dead', $name), $dead);
                continue;
            }
            [$room, $worker] = $free->extract();
            if ($room > 1) {
                $free->insert([$room - 1, $worker], [$room - 1, $worker]);
            }
            $task = $task->submitted($node->ctimeMs())->queued($node->czxid())->begun();
            $to = $this->places->assigned($worker, $name, $task->attempt());
            yield new Move($name, "queue/$name", $path, $to, $task, "assigned/$worker/$name.{$task->attempt()}");
        }
    }

    /**
     * @param iterable<Move> $moves
     * @return iterable<list<Move>>
     */
    private static function batches(iterable $moves): iterable
    {
        $batch = [];
        $len = 0;
        foreach ($moves as $move) {
            if (count($batch) === self::BATCH_MAX || ($batch !== [] && $len + strlen($move->data) > self::BATCH_LEN_MAX)) {
                yield $batch;
                [$batch, $len] = [[], 0];
            }
            $batch[] = $move;
            $len += strlen($move->data);
        }
        if ($batch !== []) {
            yield $batch;
        }
    }

    /**
     * Makes these moves together, or one by one when one of them is not possible any more.
     *
     * @param list<Move> $moves
     * @return bool|null whether anything may have moved; null when it leads no more
     */
    private function carryOut(Hold $hold, array $moves): ?bool
    {
        foreach ($moves as $move) {
            $this->view->forgetListOf($move);
        }
        $steps = array_merge(...array_map(static fn (Move $move): array => $move->steps(), $moves));
        $change = $this->change($hold, ...$steps);
        if ($change === Change::LeadsNoMore) {
            return null;
        }
        if ($change === Change::Made || $change === Change::Unknown) {
            $this->noteAssigned($moves);
            return true;
        }
        $hasMoved = false;
        foreach ($moves as $move) {
            $change = $this->carryOutAlone($hold, $move);
            if ($change === Change::LeadsNoMore) {
                return null;
            }
            $hasMoved = $hasMoved || $change === Change::Made || $change === Change::Unknown;
        }
        return $hasMoved;
    }

    /** A task that cannot be moved where it belongs is a dead letter, with its payload if that fits. */
    private function carryOutAlone(Hold $hold, Move $move): Change
    {
        $change = $this->move($hold, $move);
        if ($change === Change::Impossible) {
            $why = 'it could not be moved to ' . (new Exception\Refused($move->to, $this->refusal))->getMessage();
            $len = strlen($move->task->payload);
            $dead = $this->places->task('dead', $move->name);
            $emptied = $move->task->emptied()->withError("$why; $len bytes of payload did not fit, and are lost");
            foreach ([$move->task->withError($why), $emptied] as $task) {
                $change = $change === Change::Impossible ? $this->move($hold, $move->to($dead, $task)) : $change;
            }
        }
        if ($change === Change::Refused || $change === Change::Impossible) {
            $this->agenda->isRefused($move->key);
        }
        return $change;
    }

    /** Makes the places once more when somebody has deleted the one where it should go. */
    private function move(Hold $hold, Move $move): Change
    {
        $change = $this->change($hold, ...$move->steps());
        if ($change !== Change::Refused || $this->refusal !== \Zookeeper::NONODE) {
            return $change;
        }
        $this->places->prepare($this->session);
        return $this->change($hold, ...$move->steps());
    }

    /**
     * What was just assigned need not be read to know when it is due.
     *
     * @param list<Move> $moves
     */
    private function noteAssigned(array $moves): void
    {
        foreach ($moves as $move) {
            if ($move->toKey !== null) {
                $this->agenda->note($move->toKey, 'assigned', $move->task, $this->agenda->serversNowMs());
            }
        }
    }

    /** Changes something if it still leads. What became of it when the answer was lost is seen at the next look. */
    private function change(Hold $hold, Step ...$steps): Change
    {
        $outcome = $this->session->change(Step::check($hold->path(), 0), ...$steps);
        $this->refusal = $outcome->code;
        return match (true) {
            $outcome->isDone => Change::Made,
            $outcome->isUnknown => Change::Unknown,
            // Gone, or somebody has set its data: such a leader could change nothing any more, and makes room for another.
            $outcome->step === 0 => Change::LeadsNoMore,
            $outcome->isAt(1, \Zookeeper::NONODE) => Change::Late,
            $outcome->step === 1 || $outcome->code === \Zookeeper::NONODE => Change::Refused,
            default => Change::Impossible,
        };
    }
}
