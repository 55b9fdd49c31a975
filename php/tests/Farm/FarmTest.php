<?php

declare(strict_types=1);

namespace Zoarium\Tests\Farm;

use Zoarium\Exception\Full;
use Zoarium\Exception\PartlyAccepted;
use Zoarium\Exception\Refused;
use Zoarium\Exception\SessionEnded;
use Zoarium\Exception\TooLong;
use Zoarium\Farm\Assignment;
use Zoarium\Farm\Cleaning;
use Zoarium\Farm\Client;
use Zoarium\Farm\Leader;
use Zoarium\Farm\NewTask;
use Zoarium\Farm\Places;
use Zoarium\Farm\Stage;
use Zoarium\Farm\Worker;
use Zoarium\HoldState;
use Zoarium\Internal\Session;
use Zoarium\Tests\Process;
use Zoarium\Tests\ServerTestCase;
use Zoarium\Tests\TestServer;

final class FarmTest extends ServerTestCase
{
    private const EXAMPLES = __DIR__ . '/../../../examples/php';

    private Client $farm;
    private Leader $leader;

    protected function setUp(): void
    {
        parent::setUp();
        $this->farm = new Client($this->client, $this->path);
        $this->leader = new Leader($this->connect(), $this->path, 'leader');
    }

    protected function tearDown(): void
    {
        unset($this->farm, $this->leader);
        parent::tearDown();
    }

    /** Leads until the worker has something. */
    private function next(Worker $worker, float $seconds = 10): Assignment
    {
        $assignment = null;
        self::assertUntil(function () use ($worker, &$assignment): bool {
            $this->leader->turn();
            $assignment = $worker->next(0.0);
            return $assignment !== null;
        }, 'an assignment', $seconds);
        self::assertNotNull($assignment);
        return $assignment;
    }

    private function leadUntil(callable $holds, string $what): void
    {
        self::assertUntil(function () use ($holds): bool {
            $this->leader->turn();
            return $holds();
        }, $what);
    }

    private function lead(float $seconds): void
    {
        Process::until(function (): bool {
            $this->leader->turn();
            return false;
        }, $seconds);
    }

    public function testAFullQueueRefusesAllAndLosesNothing(): void
    {
        $this->client->create($this->path, '');
        $this->client->create("$this->path/config", '{"queue_max":3}');
        $this->farm->submit(['1', '2']);
        try {
            $this->farm->submit(['3', '4']);
            self::fail('it is full');
        } catch (Full $full) {
            self::assertSame([2, 3, []], [$full->count, $full->countMax, $full->accepted]);
        }
        self::assertSame(2, $this->farm->counts()->queued);
        // More than a batch, none of which is accepted.
        $this->client->set("$this->path/config", '{"queue_max":120}');
        $this->expectException(Full::class);
        $this->farm->submit(array_fill(0, 119, 'x'));
    }

    public function testATaskIsTriedAgainInTheOrderOfPriorityAndGivenUpInTheEnd(): void
    {
        [$usual, $urgent] = $this->farm->submit(['usual', new NewTask('urgent', priority: 1, attemptsMax: 2)]);
        $worker = Worker::register($this->client, $this->path, 1);
        $first = $this->next($worker);
        self::assertSame(['urgent', 1, $urgent], [$first->payload(), $first->attempt, $first->name]);
        self::assertTrue($first->isMine());
        self::assertTrue($first->fail('no paper'));
        self::assertFalse($first->isMine());
        $second = $this->next($worker);
        self::assertSame('usual', $second->payload());
        self::assertSame(Stage::Failed, $this->farm->progress($urgent)->stage);
        self::assertTrue($second->done('printed'));
        $again = $this->next($worker);
        self::assertSame([$urgent, 2, "$urgent.2"], [$again->name, $again->attempt, $again->id()]);
        $again->fail('no ink');
        self::assertNull($this->farm->wait($urgent, 0.0));
        $this->leadUntil(fn (): bool => $this->farm->progress($urgent)->isEnd(), 'its end');
        $progress = $this->farm->wait($urgent);
        self::assertSame([Stage::Dead, 'no ink'], [$progress?->stage, $progress?->error]);
        self::assertSame('printed', $this->farm->wait($usual)?->result);
        self::assertSame([[$usual], [$urgent]], $this->farm->ended());
        self::assertFalse($this->farm->retry($usual));
        self::assertTrue($this->farm->retry($urgent));
        self::assertFalse($this->farm->retry($urgent));
        $anew = $this->next($worker);
        self::assertSame([$urgent, 'urgent'], [$anew->name, $anew->payload()]);
        self::assertGreaterThan(2, $anew->attempt);
        self::assertTrue($anew->done('printed at last'));
        self::assertSame('printed at last', $this->farm->progress($urgent)->result);
    }

