<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Manner;
use Zoarium\Internal\Place;
use Zoarium\Internal\Session;

/**
 * A lock that many readers share, or one writer has. kazoo's layout.
 *
 * Guarantee: of all holds that say that they are held either all are readers' or there is one. Served in the order of asking: a
 * reader waits for the writers before it, a writer for everybody before it, so neither starves. Writers' tokens rise.
 *
 * Limits: no upgrade from reader to writer. Readers that wait for one writer are woken together. Else as Lock's.
 */
final class ReadWriteLock
{
    private readonly Session $session;

    /**
     * @param string $path made when needed
     */
    public function __construct(\ZookeeperClient $client, private readonly string $path)
    {
        $this->session = Session::of($client);
    }

    /**
     * Waits until it is held for reading.
     *
     * @throws Exception\Failure
     */
    public function read(): Hold
    {
        return $this->hold(Manner::Reader) ?? throw new \LogicException('it stands until it is its turn');
    }

    /**
     * Waits until it is held for writing.
     *
     * @throws Exception\Failure
     */
    public function write(): Hold
    {
        return $this->hold(Manner::Writer) ?? throw new \LogicException('it stands until it is its turn');
    }

    /**
     * Waits for so many seconds at most to hold it for reading.
     *
     * @throws Exception\Failure
     */
    public function readWithin(float $seconds): ?Hold
    {
        return $this->hold(Manner::Reader, Session::now() + $seconds);
    }

    /**
     * Waits for so many seconds at most to hold it for writing.
     *
     * @throws Exception\Failure
     */
    public function writeWithin(float $seconds): ?Hold
    {
        return $this->hold(Manner::Writer, Session::now() + $seconds);
    }

    private function hold(Manner $manner, ?float $until = null): ?Hold
    {
        $place = Place::stand($this->session, $this->path, $manner, '', $until);
        return $place === null ? null : new Hold($place);
    }
}
