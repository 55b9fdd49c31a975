<?php

declare(strict_types=1);

namespace Zoarium\Tests;

use Zoarium\Barrier;
use Zoarium\ConfigChange;
use Zoarium\ConfigWatch;
use Zoarium\Counter;
use Zoarium\DoubleBarrier;
use Zoarium\Election;
use Zoarium\Exception\BadContent;
use Zoarium\Exception\Deleted;
use Zoarium\Exception\Refused;
use Zoarium\Farm\Leader;
use Zoarium\Hold;
use Zoarium\HoldState;
use Zoarium\Instance;
use Zoarium\Internal\Manner;
use Zoarium\Internal\Place;
use Zoarium\Membership;
use Zoarium\Queue;
use Zoarium\Registry;
use Zoarium\Semaphore;
use Zoarium\Term;

final class RecipesTest extends ServerTestCase
{
    public function testTheNextInLineLeadsWhenTheLeaderEnds(): void
    {
        [$other, $third] = [$this->connect(), $this->connect()];
        $leadership = (new Election($this->client, $this->path, 'one'))->lead();
        $election = new Election($other, $this->path, 'other');
        $candidacy = $election->stand();
        self::assertFalse($candidacy->leads());
        self::assertSame(['one', 'other'], $election->participants());
        $waiting = (new Election($third, $this->path, 'third'))->stand();
        $leadership->release();
        self::assertUntil($candidacy->leads(...), 'the leadership');
        self::assertSame('other', $election->leader());
        self::assertFalse($waiting->leads());
        self::assertGreaterThan($leadership->token(), $candidacy->leadership()?->token());
        unset($candidacy);
        self::assertUntil($waiting->leads(...), 'the leadership');
        $waiting->withdraw();
        $terms = 0;
        $election->run(static function (Hold $hold) use (&$terms): Term {
            return $hold->isHeld() && ++$terms < 3 ? Term::Again : Term::Last;
        });
        self::assertSame(3, $terms);
        self::assertNull($election->leader());
    }

    public function testASemaphoreHasSoManyLeases(): void
    {
        $semaphore = new Semaphore($this->client, $this->path, 2);
        [$one, $other] = [$semaphore->acquire(), $semaphore->acquire()];
        self::assertNull($semaphore->acquireWithin(0.1));
        $one->release();
        $third = (new Semaphore($this->connect(), $this->path, 2))->acquireWithin(5.0);
        self::assertNotNull($third);
        unset($other);
        self::assertCount(1, $this->client->getChildren($this->path));
        self::assertSame([], $this->client->getChildren("$this->path-__lock__"));
        $this->expectException(BadContent::class);
        $this->expectExceptionMessage('2 leases, not 3');
        (new Semaphore($this->client, $this->path, 3))->acquire();
    }

    public function testNobodyGetsThroughABarrierThatStands(): void
    {
        $barrier = new Barrier($this->client, "$this->path/deep/barrier");
        self::assertTrue($barrier->wait(0.0));
        $barrier->set();
        $barrier->set();
        self::assertFalse($barrier->wait(0.1));
        $waiting = Process::php(__DIR__ . '/take-part.php', TestServer::address(), 'wait', "$this->path/deep/barrier", '');
        usleep(200_000);
        self::assertTrue($waiting->isRunning());
        self::assertTrue($barrier->remove());
        self::assertFalse($barrier->remove());
        self::assertSame(0, $waiting->ends(), $waiting->output);
    }

    public function testAllEnterADoubleBarrierTogetherAndLeaveTogether(): void
    {
        $barrier = new DoubleBarrier($this->client, $this->path, 2);
        self::assertFalse($barrier->enter('me', 0.05));
        self::assertSame([], $this->client->getChildren($this->path));
        $other = Process::php(__DIR__ . '/take-part.php', TestServer::address(), 'double', $this->path, '2');
        self::assertTrue($barrier->enter('me', 10.0), $other->read());
        self::assertTrue($other->prints("entered\n"), $other->output);
        usleep(100_000);
        self::assertStringNotContainsString('left', $other->read());
        $barrier->leave();
        self::assertSame(0, $other->ends());
        self::assertStringContainsString('left', $other->output);
        self::assertSame([], $this->client->getChildren($this->path));
        $this->expectException(\LogicException::class);
        $barrier->leave();
    }

