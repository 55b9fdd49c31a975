<?php

declare(strict_types=1);

namespace Zoarium\Tests;

use Zoarium\ConfigWatch;
use Zoarium\Election;
use Zoarium\Exception\SessionEnded;
use Zoarium\Farm\Leader;
use Zoarium\HoldState;
use Zoarium\Lock;

/**
 * What becomes of holds when the connection, the process or the server goes.
 */
final class SessionTest extends ServerTestCase
{
    public function testAHolderIsToldAtOnceThatItIsSuspendedLostAndHeldAgain(): void
    {
        $proxy = new StoppableProxy();
        $client = new \ZookeeperClient($proxy->address, null, self::SHORT_MS);
        $hold = (new Lock($client, $this->path))->acquire();
        $told = [];
        $hold->onChange(static function (HoldState $state) use (&$told): void {
            $told[] = $state;
        });
        $proxy->close();
        $closed = microtime(true);
        self::assertUntil(static function () use (&$told): bool {
            return $told === [HoldState::Suspended];
        }, 'word of the suspension');
        self::assertLessThan(0.5, microtime(true) - $closed);
        self::assertSame(HoldState::Suspended, $hold->state());
        self::assertUntil(static function () use (&$told): bool {
            return $told === [HoldState::Suspended, HoldState::Lost];
        }, 'word of the loss');
        // Told by the time at which another may have it, at the latest.
        self::assertLessThan(self::SHORT_MS / 1000 + 0.2, microtime(true) - $closed);
        $other = (new Lock($this->client, $this->path))->acquireWithin(5.0);
        self::assertNotNull($other);
        self::assertNotSame(HoldState::Held, $hold->state());
        $proxy->open();
        self::assertUntil(static fn (): bool => $client->getState() === \Zookeeper::EXPIRED_SESSION_STATE, 'the end');
        self::assertSame(HoldState::Lost, $hold->state());
    }

    public function testAShortInterruptionLosesNothing(): void
    {
        $proxy = new StoppableProxy();
        $client = new \ZookeeperClient($proxy->address, null, 8000);
        $hold = (new Lock($client, $this->path))->acquire();
        $told = [];
        $hold->onChange(static function (HoldState $state) use (&$told): void {
            $told[] = $state;
        });
        $proxy->close();
        self::assertUntil(static function () use (&$told): bool {
            return $told === [HoldState::Suspended];
        }, 'word of the suspension');
        $proxy->open();
        // A request that is made meanwhile outlasts it.
        self::assertTrue($hold->check());
        self::assertSame(HoldState::Held, $hold->state());
        self::assertSame([HoldState::Suspended, HoldState::Held], $told);
    }

    public function testWhereNoServerIsReachedItIsGivenUpAfterTheTimeout(): void
    {
        $client = new \ZookeeperClient('127.0.0.1:1', null, 400);
        $begun = microtime(true);
        try {
            (new Lock($client, $this->path))->acquire();
            self::fail('there is no server');
        } catch (SessionEnded $error) {
            self::assertStringContainsString('no server was reached within 0.4 s', $error->getMessage());
        }
        self::assertLessThan(5.0, microtime(true) - $begun);
        $this->expectException(SessionEnded::class);
        (new Lock($client, $this->path))->acquire();
    }

    public function testAForkedChildHasNothingOfTheParentsAndTakesNothingFromIt(): void
    {
        $lock = new Lock($this->client, $this->path, 'parent');
        $hold = $lock->acquire();
        $pid = self::fork(function () use ($lock, &$hold): void {
            self::assertNotNull($hold);
            self::assertSame(HoldState::Lost, $hold->state());
            $hold->release();
            self::assertNull($lock->tryAcquire());
            $hold = null;
            self::assertSame(['parent'], $lock->contenders());
            $mine = new Lock($this->client, "$this->path-child");
            self::assertTrue($mine->acquire()->isHeld());
        });
        self::assertTrue(self::join($pid));
        self::assertSame(HoldState::Held, $hold->state());
        self::assertTrue($hold->check());
    }

