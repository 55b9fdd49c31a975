<?php

declare(strict_types=1);

namespace Zoarium\Tests;

use Zoarium\Exception\Deleted;
use Zoarium\Exception\SessionEnded;
use Zoarium\Hold;
use Zoarium\HoldState;
use Zoarium\Lock;
use Zoarium\ReadWriteLock;

final class LockTest extends ServerTestCase
{
    public function testOneHoldsItAndTheNextOneGetsItWithAHigherToken(): void
    {
        $other = $this->connect();
        $hold = (new Lock($this->client, $this->path, 'one'))->acquire();
        $lock = new Lock($other, $this->path, 'other');
        self::assertSame(HoldState::Held, $hold->state());
        self::assertNull($lock->tryAcquire());
        self::assertNull($lock->acquireWithin(0.05));
        self::assertSame(['one'], $lock->contenders());
        self::assertSame($hold->token(), $this->client->exists($hold->path())['czxid'] ?? null);
        $hold->release();
        self::assertSame(HoldState::Lost, $hold->state());
        $next = $lock->acquire();
        self::assertGreaterThan($hold->token(), $next->token());
        self::assertMatchesRegularExpression('~/[0-9a-f]{32}__lock__[0-9]{10}$~', $next->path());
    }

    public function testProcessesExcludeEachOther(): void
    {
        $this->client->create("$this->path-sum", '0');
        $processes = [];
        for ($number = 0; $number < 4; $number++) {
            $processes[] = Process::php(__DIR__ . '/take-part.php', TestServer::address(), 'lock', $this->path, '20');
        }
        foreach ($processes as $process) {
            self::assertSame(0, $process->ends(), $process->output);
        }
        self::assertSame('80', $this->client->get("$this->path-sum"));
        self::assertSame([], $this->client->getChildren($this->path));
    }

    public function testWhatIsDoneUnderItIsGivenAndItIsReleasedWhenThatThrows(): void
    {
        $lock = new Lock($this->client, $this->path);
        self::assertSame(HoldState::Held, $lock->synchronized(static fn (Hold $hold): HoldState => $hold->state()));
        try {
            $lock->synchronized(static fn () => throw new \DomainException('no'));
            self::fail('it was to throw');
        } catch (\DomainException) {
            self::assertNotNull($lock->tryAcquire());
        }
    }

    public function testAHoldThatIsForgottenIsReleased(): void
    {
        $lock = new Lock($this->client, $this->path);
        $hold = $lock->acquire();
        unset($hold);
        self::assertSame([], $this->client->getChildren($this->path));
        self::assertNotNull($lock->acquireWithin(1.0));
    }

    public function testWhoDiesGivesItUp(): void
    {
        $script = 'require ' . var_export(__DIR__ . '/../autoload.php', true) . '; '
            . '$hold = (new Zoarium\Lock(new ZookeeperClient($argv[1], null, ' . self::SHORT_MS . '), $argv[2]))->acquire(); '
            . 'echo "held\n"; sleep(60);';
        $file = (string) tempnam(sys_get_temp_dir(), 'zoa');
        file_put_contents($file, "<?php $script");
        $process = Process::php($file, TestServer::address(), $this->path);
        self::assertTrue($process->prints("held\n"), $process->output);
        unlink($file);
        $lock = new Lock($this->client, $this->path);
        self::assertNull($lock->tryAcquire());
        $process->kill();
        self::assertNotNull($lock->acquireWithin(10.0));
    }

    public function testWhoIsDeletedByHandIsToldWhenItAsks(): void
    {
        $hold = (new Lock($this->client, $this->path))->acquire();
        self::assertTrue($hold->check());
        $other = $this->connect();
        $other->delete($hold->path());
        self::assertFalse($hold->check());
        $this->client->create("$this->path-data", '');
        $multi = $hold->fence()->set("$this->path-data", 'late');
        try {
            $this->client->multi($multi);
            self::fail('the fence was to hold');
        } catch (\ZookeeperNoNodeException) {
            self::assertSame(0, $multi->failedAt());
            self::assertSame('', (string) $this->client->get("$this->path-data"));
        }
        $first = (new Lock($this->client, $this->path))->acquire();
        zookeeper_dispatch();
        $deletes = static function () use ($other, $first): void {
            foreach ($other->getChildren(dirname($first->path())) as $name) {
                $other->delete(dirname($first->path()) . "/$name");
            }
        };
        // Called while the second one waits in line.
        $other->exists("$this->path-go", $deletes);
        $pid = self::fork(function (): void {
            usleep(300_000);
            $this->connect()->create("$this->path-go", '');
        });
        try {
            (new Lock($this->client, $this->path))->acquire();
            self::fail('its place was deleted');
        } catch (Deleted $error) {
            self::assertStringStartsWith($this->path, $error->path);
        }
        self::assertTrue(self::join($pid));
    }

    public function testTheEndOfTheSessionEndsTheWaitingAndTheHold(): void
    {
        $hold = (new Lock($this->client, $this->path))->acquire();
        $waiting = $this->connect();
        $waiting->exists('/');
        $pid = self::fork(function () use ($waiting): void {
        });
        self::join($pid);
        $told = [];
        $hold->onChange(static function (HoldState $state) use (&$told): void {
            $told[] = $state;
        });
        $lock = new Lock($waiting, $this->path);
        $waiting->exists("$this->path-go", static function () use ($waiting): void {
            self::expire($waiting);
        });
        $this->client->create("$this->path-go", '');
        try {
            $lock->acquire();
            self::fail('its session was to end');
        } catch (SessionEnded $error) {
            self::assertSame(HoldState::Held, $hold->state());
        }
        self::expire($this->client);
        self::assertUntil(static fn (): bool => $hold->state() === HoldState::Lost, 'the end of the hold');
        self::assertUntil(static function () use (&$told): bool {
            return end($told) === HoldState::Lost;
        }, 'word of it');
        // It ended with the session, and ends without a word.
        unset($hold);
    }

    public function testReadersShareAndAWriterIsAlone(): void
    {
        $lock = new ReadWriteLock($this->client, $this->path);
        [$one, $other] = [$lock->read(), $lock->read()];
        self::assertNull($lock->writeWithin(0.05));
        $one->release();
        self::assertNull($lock->writeWithin(0.05));
        $other->release();
        $writer = $lock->write();
        self::assertNull($lock->readWithin(0.05));
        self::assertNull($lock->writeWithin(0.05));
        $writer->release();
        self::assertTrue($lock->read()->isHeld());
    }

    public function testAReleaseWakesOneOfManyAndCostsTheSameWhateverTheirNumber(): void
    {
        $costs = [];
        foreach ([4, 24] as $count) {
            $path = "$this->path-$count";
            $clients = $candidates = [];
            $first = (new \Zoarium\Election($this->client, $path))->lead();
            for ($number = 0; $number < $count; $number++) {
                $clients[$number] = $this->connect();
                $candidates[$number] = (new \Zoarium\Election($clients[$number], $path))->stand();
                self::assertNull($candidates[$number]->leadership());
            }
            $before = (int) TestServer::monitor()['zk_packets_received'];
            $first->release();
            self::assertUntil(static fn (): bool => $candidates[0]->leads(), 'the next one');
            foreach ($candidates as $number => $candidate) {
                self::assertSame($number === 0, $candidate->leads());
            }
            $costs[] = (int) TestServer::monitor()['zk_packets_received'] - $before;
        }
        // Pings of sessions apart.
        self::assertLessThan(20, abs($costs[1] - $costs[0]), json_encode($costs) . ' requests');
    }
}