    public function testWhatASilentOrDeadWorkerHadGoesOnAndItsLateResultIsRefused(): void
    {
        $silent = Worker::register($this->client, $this->path, 1);
        [$task] = $this->farm->submit([new NewTask('work', timeLimitMs: 100)]);
        $late = $this->next($silent);
        $isTold = false;
        $late->onTakenAway(static function () use (&$isTold): void {
            $isTold = true;
        });
        $other = $this->connect();
        $dying = Worker::register($other, $this->path, 2);
        // The one with more room gets it next, and dies with it.
        $lost = $this->next($dying);
        self::assertSame([$task, 2], [$lost->name, $lost->attempt]);
        self::assertTrue($isTold);
        self::assertFalse($late->done('late'));
        self::assertSame(Stage::Running, $this->farm->progress($task)->stage);
        $other->close();
        self::assertSame(HoldState::Lost, $dying->state());
        $third = $this->next($silent);
        self::assertSame(3, $third->attempt);
        self::assertTrue($third->done('right'));
        self::assertSame('right', $this->farm->progress($task)->result);
        $this->leadUntil(fn (): bool => count($this->client->getChildren("$this->path/assigned")) === 1, 'the clean-up');
    }

    public function testACancelledTaskIsADeadLetterAndItsResultIsRefused(): void
    {
        [$running, $queued] = $this->farm->submit(['a', 'b']);
        self::assertTrue($this->farm->cancel($queued));
        $worker = Worker::register($this->client, $this->path, 2);
        $assignment = $this->next($worker);
        self::assertSame(1, $this->farm->counts()->running);
        self::assertTrue($this->farm->cancel($running));
        self::assertFalse($assignment->done('too late'));
        foreach ([$running, $queued] as $task) {
            self::assertSame('cancelled', $this->farm->progress($task)->error);
        }
        $watches = (int) TestServer::monitor()['zk_watch_count'];
        self::assertSame('cancelled', $this->farm->wait($running)?->error);
        self::assertNull($this->farm->wait('500-0-0000000099', 0.01));
        self::assertSame($watches, (int) TestServer::monitor()['zk_watch_count']);
        self::assertFalse($this->farm->cancel('500-0-0000000099'));
        self::assertSame(Stage::Unknown, $this->farm->progress('500-0-0000000099')->stage);
    }

    public function testWhatCannotBeRetriedOrCancelledIsSaidSo(): void
    {
        [$queued, $dead, $last] = $this->farm->submit(['a', 'b', 'c']);
        $this->farm->cancel($dead);
        $this->client->create("$this->path/dead/$dead/child", '');
        $this->client->create("$this->path/queue/$queued/child", '');
        foreach (["dead/$dead" => $this->farm->retry(...), "queue/$queued" => $this->farm->cancel(...)] as $place => $move) {
            try {
                $move(basename($place));
                self::fail('it has a child');
            } catch (Refused $error) {
                self::assertSame(\Zookeeper::NOTEMPTY, $error->getCode());
                self::assertStringContainsString("$this->path/$place", $error->getMessage());
            }
        }
        // What a farm needs is made when it is missing.
        $this->client->delete("$this->path/dead/$dead/child");
        $this->client->delete("$this->path/dead/$dead");
        $this->client->delete("$this->path/dead");
        self::assertTrue($this->farm->cancel($last));
        self::assertSame('cancelled', $this->farm->progress($last)->error);
    }