    public function testWhoGaveUpAtABarrierOrIsAChildLeavesNothingBehindAndTakesNothingAway(): void
    {
        $watches = (int) TestServer::monitor()['zk_watch_count'];
        self::assertFalse((new DoubleBarrier($this->client, $this->path, 2))->enter('', 0.05));
        self::assertSame($watches, (int) TestServer::monitor()['zk_watch_count']);
        $barrier = new DoubleBarrier($this->client, $this->path, 1);
        self::assertTrue($barrier->enter());
        $pid = self::fork(static function () use ($barrier): void {
            try {
                $barrier->leave();
                self::fail('it was the parent who entered');
            } catch (\LogicException) {
            }
        });
        self::assertTrue(self::join($pid));
        self::assertIsArray($this->client->exists("$this->path/ready"));
        $barrier->leave();
    }

    public function testNumbersThatAreUsedUpGiveNoRank(): void
    {
        $hasRank = new \ReflectionMethod(Place::class, 'hasRank');
        $ranks = array_map(static fn (string $number): bool => (bool) $hasRank->invoke(null, "x__lock__$number", Manner::Exclusive), [
            '0000000000', '2147483646', '2147483647', '-2147483648',
        ]);
        self::assertSame([true, true, false, false], $ranks);
    }

    public function testAQueueGivesEachItemOnceInItsOrder(): void
    {
        $queue = new Queue($this->client, $this->path);
        self::assertNull($queue->tryTake());
        self::assertNull($queue->take(0.05));
        $queue->put('usual');
        $queue->put("any bytes\0\xff", 500);
        $queue->put('urgent', 0);
        self::assertSame(3, $queue->count());
        self::assertSame('urgent', $queue->take());
        $queue->put('later');
        self::assertSame(['usual', 'later', "any bytes\0\xff"], [$queue->take(), $queue->take(), $queue->tryTake()]);
        $putting = Process::php(__DIR__ . '/take-part.php', TestServer::address(), 'put', $this->path, '30');
        $taking = Process::php(__DIR__ . '/take-part.php', TestServer::address(), 'take', $this->path, '15');
        $taken = [];
        while (count($taken) < 15) {
            $taken[] = 'took ' . $queue->take(10.0);
        }
        self::assertSame([0, 0], [$putting->ends(), $taking->ends()]);
        $taken = [...$taken, ...explode("\n", trim($taking->output))];
        $wanted = array_map(static fn (int $number): string => "took php-$number", range(0, 29));
        self::assertEqualsCanonicalizing($wanted, $taken);
    }

    public function testACounterCounts(): void
    {
        $counter = new Counter($this->client, $this->path);
        self::assertSame(0, $counter->get());
        self::assertSame(5, $counter->add(5));
        self::assertSame(3, (new Counter($this->connect(), $this->path))->add(-2));
        self::assertSame(4, $counter->add());
        $this->client->set($this->path, (string) PHP_INT_MAX);
        try {
            $counter->add();
            self::fail('there is no room for more');
        } catch (BadContent $error) {
            self::assertStringContainsString('no room', $error->getMessage());
        }
        $this->client->set($this->path, 'many');
        $this->expectExceptionMessage("$this->path holds no number: many");
        $counter->get();
    }

    public function testMembersComeAndGo(): void
    {
        $group = new Membership($this->client, $this->path);
        self::assertSame([], $group->members());
        $member = $group->join('me');
        $other = $this->connect();
        $others = (new Membership($other, $this->path))->join('another');
        self::assertSame(['another', 'me'], $group->members());
        self::assertNull($group->changed(['me', 'another'], 0.05));
        $others->leave();
        self::assertSame(['me'], $group->changed(['another', 'me'], 5.0));
        unset($member);
        self::assertSame([], $group->members());
    }

    public function testWhoIsNotWellIsNotListed(): void
    {
        $registry = new Registry($this->client, $this->path);
        self::assertSame([[], []], [$registry->names(), $registry->instances('web')]);
        $instance = new Instance('a', '10.0.0.7', 8080);
        $registration = $registry->register('web', $instance);
        $registry->register('mail', new Instance('b', 'host', 25));
        self::assertSame(['mail', 'web'], $registry->names());
        self::assertEquals([$instance], $registry->instances('web'));
        self::assertSame([], $registry->instances('mail'));
        $registration->setWell(false);
        self::assertSame([], $registry->instances('web'));
        $registration->setWell(true);
        self::assertCount(1, $registry->instances('web'));
        try {
            (new Registry($this->connect(), $this->path))->register('web', $instance);
            self::fail('the id is taken');
        } catch (Refused $error) {
            self::assertSame(\Zookeeper::NODEEXISTS, $error->getCode());
        }
        $registration->withdraw();
        self::assertSame([], $registry->instances('web'));
        $this->client->create("$this->path/web/tls", '{"id":"tls","address":"host","port":null,"sslPort":443}');
        self::assertSame([], $registry->instances('web'));
        $this->client->create("$this->path/web/x", 'nonsense');
        $this->expectException(BadContent::class);
        $registry->instances('web');
    }

