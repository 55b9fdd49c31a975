<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Node;
use Zoarium\Internal\Receipt;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A counter: a number that everybody adds to. kazoo's layout: the number as text.
 *
 * Guarantee: each add() that returned is in the number once, also when answers were lost; one that was cut off by the end of its
 * session is in it once or not at all.
 *
 * Limits: every addition is one write of the same znode, and those that come at the same time try again: some hundred a second in
 * all, not more. kazoo's own clients may add twice when an answer is lost.
 */
final class Counter
{
    private readonly Session $session;
    private Receipt $receipt;

    /**
     * @param string $path made when needed; a counter that is not there counts as 0
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path)
    {
        $this->session = Session::of($client);
        $this->receipt = new Receipt($this->session, $path);
    }

    /**
     * The number, as the server knows it.
     *
     * @throws Exception\Failure when the session ends, or the znode holds no number
     */
    public function get(): int
    {
        $node = $this->session->data($this->path);
        return $node === null ? 0 : $this->number($node);
    }

    /**
     * Adds to it, and tells the number that this made.
     *
     * @throws Exception\Failure when the session ends, or the znode holds no number, or none that has room for more
     */
    public function add(int $by = 1): int
    {
        $this->receipt = $this->receipt->here();
        while (true) {
            $node = $this->session->data($this->path);
            if ($node === null) {
                $this->session->ensure($this->path);
                continue;
            }
            $number = $this->number($node);
            if ($by > 0 ? $number > PHP_INT_MAX - $by : $number < PHP_INT_MIN - $by) {
                throw new Exception\BadContent($this->path, 'a number that has no room for more');
            }
            $sum = $number + $by;
            $outcome = $this->receipt->apply(Step::set($this->path, (string) $sum, $node->version()));
            if ($outcome->isDone) {
                return $sum;
            }
            if ($outcome->code !== \Zookeeper::BADVERSION && $outcome->code !== \Zookeeper::NONODE) {
                throw new Exception\Refused($this->path, $outcome->code);
            }
        }
    }

    private function number(Node $node): int
    {
        if ($node->data === '') {
            return 0;
        }
        $number = preg_match('/^[+-]?[0-9]+$/D', $node->data) === 1 ? $node->data + 0 : null;
        return is_int($number) ? $number : throw new Exception\BadContent($this->path, 'no number: ' . substr($node->data, 0, 40));
    }
}