    public function testARetriedTaskIsAnotherAttemptThanTheOneThatStillRuns(): void
    {
        $worker = Worker::register($this->client, $this->path, 1);
        [$task] = $this->farm->submit([new NewTask('x', attemptsMax: 2)]);
        $old = $this->next($worker);
        self::assertTrue($this->farm->cancel($task));
        self::assertTrue($this->farm->retry($task));
        $new = $this->next($worker);
        self::assertGreaterThan($old->attempt, $new->attempt);
        self::assertFalse($old->done('late'));
        // It has all its attempts before it again, and no more.
        $new->fail('no paper');
        $last = $this->next($worker);
        self::assertSame($new->attempt + 1, $last->attempt);
        $last->fail('no ink');
        $this->leadUntil(fn (): bool => $this->farm->progress($task)->isEnd(), 'its end');
        self::assertSame('no ink', $this->farm->progress($task)->error);
    }

    public function testATaskThatIsRetriedByTwoHasNoAttemptTwice(): void
    {
        $worker = Worker::register($this->client, $this->path, 1);
        [$task] = $this->farm->submit([new NewTask('x', attemptsMax: 1)]);
        $this->farm->cancel($task);
        $this->farm->retry($task);
        // What another makes of the same dead letter, who takes his time.
        $late = (string) $this->client->get("$this->path/queue/$task");
        $first = $this->next($worker);
        $first->fail('no paper');
        $this->leadUntil(fn (): bool => $this->farm->progress($task)->isEnd(), 'its end');
        $this->client->delete("$this->path/dead/$task");
        $this->client->create("$this->path/queue/$task", $late);
        $second = $this->next($worker);
        self::assertGreaterThan($first->attempt, $second->attempt);
        self::assertFalse($first->done('late'));
        self::assertTrue($second->done('y'));
    }

    public function testWhatIsTooLongIsRefusedAndEndsNoLeader(): void
    {
        $longest = str_repeat('x', 1_000_000);
        try {
            $this->farm->submit(['short', "{$longest}x"]);
            self::fail('it is too long');
        } catch (TooLong $error) {
            self::assertSame('a payload of 1000001 bytes is too long: 1000000 bytes at most', $error->getMessage());
        }
        self::assertSame(0, $this->farm->counts()->queued);
        $worker = Worker::register($this->client, $this->path, 1);
        [$task] = $this->farm->submit([new NewTask($longest, attemptsMax: 2)]);
        // Each of these characters needs six bytes in JSON.
        self::assertTrue($this->next($worker)->fail(str_repeat("\1", 5000)));
        self::assertSame(str_repeat("\1", 1000), $this->farm->progress($task)->error);
        $again = $this->next($worker);
        try {
            $again->done("{$longest}x");
            self::fail('it is too long');
        } catch (TooLong $error) {
            self::assertSame([1_000_001, 1_000_000], [$error->len, $error->lenMax]);
        }
        self::assertTrue($again->done($longest));
        // Somebody else's, which has room in its request only where it is.
        $name = '500-' . str_repeat('0', 32) . '-0000000100';
        $data = "{\"attempt\":0,\"attempts_max\":1}\n";
        $data .= str_repeat('x', 0xfffff - 56 - strlen("$this->path/queue/$name$data"));
        $this->client->create("$this->path/queue/$name", $data);
        $this->leadUntil(fn (): bool => $this->farm->progress($name)->isEnd(), 'its end');
        self::assertMatchesRegularExpression(
            '/^it could not be moved to .*: too long for a request; \d+ bytes of payload did not fit, and are lost$/D',
            $this->farm->progress($name)->error,
        );
        // What is in two places, which only somebody else can do, is a dead letter with its payload.
        $worker->leave();
        foreach (['failed', 'queue'] as $place) {
            $this->client->create("$this->path/$place/500-0-0000000101", "{\"attempts_max\":2}\ntwice");
        }
        $this->leadUntil(fn (): bool => $this->farm->counts()->dead === 2, 'its end');
        self::assertStringEndsWith(': node exists', $this->farm->progress('500-0-0000000101')->error);
        self::assertStringEndsWith("\ntwice", (string) $this->client->get("$this->path/dead/500-0-0000000101"));
        $this->client->delete("$this->path/queue/500-0-0000000101");
        $worker = Worker::register($this->client, $this->path, 1);
        [$task] = $this->farm->submit(['short']);
        $this->next($worker)->done('done');
        self::assertSame('done', $this->farm->progress($task)->result);
    }

