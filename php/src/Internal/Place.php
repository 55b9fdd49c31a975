<?php

declare(strict_types=1);

namespace Zoarium\Internal;

use Zoarium\Exception\Deleted;
use Zoarium\Exception\UsedUp;

/**
 * A place in a line of sequential ephemerals: what locks, elections and read-write locks have in common.
 *
 *     /path/7f3c...__lock__0000000004      <guid><kind><number>, as kazoo makes them; the lowest number is served
 *     /path/91aa...__lock__0000000005      watches the one before it, and nothing else: who goes wakes one
 *
 * Whoever made a place deletes it, also when it is dropped half-made; and nobody is told that its turn has come while its session
 * may have expired.
 *
 * @internal
 */
final class Place
{
    /** The digits of a sequence number. */
    private const NUMBER_LEN = 10;

    /** The server counts no further: all that come later have this one, so the order is lost. */
    private const NUMBER_MAX = 0x7fffffff;

    private readonly string $beginning;
    private string $name = '';
    private int $czxid = 0;
    private bool $isLeft = false;
    private readonly int $pid;
    private ?Watch $before = null;
    private ?Possession $possession = null;

    private function __construct(
        public readonly Session $session,
        private readonly string $parent,
        private readonly Manner $manner,
    ) {
        $this->pid = Listening::pid();
        $this->beginning = Session::guid() . $manner->kind();
    }

    /** Takes the last place in the line. */
    public static function take(Session $session, string $parent, Manner $manner, string $data): self
    {
        $place = new self($session, $parent, $manner);
        [$place->name, $place->czxid] = $session->createInLine($parent, $place->beginning, $data);
        if (!self::hasRank($place->name, $manner)) {
            throw new UsedUp($parent);
        }
        return $place;
    }

    /** Takes a place and waits for its turn; null when that takes longer than until then, and the place is given up. */
    public static function stand(Session $session, string $parent, Manner $manner, string $data, ?float $until = null): ?self
    {
        $place = self::take($session, $parent, $manner, $data);
        while (!$place->hasTurn()) {
            if ($place->before !== null && !$session->await([$place->before], $until)) {
                $place->leave();
                return null;
            }
        }
        return $place;
    }

    /** Whether it is its turn, and the session surely alive. It asks the server only when there may be news. */
    public function hasTurn(): bool
    {
        if ($this->before !== null && !$this->before->hasFired) {
            // A watch that ends with its session never fires.
            $this->session->assertAlive();
            return false;
        }
        while (($before = $this->whoIsBefore()) !== null) {
            // Not exists(), which would leave a watch behind on a znode that is gone.
            $found = $this->session->dataWatched("$this->parent/$before");
            if ($found !== null) {
                $this->before = $found[1];
                return false;
            }
        }
        $this->before = null;
        return true;
    }

    /** What fires when it may be its turn. */
    public function watch(): ?Watch
    {
        return $this->before;
    }

    private function whoIsBefore(): ?string
    {
        while (true) {
            $names = $this->session->children($this->parent) ?? [];
            if (!in_array($this->name, $names, true)) {
                throw new Deleted($this->path());
            }
            $before = self::before($names, $this->name, $this->manner);
            if ($before !== null) {
                return $before;
            }
            // The answer may be old: while it was on its way the session may have expired, and another been served.
            if ($this->session->standing() === Standing::Sure) {
                $this->possession ??= new Possession($this->session);
                return null;
            }
            $this->session->beSure();
        }
    }

    public function path(): string
    {
        return "$this->parent/$this->name";
    }

    public function token(): int
    {
        return $this->czxid;
    }

    public function possession(): Possession
    {
        return $this->possession ??= new Possession($this->session);
    }

    /** Gives it up; returns when it is gone. In a forked child it is not this one's to give up. */
    public function leave(): void
    {
        if ($this->isLeft || $this->pid !== Listening::pid()) {
            return;
        }
        $this->session->delete($this->path());
        $this->isLeft = true;
        $this->possession?->end();
    }

    public function __destruct()
    {
        if (!$this->isLeft && $this->pid === Listening::pid()) {
            $this->session->abandonInLine($this->parent, $this->beginning);
        }
    }

    /**
     * The number of a name of one of these kinds.
     *
     * @param list<string> $kinds
     */
    private static function numberIn(string $name, array $kinds): ?int
    {
        foreach ($kinds as $kind) {
            $at = strrpos($name, $kind);
            $digits = $at === false ? '' : substr($name, $at + strlen($kind));
            if (preg_match('/^-?[0-9]{' . self::NUMBER_LEN . '}$/D', $digits) === 1) {
                return (int) $digits;
            }
        }
        return null;
    }

    /** Whether its number tells who came before it. */
    private static function hasRank(string $name, Manner $manner): bool
    {
        $number = self::numberIn($name, [$manner->kind()]);
        return $number !== null && $number >= 0 && $number < self::NUMBER_MAX;
    }

    /**
     * Who stands directly before this one, of those it waits for.
     *
     * @param list<string> $names
     */
    private static function before(array $names, string $own, Manner $manner): ?string
    {
        $ownNumber = self::numberIn($own, [$manner->kind()]);
        [$best, $bestNumber] = [null, PHP_INT_MIN];
        foreach ($names as $name) {
            $number = self::numberIn($name, $manner->waitsFor());
            if ($number !== null && $number < $ownNumber && $number > $bestNumber) {
                [$best, $bestNumber] = [$name, $number];
            }
        }
        return $best;
    }

    /**
     * The data of those in a line, the first one first; those who just left are left out.
     *
     * @return list<string>
     */
    public static function identifiers(Session $session, string $parent, Manner $manner): array
    {
        $line = [];
        foreach ($session->children($parent) ?? [] as $name) {
            $number = self::numberIn($name, [$manner->kind()]);
            if ($number !== null) {
                $line[$number] = $name;
            }
        }
        ksort($line);
        $identifiers = [];
        foreach ($line as $name) {
            $node = $session->data("$parent/$name");
            if ($node !== null) {
                $identifiers[] = $node->data;
            }
        }
        return $identifiers;
    }
}
