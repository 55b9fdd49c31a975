<?php

declare(strict_types=1);

namespace Zoarium\Tests\Farm;

use PHPUnit\Framework\TestCase;
use Zoarium\Exception\BadContent;
use Zoarium\Farm\Agenda;
use Zoarium\Farm\NewTask;
use Zoarium\Farm\Task;

final class TaskTest extends TestCase
{
    public function testATaskComesBackAsItWasWithBytesOfAnyKindAndFieldsOfOthers(): void
    {
        $task = Task::decode('/t', (new NewTask("a\nb\xff", attemptsMax: 2, deadlineMs: 7))->encode());
        self::assertSame([0, false, 0, "a\nb\xff"], [$task->attempt(), $task->isSpent(), $task->timeLimitMs(), $task->payload]);
        self::assertSame([12, 17], [$task->deadlineAtMs(5), $task->submitted(10)->submitted(11)->deadlineAtMs(5)]);
        $other = Task::decode('/t', "{\"attempt\":1,\"attempts_max\":2,\"theirs\":[],\"more\":{},\"n\":1.0}\nx");
        $moved = $other->begun()->withError("no \xff paper");
        self::assertTrue($moved->isSpent());
        self::assertSame("{\"attempt\":2,\"attempts_max\":2,\"theirs\":[],\"more\":{},\"n\":1.0,\"error\":\"no \u{fffd} paper\"}\nx", $moved->encode());
        self::assertSame([1, ''], [$other->attempt(), $other->error()]);
    }

    public function testARetriedTaskHasAllItsAttemptsAnewAndNoneOfTheirNumbers(): void
    {
        $dead = Task::decode('/t', "{\"attempt\":3,\"attempts_max\":2,\"submitted_ms\":7,\"error\":\"no\"}\nx");
        self::assertSame("{\"attempt\":3,\"attempts_max\":2,\"attempts_before\":3}\nx", $dead->renewed(2)->encode());
        $renewed = $dead->renewed(70);
        self::assertSame("{\"attempt\":70,\"attempts_max\":2,\"attempts_before\":70}\nx", $renewed->encode());
        self::assertSame([70, 0, false], [$renewed->attempt(), $renewed->tries(), $renewed->isSpent()]);
        $last = $renewed->begun()->begun();
        self::assertSame([72, true, false], [$last->attempt(), $last->isSpent(), $last->renewed(90)->begun()->isSpent()]);
    }

    public function testARenewedTaskGoesOnFromWhereItWasQueued(): void
    {
        $numbers = static fn (int $attempt, int $before, int $queuedAt): string =>
            Task::decode('/t', "{\"attempt\":$attempt,\"attempts_before\":$before}\n")->queued($queuedAt)->encode();
        self::assertSame("{\"attempt\":80,\"attempts_before\":80}\n", $numbers(70, 70, 80));
        self::assertSame("{\"attempt\":70,\"attempts_before\":70}\n", $numbers(70, 70, 60));
        // Those that were begun since, or never renewed.
        self::assertSame("{\"attempt\":71,\"attempts_before\":70}\n", $numbers(71, 70, 80));
        self::assertSame("{\"attempt\":0,\"attempts_before\":0}\n", $numbers(0, 0, 80));
        // Somebody else's.
        self::assertSame("{\"attempt\":80,\"attempts_before\":80}\n", $numbers(70, 75, 80));
    }

    public function testNumbersThatAreTooHighAreCut(): void
    {
        $highest = PHP_INT_MAX;
        $patient = Task::decode('/t', "{\"deadline_ms\":$highest}\n");
        self::assertSame([$highest, $highest], [$patient->deadlineAtMs(5), $patient->submitted(7)->deadlineAtMs(5)]);
        $late = Task::decode('/t', "{\"deadline_ms\":7,\"submitted_ms\":$highest}\n");
        self::assertSame($highest, $late->deadlineAtMs(5));
        (new Agenda(1_000_000))->note('queue/t', 'queue', $patient, 1_000_000);
        // The last attempt that the name of an assignment can have.
        $last = Task::decode('/t', "{\"attempt\":999999999999999998,\"attempts_max\":$highest}\n");
        self::assertFalse($last->isSpent());
        self::assertSame(['t', 999999999999999999], Task::splitAttempt("t.{$last->begun()->attempt()}"));
        self::assertTrue($last->begun()->isSpent());
        self::assertTrue(Task::decode('/t', "{\"attempt\":$highest,\"attempts_max\":3,\"attempts_before\":$highest}\n")->isSpent());
    }