    public function testWhatCannotBeMovedOrDeletedIsLeftAloneAndHoldsUpNobody(): void
    {
        $this->client->create($this->path, '');
        $this->client->create("$this->path/config", '{"results_max":1}');
        $this->leader->turn();
        $task = "{\"attempt\":0,\"attempts_max\":1}\n";
        foreach (['queue/000-0-0000000001', 'failed/000-0-0000000002', 'done/000-0-0000000003'] as $place) {
            $this->client->create("$this->path/$place", $task);
            $this->client->create("$this->path/$place/child", '');
        }
        $this->client->create("$this->path/done/000-0-0000000004", $task);
        $this->client->create("$this->path/dead/500-0-0000000005", $task);
        $this->client->create("$this->path/done/500-0-0000000006", $task);
        $worker = Worker::register($this->client, $this->path, 2);
        [$task] = $this->farm->submit(['x']);
        $assignment = $this->next($worker);
        self::assertSame($task, $assignment->name);
        $assignment->done('y');
        $this->leader = new Leader($this->connect(), $this->path);
        $this->leadUntil(fn (): bool => $this->client->exists("$this->path/done/000-0-0000000004") === false, 'the clean-up');
        $count = static fn (): int => (int) TestServer::monitor()['zk_packets_received'];
        $this->lead(0.5);
        $before = $count();
        $this->lead(1.0);
        self::assertLessThan(100, $count() - $before);
    }

    public function testWhatMayNotBeReadIsLeftAloneAndHoldsUpNobody(): void
    {
        $this->leader->turn();
        $mayDelete = [['perms' => \Zookeeper::PERM_ALL & ~\Zookeeper::PERM_READ, 'scheme' => 'world', 'id' => 'anyone']];
        foreach (['queue/000-0-0000000001', 'queue/000d-0-0000000002', 'failed/000-0-0000000003'] as $place) {
            $this->client->create("$this->path/$place", "{\"attempt\":0,\"attempts_max\":1}\n", $mayDelete);
        }
        $worker = Worker::register($this->client, $this->path, 3);
        [$task] = $this->farm->submit(['x']);
        $assignment = $this->next($worker);
        self::assertSame($task, $assignment->name);
        $assignment->done('y');
        self::assertSame([2, 1], [$this->farm->counts()->queued, $this->farm->counts()->failed]);
        // Without a list there is nothing to lead.
        $this->client->setAcl("$this->path/queue", -1, $mayDelete);
        $this->leader = new Leader($this->connect(), $this->path);
        try {
            $this->lead(3.0);
            self::fail('it was to be refused');
        } catch (Refused $error) {
            self::assertSame([\Zookeeper::NOAUTH, "$this->path/queue"], [$error->getCode(), $error->path]);
        }
        self::assertSame([], $this->client->getChildren("$this->path/leader"));
    }

    public function testAWorkerThatMayNotBeReadGetsNothingAndHoldsUpNobody(): void
    {
        $this->leader->turn();
        $hidden = [['perms' => \Zookeeper::PERM_ALL & ~\Zookeeper::PERM_READ, 'scheme' => 'world', 'id' => 'anyone']];
        $open = [['perms' => \Zookeeper::PERM_ALL, 'scheme' => 'world', 'id' => 'anyone']];
        foreach (['a' => [$hidden, $open], 'b' => [$open, $hidden]] as $worker => [$tasks, $capacity]) {
            $this->client->create("$this->path/assigned/$worker", '', $tasks);
            $this->client->create("$this->path/workers/$worker", '{"capacity":5}', $capacity, \Zookeeper::EPHEMERAL);
        }
        $worker = Worker::register($this->client, $this->path, 1);
        $tasks = $this->farm->submit(['x', 'y']);
        foreach ($tasks as $task) {
            $assignment = $this->next($worker);
            self::assertTrue($assignment->done($assignment->payload()));
        }
        self::assertSame(['x', 'y'], array_map(fn (string $task): string => $this->farm->progress($task)->result, $tasks));
    }