    public function testWhatThrowsInACallbackComesOutOfTheWaitingAndThePlaceIsGivenUp(): void
    {
        $hold = (new Lock($this->client, $this->path))->acquire();
        $other = $this->connect();
        $other->exists("$this->path-go", static fn () => throw new \ZookeeperNoNodeException('mine', \Zookeeper::NONODE));
        $pid = self::fork(function (): void {
            usleep(200_000);
            $this->connect()->create("$this->path-go", '');
        });
        try {
            (new Lock($other, $this->path))->acquire();
            self::fail('it was to throw');
        } catch (\ZookeeperNoNodeException $error) {
            self::assertSame('mine', $error->getMessage());
        }
        self::assertTrue(self::join($pid));
        unset($error);
        self::assertSame([basename($hold->path())], $this->client->getChildren($this->path));
    }

    public function testWhatThrowsInACallbackBesideARequestIsNotTakenForItsAnswer(): void
    {
        $lock = new Lock($this->client, $this->path);
        $hold = $lock->acquire();
        $this->client->exists("$this->path-go", static fn () => throw new \ZookeeperNoNodeException('mine', \Zookeeper::NONODE));
        $pid = self::fork(function (): void {
            usleep(100_000);
            $this->connect()->create("$this->path-go", '');
        });
        try {
            // Nearly always in the middle of a request.
            $end = microtime(true) + 5;
            while (microtime(true) < $end && $lock->contenders() !== []) {
            }
        } catch (\ZookeeperNoNodeException $error) {
            self::assertSame('mine', $error->getMessage());
        }
        self::assertTrue(isset($error));
        self::assertTrue(self::join($pid));
        self::assertTrue($hold->isHeld());
    }

    public function testAHoldEndsWithItsSessionAlsoWhenTheClientHasANewOne(): void
    {
        $client = $this->connect();
        $hold = (new Lock($client, $this->path))->acquire();
        $client->connect(TestServer::address());
        $client->exists('/');
        self::assertSame(HoldState::Lost, $hold->state());
        self::assertTrue((new Lock($client, $this->path))->acquire()->isHeld());
        $client->close();
        self::assertSame(HoldState::Lost, $hold->state());
        $this->expectException(SessionEnded::class);
        $hold->check();
    }

    public function testWhatIsPolledHearsOfTheEndOfItsSession(): void
    {
        $leader = (new Election($this->client, "$this->path/lead", 'leader'))->stand();
        self::assertTrue($leader->leads());
        $farmLeader = new Leader($this->client, "$this->path-farm", 'leader');
        $farmLeader->turn();
        $client = $this->connect();
        $candidate = (new Election($client, "$this->path/lead", 'next'))->stand();
        self::assertNull($candidate->leadership());
        $watch = new ConfigWatch($client, "$this->path/none", strval(...));
        $watch->poll();
        $standby = new Leader($client, "$this->path-farm", 'next');
        $standby->turn();
        self::expire($client);
        foreach ([$candidate->leadership(...), $watch->poll(...), $standby->turn(...)] as $poll) {
            $error = null;
            self::assertUntil(static function () use ($poll, &$error): bool {
                try {
                    self::assertNull($poll());
                } catch (SessionEnded $error) {
                }
                return $error !== null;
            }, 'the end of the session');
        }
    }

    public function testManyRoundsOnOneClientLeaveNothingBehind(): void
    {
        $lock = static function (\ZookeeperClient $client, string $path): void {
            (new Lock($client, $path))->acquire()->release();
        };
        for ($round = 0; $round < 20; $round++) {
            $lock($this->client, $this->path);
        }
        gc_collect_cycles();
        $before = memory_get_usage();
        for ($round = 0; $round < 300; $round++) {
            $lock($this->client, $this->path);
        }
        gc_collect_cycles();
        self::assertLessThan(20_000, memory_get_usage() - $before);
    }
}
