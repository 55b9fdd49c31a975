<?php

declare(strict_types=1);

namespace Zoarium\Tests;

use Zoarium\ConfigWatch;
use Zoarium\Counter;
use Zoarium\DoubleBarrier;
use Zoarium\Farm;
use Zoarium\HoldState;
use Zoarium\Lock;
use Zoarium\Membership;
use Zoarium\Queue;
use Zoarium\Registry;
use Zoarium\Semaphore;

/**
 * Answers that are lost: the connection is cut at a chosen request, before the server has it or when its answer is on the way back.
 */
final class ProtectionTest extends ServerTestCase
{
    private const SYNC = 9;
    private const MULTI = 14;

    /** @var \Closure(int, string): mixed says what to cut next */
    private static ?\Closure $cut = null;

    private static string $address = '';

    protected function setUp(): void
    {
        if (self::$cut === null) {
            require_once __DIR__ . '/../../crates/zoa-php/tests/proxy.inc';
            [self::$address, self::$cut] = proxy();
        }
        parent::setUp();
        $this->client = new \ZookeeperClient(self::$address);
        $this->client->create($this->path, '');
    }

    private static function cutNext(string $when, int $opcode = self::MULTI): void
    {
        (self::$cut ?? throw new \LogicException('there is a proxy'))($opcode, $when);
    }

    /**
     * @return iterable<string, array{string}>
     */
    public function moments(): iterable
    {
        yield 'before the server has it' => ['before'];
        yield 'with the answer on its way' => ['after'];
    }

    /**
     * @dataProvider moments
     */
    public function testAPlaceInLineIsFoundAgain(string $when): void
    {
        $this->client->create("$this->path/lock", '');
        self::cutNext($when);
        $hold = (new Lock($this->client, "$this->path/lock"))->acquire();
        self::assertSame(HoldState::Held, $hold->state());
        self::assertCount(1, $this->client->getChildren("$this->path/lock"));
        self::cutNext($when);
        $hold->release();
        self::assertSame([], $this->client->getChildren("$this->path/lock"));
    }

    /**
     * @dataProvider moments
     */
    public function testACounterAddsOnce(string $when): void
    {
        $counter = new Counter($this->client, "$this->path/counter");
        self::assertSame(1, $counter->add());
        self::cutNext($when);
        self::assertSame(3, $counter->add(2));
        self::assertSame(3, $counter->get());
    }

    /**
     * @dataProvider moments
     */
    public function testAnItemIsPutOnceAndTakenOnce(string $when): void
    {
        $queue = new Queue($this->client, "$this->path/queue");
        $queue->put('first');
        self::cutNext($when);
        $queue->put('second');
        self::assertSame(2, $queue->count());
        self::cutNext($when);
        self::assertSame('first', $queue->take());
        self::assertSame('second', $queue->take());
        self::assertNull($queue->tryTake());
    }

    /**
     * @dataProvider moments
     */
    public function testEphemeralsAreMadeOnce(string $when): void
    {
        foreach (['group', 'services', 'services/web', 'barrier'] as $parent) {
            $this->client->create("$this->path/$parent", '');
        }
        self::cutNext($when);
        $member = (new Membership($this->client, "$this->path/group"))->join('me');
        self::assertCount(1, $this->client->getChildren("$this->path/group"));
        self::cutNext($when);
        $registration = (new Registry($this->client, "$this->path/services"))->register('web', new \Zoarium\Instance('a', 'host', 80));
        self::assertCount(1, $this->client->getChildren("$this->path/services/web"));
        self::cutNext($when);
        $registration->setWell(false);
        self::assertSame([], (new Registry($this->client, "$this->path/services"))->instances('web'));
        $semaphore = new Semaphore($this->client, "$this->path/semaphore", 1);
        $semaphore->acquire()->release();
        self::cutNext($when);
        $lease = $semaphore->acquire();
        self::assertCount(1, $this->client->getChildren("$this->path/semaphore"));
        self::assertSame(HoldState::Held, $lease->state());
        self::cutNext($when);
        $barrier = new DoubleBarrier($this->client, "$this->path/barrier", 1);
        self::assertTrue($barrier->enter());
        $barrier->leave();
        self::assertSame(HoldState::Held, $member->state());
    }

    public function testWhatIsDroppedIsLookedForBehindASync(): void
    {
        $other = $this->connect();
        $lock = new Lock($this->client, "$this->path/lock");
        $registry = new Registry($this->client, "$this->path/services");
        $make = [
            "$this->path/lock" => $lock->acquire(...),
            "$this->path/services/web" => static fn () => $registry->register('web', new \Zoarium\Instance('a', 'host', 80)),
        ];
        foreach ($make as $parent => $hold) {
            $held = $hold();
            self::cutNext('before', self::SYNC);
            unset($held);
            // It was not looked for: the sync before got no answer.
            self::assertCount(1, $other->getChildren($parent));
            $lock->contenders();
            self::assertCount(0, $other->getChildren($parent));
        }
    }