    public function testPlacesThatSomebodyDeletesAreMadeAgain(): void
    {
        $worker = Worker::register($this->client, $this->path, 2);
        [$one, $other] = $this->farm->submit(['x', new NewTask('y', attemptsMax: 1)]);
        [$first, $second] = [$this->next($worker), $this->next($worker)];
        foreach (['done', 'failed', 'dead'] as $place) {
            $this->client->delete("$this->path/$place");
        }
        self::assertTrue($second->fail('no paper'));
        $this->client->delete("$this->path/dead");
        $this->leadUntil(fn (): bool => $this->farm->progress($other)->isEnd(), 'its end');
        self::assertSame([Stage::Dead, 'no paper'], [$this->farm->progress($other)->stage, $this->farm->progress($other)->error]);
        $this->client->delete("$this->path/done");
        self::assertTrue($first->done('printed'));
        self::assertSame('printed', $this->farm->progress($one)->result);
    }

    public function testALeaderHasNotAllTasksInItsMemoryAtOnce(): void
    {
        $this->farm->submit(array_fill(0, 40, str_repeat('x', 500_000)));
        $worker = Worker::register($this->client, $this->path, 40);
        $leadUntil = function (callable $holds): void {
            $pid = self::fork(function () use ($holds): void {
                $this->leader = new Leader($this->connect(), $this->path);
                gc_mem_caches();
                ini_set('memory_limit', (string) (memory_get_usage(true) + (12 << 20)));
                $this->leadUntil($holds, 'the moves');
                unset($this->leader);
            });
            self::assertTrue(self::join($pid));
        };
        $leadUntil(fn (): bool => $this->farm->counts()->running === 40);
        $worker->leave();
        $leadUntil(fn (): bool => $this->farm->counts()->queued === 40);
    }

    public function testAnAssignmentThatIsDroppedHasFailed(): void
    {
        $worker = Worker::register($this->client, $this->path, 1);
        [$task] = $this->farm->submit(['x']);
        $first = $this->next($worker);
        $isTold = false;
        $first->onTakenAway(static function () use (&$isTold): void {
            $isTold = true;
        });
        unset($first);
        $progress = $this->farm->progress($task);
        self::assertSame([Stage::Failed, 'the worker dropped it'], [$progress->stage, $progress->error]);
        $second = $this->next($worker);
        self::assertSame(2, $second->attempt);
        self::assertTrue($second->done('y'));
        unset($second);
        self::assertSame('y', $this->farm->progress($task)->result);
        self::assertFalse($isTold);
    }

    public function testWhoseSessionEndsAmongBatchesHearsWhichWereAccepted(): void
    {
        $client = $this->connect();
        $farm = new Client($client, $this->path);
        try {
            $farm->submit(array_fill(0, 150, 'x'), static fn () => self::expire($client));
            self::fail('the session has ended');
        } catch (PartlyAccepted $error) {
            self::assertCount(100, $error->accepted);
            self::assertInstanceOf(SessionEnded::class, $error->getPrevious());
            self::assertSame(Stage::Queued, $this->farm->progress($error->accepted[99])->stage);
        }
        self::assertSame(100, $this->farm->counts()->queued);
        $this->expectException(SessionEnded::class);
        $farm->submit(['y']);
    }

    public function testWhereTheQueueIsSmallEverySubmissionIsGuarded(): void
    {
        $this->client->create($this->path, '');
        $version = function (): int {
            $this->farm->submit(['x']);
            return $this->client->exists("$this->path/queue")['version'];
        };
        self::assertSame(0, $version());
        $this->client->create("$this->path/config", '{"queue_max":2000}');
        self::assertSame(1, $version());
    }

    public function testWhoWaitsForATaskThatIsNoMoreIsToldSo(): void
    {
        [$gone, $queued] = $this->farm->submit(['x', 'y']);
        $this->client->delete("$this->path/queue/$gone");
        self::assertSame(Stage::Unknown, $this->farm->wait($gone, 20.0)?->stage);
        $seen = [];
        foreach ($this->farm->follow([$gone, $queued], 7.0) as $task => $progress) {
            $seen[$task] = $progress->stage;
        }
        self::assertSame([$gone => Stage::Unknown], $seen);
    }