    public function testOfANumberThatIsNoIntegerAnyMoreNoAttemptBegins(): void
    {
        foreach (['9223372036854775808', '18446744073709551615'] as $number) {
            $task = Task::decode('/t', "{\"attempt\":$number,\"attempts_max\":3}\n");
            self::assertSame([true, true, PHP_INT_MAX], [$task->isSpent(), $task->renewed(7)->isSpent(), $task->attempt()]);
        }
    }

    public function testOfALongErrorTheBeginningIsKeptAndNoHalfCharacter(): void
    {
        $task = Task::decode('/t', "{}\n");
        self::assertSame(str_repeat("\u{1f41b}", 1000), $task->withError(str_repeat("\u{1f41b}", 1001))->error());
        self::assertSame(str_repeat("\u{fffd}", 1000), $task->withError(str_repeat("\xff", 5000))->error());
        self::assertSame("a\nb", $task->withError("a\nb")->error());
    }

    public function testWhatIsNoTaskIsRefusedWithItsPathOrSalvaged(): void
    {
        foreach (['', '{}', "[]\n", "\xff\n", "null\nx", "{\"attempts_max\":3,\"x\":1e999}\n"] as $bytes) {
            $salvaged = Task::salvage('/farm/queue/t', $bytes);
            self::assertTrue($salvaged->isSpent());
            self::assertSame($bytes, $salvaged->payload);
            self::assertStringStartsWith('/farm/queue/t holds ', $salvaged->error());
            try {
                Task::decode('/farm/queue/t', $bytes);
                self::fail("$bytes is no task");
            } catch (BadContent $error) {
                self::assertSame('/farm/queue/t', $error->path);
            }
        }
    }

    public function testTasksAreRankedByPriorityAndThenByNumber(): void
    {
        $names = ['500-aa-0000000001', '000d-bb-0000000009', '000-cc-0000000002', '500d-00-0000000003'];
        usort($names, static fn (string $one, string $other): int => Task::rank($one) <=> Task::rank($other));
        self::assertSame(['000-cc-0000000002', '000d-bb-0000000009', '500-aa-0000000001', '500d-00-0000000003'], $names);
        self::assertSame([false, true], [Task::hasDeadline($names[0]), Task::hasDeadline($names[1])]);
        self::assertSame(['500-aa-0000000001', 3], Task::splitAttempt('500-aa-0000000001.3'));
        self::assertNull(Task::splitAttempt('500-aa-0000000001'));
        self::assertNull(Task::splitAttempt('500-aa-0000000001.x'));
    }

    public function testPausesDoubleAndWhatALeaderFindsHasAged(): void
    {
        $task = static fn (int $attempt, int $limit = 0): Task =>
            Task::decode('/t', "{\"attempt\":$attempt,\"attempts_max\":99,\"time_limit_ms\":$limit}\n");
        $agenda = new Agenda(1_000_000);
        $agenda->note('assigned/w/old.1', 'assigned', $task(1, 5000), 1_000_000 - 6000);
        $agenda->note('assigned/w/young.1', 'assigned', $task(1, 5000), 1_000_000 - 4000);
        $agenda->note('assigned/w/endless.1', 'assigned', $task(1), 0);
        self::assertSame([true, false, false], array_map($agenda->isDue(...), ['assigned/w/old.1', 'assigned/w/young.1', 'assigned/w/endless.1']));
        $agenda->keep(['assigned/w/young.1' => true]);
        self::assertSame([false, true], [$agenda->knows('assigned/w/old.1'), $agenda->knows('assigned/w/young.1')]);
        // From now on what it sees has just come, whatever the servers' clock says.
        $agenda->note('failed/t', 'failed', $task(3), 0);
        self::assertFalse($agenda->isDue('failed/t'));
        self::assertEqualsWithDelta(\Zoarium\Internal\Session::now() + 0.4, $agenda->nextDue(), 0.1);
        $agenda->note('failed/t', 'failed', $task(50), 0);
        $agenda->keep(['failed/t' => true]);
        self::assertEqualsWithDelta(\Zoarium\Internal\Session::now() + 10, $agenda->nextDue(), 0.1);
        // A deadline runs by the servers' time.
        $dying = Task::decode('/t', "{\"deadline_ms\":1000}\n");
        $agenda->note('queue/t', 'queue', $dying, 1_000_000 - 2000);
        self::assertSame([true, true], [$agenda->isDue('queue/t'), $agenda->isDeadline('queue/t')]);
    }

    public function testANewTaskIsChecked(): void
    {
        self::assertStringStartsWith('007d-x-', (new NewTask('', priority: 7, deadlineMs: 1))->beginning('x'));
        $this->expectException(\ValueError::class);
        new NewTask('', priority: 1000);
    }
}