    public function testARegistrationThatIsDroppedTakesNoOtherAlong(): void
    {
        $registry = new Registry($this->client, $this->path);
        $others = new Registry($this->connect(), $this->path);
        $first = $registry->register('web', new Instance('web1', 'host', 1));
        $tenth = $others->register('web', new Instance('web10', 'host', 10));
        unset($first);
        self::assertEquals([new Instance('web10', 'host', 10)], $registry->instances('web'));
        self::assertSame(HoldState::Held, $tenth->state());
    }

    public function testWhoRegistersAgainReplacesItsFormerRegistration(): void
    {
        $registry = new Registry($this->client, $this->path);
        $old = $registry->register('web', new Instance('a', 'host', 80));
        $new = $registry->register('web', new Instance('a', 'host', 81));
        self::assertEquals([new Instance('a', 'host', 81)], $registry->instances('web'));
        try {
            $old->setWell(false);
            self::fail('it was replaced');
        } catch (Deleted $error) {
            self::assertSame("$this->path/web/a", $error->path);
        }
        $old->withdraw();
        self::assertCount(1, $registry->instances('web'));
        // The old one goes when the new one is there.
        $new = $registry->register('web', new Instance('a', 'host', 82));
        self::assertEquals([new Instance('a', 'host', 82)], $registry->instances('web'));
        $new->withdraw();
        self::assertSame([], $registry->instances('web'));
    }

    public function testWhatCannotBeTakenFromAQueueIsSaid(): void
    {
        $queue = new Queue($this->client, $this->path);
        $queue->put('stuck');
        $item = $this->client->getChildren($this->path)[0];
        $this->client->create("$this->path/$item/child", '');
        $this->expectException(Refused::class);
        $this->expectExceptionMessage("$this->path/$item: not empty");
        $queue->take(5.0);
    }

    public function testWhereTheChrootIsMissingThatIsSaid(): void
    {
        $client = new \ZookeeperClient(TestServer::address() . $this->path);
        $uses = [
            (new Election($client, '/lead'))->stand(...),
            (new Semaphore($client, '/semaphore', 1))->acquire(...),
            static fn () => (new Membership($client, '/group'))->join('me'),
            static fn () => (new Queue($client, '/queue'))->put('item'),
            (new Counter($client, '/a/counter'))->add(...),
            (new Leader($client, '/farm'))->turn(...),
        ];
        foreach ($uses as $use) {
            try {
                $use();
                self::fail('there is nothing in which anything could be made');
            } catch (Refused $error) {
                self::assertSame(['/', \Zookeeper::NONODE], [$error->path, $error->getCode()]);
                self::assertStringContainsString('(the chroot) does not exist; make it first', $error->getMessage());
            }
        }
        $this->client->create($this->path, '');
        self::assertSame(1, (new Counter($client, '/a/counter'))->add());
    }

    public function testTheLastGoodConfigurationIsKept(): void
    {
        $watch = new ConfigWatch($this->client, $this->path, static function (string $text): int {
            return ctype_digit($text) ? (int) $text : throw new \DomainException("$text is no number");
        });
        self::assertSame(ConfigChange::Missing, $watch->poll());
        self::assertNull($watch->poll());
        $other = $this->connect();
        $other->create($this->path, '8');
        self::assertSame(ConfigChange::Good, $watch->changed(5.0));
        self::assertSame(8, $watch->current());
        self::assertNull($watch->changed(0.05));
        $other->set($this->path, 'many');
        self::assertSame(ConfigChange::Bad, $watch->changed(5.0));
        self::assertSame([8, 'many is no number'], [$watch->current(), $watch->problem()]);
        $other->set($this->path, '9');
        self::assertSame(ConfigChange::Good, $watch->changed(5.0));
        $other->delete($this->path);
        self::assertSame(ConfigChange::Missing, $watch->changed(5.0));
        self::assertSame([9, null], [$watch->current(), $watch->problem()]);
    }
}