    public function testADeadlineEndsATaskWhereverItIs(): void
    {
        [$queued] = $this->farm->submit([new NewTask('x', deadlineMs: 60)]);
        $this->leadUntil(fn (): bool => $this->farm->progress($queued)->isEnd(), 'the end of what is queued');
        $worker = Worker::register($this->client, $this->path, 2);
        $tasks = $this->farm->submit([new NewTask('y', deadlineMs: 400), new NewTask('z', deadlineMs: 400, attemptsMax: 99)]);
        [$runs, $fails] = [$this->next($worker), $this->next($worker)];
        $fails->fail('no paper');
        $this->leadUntil(function () use ($tasks): bool {
            return $this->farm->progress($tasks[0])->isEnd() && $this->farm->progress($tasks[1])->isEnd();
        }, 'the end of both');
        self::assertFalse($runs->done('late'));
        self::assertSame('the deadline has passed', $this->farm->progress($queued)->error);
        self::assertSame(Stage::Dead, $this->farm->progress($tasks[0])->stage);
        self::assertSame('the deadline has passed; before: no paper', $this->farm->progress($fails->name)->error);
    }

    public function testOldResultsAreCleanedUpAndWhatIsNoTaskIsKeptAsADeadLetter(): void
    {
        $this->client->create($this->path, '');
        $this->client->create("$this->path/config", '{"results_max":3,"keep_ms":0}');
        $tasks = $this->farm->submit(['1', '2', '3', '4', '5', '6']);
        $this->client->create("$this->path/queue/500-0-0000000000", 'nonsense');
        $worker = Worker::register($this->client, $this->path, 10);
        foreach (["assigned/{$worker->id()}/500-0-0000000001.1", "assigned/{$worker->id()}/nothing", 'failed/500-0-0000000002'] as $place) {
            $this->client->create("$this->path/$place", 'nonsense');
        }
        foreach ($tasks as $task) {
            self::assertTrue($this->next($worker)->done('x'));
        }
        // A new leader looks at once.
        $this->leader = new Leader($this->connect(), $this->path);
        $this->leadUntil(fn (): bool => $this->farm->counts()->done === 3, 'the clean-up');
        self::assertSame(Stage::Unknown, $this->farm->progress($tasks[0])->stage);
        self::assertSame('x', $this->farm->progress($tasks[5])->result);
        $rubbish = ['500-0-0000000000', '500-0-0000000001', '500-0-0000000002', 'nothing'];
        foreach ($rubbish as $name) {
            self::assertStringContainsString('a task without a header', $this->farm->progress($name)->error);
        }
        $this->client->set("$this->path/config", '{"keep_ms":1}');
        $this->leader = new Leader($this->connect(), $this->path);
        $this->leadUntil(fn (): bool => $this->farm->counts()->done + $this->farm->counts()->dead === 0, 'the clean-up of all');
    }

    public function testWhatAWorkerCannotReadHasFailedAndTakesNoRoom(): void
    {
        $worker = Worker::register($this->client, $this->path, 1);
        $place = "$this->path/assigned/{$worker->id()}";
        // A leader in Rust reads this.
        $odd = "{\"attempt\":1,\"attempts_max\":3,\"\\u0000\":0}\nx";
        $this->client->create("$place/500-0-0000000001.1", $odd);
        self::assertNull($worker->next(0.0));
        self::assertSame([], $this->client->getChildren($place));
        self::assertSame(Stage::Failed, $this->farm->progress('500-0-0000000001')->stage);
        // What cannot be moved ends no worker.
        $this->client->create("$place/500-0-0000000002.1", $odd);
        $this->client->create("$place/500-0-0000000002.1/child", '');
        self::assertNull($worker->next(0.0));
        $this->leadUntil(fn (): bool => $this->farm->progress('500-0-0000000001')->isEnd(), 'its end');
        self::assertStringContainsString('no header of a task', $this->farm->progress('500-0-0000000001')->error);
        self::assertStringEndsWith("\n$odd", (string) $this->client->get("$this->path/dead/500-0-0000000001"));
    }

    public function testADeadLetterIsNoOlderThanItsLastDeath(): void
    {
        $this->client->create($this->path, '');
        $this->client->create("$this->path/config", '{"keep_ms":1000}');
        [$old, $young] = $this->farm->submit(['x', 'y']);
        $diedAt = function (string $task): int {
            $this->farm->cancel($task);
            usleep(20_000);
            return $this->client->exists("$this->path/dead/$task")['ctime'];
        };
        $cleaning = new Cleaning(Session::of($this->client), new Places($this->path));
        [$first, $second] = [$diedAt($old), $diedAt($young)];
        self::assertCount(1, $cleaning->next($first + 1001));
        $this->farm->retry($young);
        self::assertGreaterThan($second + 1, $diedAt($young));
        self::assertCount(1, $cleaning->next($second + 1001));
        $this->client->delete("$this->path/dead/$old");
        self::assertSame([], $cleaning->next($second + 1001));
    }