    public function testWhatIsDroppedIsGivenBackWhileTheScriptOnlyWaits(): void
    {
        [$other, $root] = [$this->connect(), "$this->path/farm"];
        $farm = new Farm\Client($other, $root);
        $worker = Farm\Worker::register($this->client, $root);
        [$task] = $farm->submit(['x']);
        (new Farm\Leader($other, $root))->turn();
        $assignment = $worker->next();
        $path = "$this->path/lock";
        $hold = (new Lock($this->client, $path))->acquire();
        $config = new ConfigWatch($this->client, "$this->path/config", strval(...));
        $config->poll();
        self::cutNext('before');
        unset($assignment);
        self::cutNext('before');
        self::assertNull($worker->next(1.0));
        self::assertSame(Farm\Stage::Failed, $farm->progress($task)->stage);
        self::cutNext('before', self::SYNC);
        unset($hold);
        self::assertCount(1, $other->getChildren($path));
        self::assertUntil(static function () use ($config, $other, $path): bool {
            self::assertNull($config->poll());
            return $other->getChildren($path) === [];
        }, 'the end of the hold');
    }

    public function testWhatIsDroppedIsGivenBackAlsoWhenACallbackThrowsThen(): void
    {
        $lock = new Lock($this->client, "$this->path/lock");
        $hold = $lock->acquire();
        $this->throwWhenCut();
        self::cutNext('before', self::SYNC);
        try {
            unset($hold);
            $lock->contenders();
            self::fail('it was to throw');
        } catch (\DomainException $error) {
            self::assertSame('mine', $error->getMessage());
        }
        self::assertSame([], $lock->contenders());
    }

    public function testATaskThatIsGoneBeforeItsNameWasHeardIsAccepted(): void
    {
        $farm = new Farm\Client($this->client, "$this->path/farm");
        [$first] = $farm->submit(['first']);
        $pid = self::fork(function () use ($first): void {
            $client = $this->connect();
            while (count($names = array_diff($client->getChildren("$this->path/farm/queue"), [$first])) === 0) {
            }
            $client->delete("$this->path/farm/queue/" . implode('', $names));
        });
        self::cutNext('after');
        [$name] = $farm->submit(['second']);
        self::assertStringStartsWith('500-', $name);
        self::assertTrue(self::join($pid));
        self::assertSame(Farm\Stage::Unknown, $farm->progress($name)->stage);
    }

    /**
     * @dataProvider moments
     */
    public function testATaskIsSubmittedOnceAndItsResultSavedOnce(string $when): void
    {
        $farm = new Farm\Client($this->client, "$this->path/farm");
        $farm->submit(['first']);
        self::cutNext($when);
        [$second, $third] = $farm->submit(['second', 'third']);
        self::assertSame(3, $farm->counts()->queued);
        self::assertSame(Farm\Stage::Queued, $farm->progress($third)->stage);
        $leader = new Farm\Leader($this->connect(), "$this->path/farm");
        self::cutNext($when);
        $worker = Farm\Worker::register($this->client, "$this->path/farm", 3);
        self::assertUntil(static function () use ($leader, $farm): bool {
            $leader->turn();
            return $farm->counts()->running === 3;
        }, 'the assignments');
        $assignments = [$worker->next(), $worker->next(), $worker->next()];
        foreach ($assignments as $assignment) {
            self::assertNotNull($assignment);
            self::cutNext($when);
            self::assertTrue($assignment->done('result of ' . $assignment->payload()));
        }
        self::assertSame('result of second', $farm->progress($second)->result);
        self::assertSame(3, $farm->counts()->done);
        self::cutNext($when);
        self::assertFalse($farm->cancel($third));
    }

    /**
     * @dataProvider moments
     */
    public function testAnAssignmentIsGivenBackWhenACallbackThrowsWhileItEnds(string $when): void
    {
        $farm = new Farm\Client($this->client, "$this->path/farm");
        [$task] = $farm->submit(['x']);
        $leader = new Farm\Leader($this->connect(), "$this->path/farm");
        $worker = Farm\Worker::register($this->client, "$this->path/farm");
        self::assertUntil(static function () use ($leader, $farm): bool {
            $leader->turn();
            return $farm->counts()->running === 1;
        }, 'the assignment');
        $assignment = $worker->next();
        $this->throwWhenCut();
        self::cutNext($when);
        try {
            $assignment?->done('y');
            self::fail('it was to throw');
        } catch (\DomainException $error) {
            self::assertSame('mine', $error->getMessage());
        }
        unset($error, $assignment);
        $progress = $farm->progress($task);
        $stages = ['before' => [Farm\Stage::Failed, 'the worker dropped it', ''], 'after' => [Farm\Stage::Done, '', 'y']];
        self::assertSame($stages[$when], [$progress->stage, $progress->error, $progress->result]);
    }

    /** Has the script throw when it is next told that the session stands otherwise. */
    private function throwWhenCut(): void
    {
        $isToThrow = true;
        $this->client->addSessionWatcher(static function () use (&$isToThrow): void {
            if ($isToThrow) {
                $isToThrow = false;
                throw new \DomainException('mine');
            }
        });
    }
}