    public function testATaskOfSomebodyElseEndsNoLeader(): void
    {
        $this->leader->turn();
        $highest = PHP_INT_MAX;
        $headers = [
            "{\"attempts_max\":1,\"deadline_ms\":$highest}",
            '{"attempts_max":3,"x":1e999}',
            "{\"attempt\":$highest,\"attempts_max\":3,\"attempts_before\":$highest}",
        ];
        foreach ($headers as $number => $header) {
            $this->client->create("$this->path/queue/00{$number}d-0-000000000$number", "$header\npayload");
        }
        [$task] = $this->farm->submit(['x']);
        $worker = Worker::register($this->client, $this->path, 9);
        $first = $this->next($worker);
        self::assertSame(['000d-0-0000000000', 'payload'], [$first->name, $first->payload()]);
        $first->done('y');
        self::assertSame($task, $this->next($worker)->name);
        self::assertStringContainsString('cannot be written again: Inf', $this->farm->progress('001d-0-0000000001')->error);
        $spent = $this->farm->progress('002d-0-0000000002');
        self::assertSame([Stage::Dead, 'no attempt is left'], [$spent->stage, $spent->error]);
        $this->client->create("$this->path/failed/500-0-0000000003", "$headers[1]\npayload");
        self::assertTrue($this->farm->cancel('500-0-0000000003'));
    }

    /**
     * @return iterable<string, array{callable(\ZookeeperClient, string): mixed}>
     */
    public function endsOfLeadership(): iterable
    {
        yield 'deleted' => [static fn (\ZookeeperClient $client, string $path): bool => $client->delete($path)];
        yield 'set' => [static fn (\ZookeeperClient $client, string $path): mixed => $client->set($path, 'mine')];
    }

    /**
     * @dataProvider endsOfLeadership
     * @param callable(\ZookeeperClient, string): mixed $end
     */
    public function testALeaderThatLeadsNoMoreChangesNothingAndTheNextOneGoesOn(callable $end): void
    {
        $this->farm->submit(['1', '2']);
        $this->leader->turn();
        self::assertTrue($this->leader->leads());
        $next = new Leader($this->connect(), $this->path, 'next');
        $next->turn();
        self::assertFalse($next->leads());
        $old = $this->leader->token();
        // Somebody takes its leadership away.
        $names = $this->client->getChildren("$this->path/leader");
        sort($names);
        usort($names, static fn (string $one, string $other): int => substr($one, -10) <=> substr($other, -10));
        $end($this->client, "$this->path/leader/$names[0]");
        $worker = Worker::register($this->client, $this->path, 2);
        // It does not know that yet, and sees something to do.
        self::assertTrue($this->leader->leads());
        self::assertUntil(function (): bool {
            $this->leader->turn();
            return !$this->leader->leads();
        }, 'the end of its leadership');
        self::assertSame(0, $this->farm->counts()->running);
        self::assertUntil(function () use ($next): bool {
            $next->turn();
            return $next->leads();
        }, 'the next leader');
        self::assertGreaterThan($old, $next->token());
        self::assertUntil(function () use ($next): bool {
            $next->turn();
            return $this->farm->counts()->running === 2;
        }, 'the assignments');
        $worker->leave();
    }

    public function testWhoseCandidacySomebodyDeletesStandsAgain(): void
    {
        $this->leader->turn();
        $next = new Leader($this->connect(), $this->path, 'next');
        $next->turn();
        foreach ($this->client->getChildren("$this->path/leader") as $name) {
            $this->client->delete("$this->path/leader/$name");
        }
        unset($this->leader);
        self::assertUntil(static function () use ($next): bool {
            $next->turn();
            return $next->leads();
        }, 'its leadership');
    }

    public function testALeaderThatMayNotSetTheClockStandsInNobodysWay(): void
    {
        $this->leader->turn();
        $readOnly = [['perms' => \Zookeeper::PERM_READ, 'scheme' => 'world', 'id' => 'anyone']];
        $this->client->setAcl("$this->path/clock", -1, $readOnly);
        $next = new Leader($this->connect(), $this->path, 'next');
        $next->turn();
        $names = $this->client->getChildren("$this->path/leader");
        usort($names, static fn (string $one, string $other): int => substr($one, -10) <=> substr($other, -10));
        $this->client->delete("$this->path/leader/$names[0]");
        $error = null;
        self::assertUntil(static function () use ($next, &$error): bool {
            try {
                $next->turn();
            } catch (Refused $error) {
            }
            return $error !== null;
        }, 'the refusal');
        self::assertSame(\Zookeeper::NOAUTH, $error?->getCode());
        self::assertSame([], $this->client->getChildren("$this->path/leader"));
    }

    public function testTheExamplesAreAFarm(): void
    {
        $leader = Process::php(self::EXAMPLES . '/farm-leader.php', TestServer::address(), $this->path);
        $workers = [];
        for ($number = 0; $number < 2; $number++) {
            $workers[] = Process::php(self::EXAMPLES . '/farm-worker.php', TestServer::address(), $this->path, '3');
        }
        $client = Process::php(self::EXAMPLES . '/farm-submit.php', TestServer::address(), $this->path, '60');
        self::assertSame(0, $client->ends(), $client->output);
        self::assertStringContainsString('60 done, 0 given up, 0 wrong', $client->output);
        foreach ([$leader, ...$workers] as $process) {
            $process->signal(SIGTERM);
            self::assertSame(0, $process->ends(), $process->output);
        }
        self::assertSame([], $this->client->getChildren("$this->path/workers"));
        self::assertSame([], $this->client->getChildren("$this->path/leader"));
    }

    /**
     * @return iterable<string, array{bool, bool, bool}>
     */
    public function mixes(): iterable
    {
        foreach ([1, 2, 3, 4, 5, 6] as $mix) {
            [$client, $leader, $worker] = [($mix & 4) !== 0, ($mix & 2) !== 0, ($mix & 1) !== 0];
            $say = static fn (bool $isPhp): string => $isPhp ? 'PHP' : 'Rust';
            yield "{$say($client)} client, {$say($leader)} leader, {$say($worker)} worker" => [$client, $leader, $worker];
        }
    }

    /**
     * @dataProvider mixes
     */
    public function testLanguagesMix(bool $isPhpClient, bool $isPhpLeader, bool $isPhpWorker): void
    {
        $place = ['--server', TestServer::address(), '--path', $this->path];
        $leader = $isPhpLeader
            ? Process::php(self::EXAMPLES . '/farm-leader.php', TestServer::address(), $this->path)
            : Process::zoa('farm', 'lead', ...$place);
        $worker = $isPhpWorker
            ? Process::php(self::EXAMPLES . '/farm-worker.php', TestServer::address(), $this->path, '3')
            : Process::zoa('farm', 'work', '--capacity', '3', '--exec', 'rev | tr -d "\n"', ...$place);
        $payloads = array_map(static fn (int $number): string => "task $number", range(1, 12));
        if ($isPhpClient) {
            $tasks = $this->farm->submit($payloads);
        } else {
            $client = Process::zoa('farm', 'submit', '--wait', ...$place, ...$payloads);
            self::assertSame(0, $client->ends(), $client->output);
            [$tasks] = $this->farm->ended();
            usort($tasks, static fn (string $one, string $other): int => substr($one, -10) <=> substr($other, -10));
        }
        $results = [];
        foreach ($this->farm->follow($tasks, 20.0) as $task => $progress) {
            self::assertSame(Stage::Done, $progress->stage, $progress->error);
            $results[array_search($task, $tasks, true)] = $progress->result;
        }
        ksort($results);
        self::assertSame(array_map(strrev(...), $payloads), $results, $leader->read() . $worker->read());
    }

    public function testProcessesThatAreKilledAndPausedLoseNothing(): void
    {
        $script = __DIR__ . '/../../../compat/php/farm-faults.php';
        $run = Process::php($script, '200', '3');
        self::assertSame(0, $run->ends(60), $run->output);
        self::assertStringContainsString('200 accepted', $run->output);
    }
}
