<?php

declare(strict_types=1);

namespace Zoarium;

use Zoarium\Internal\Own;
use Zoarium\Internal\Session;
use Zoarium\Internal\Step;

/**
 * A service registry: under which name which instances serve, and whether they are well. The layout of Curator's discovery.
 *
 *     /services/thumbnails/host-7      {"name":"thumbnails","id":"host-7","address":"10.0.0.7","port":8080,"enabled":true,...}
 *
 * Guarantee: an instance is listed from the time register() returns until it is withdrawn or its session ends, and not while it says
 * that it is not well.
 *
 * Limits: an instance that died is listed until its session expires, so whoever calls it must be ready to be refused. Two instances
 * of one name need different ids: one that another session has is refused, and one that this session has is registered anew, so
 * that the earlier registration stands for nothing any more.
 */
final class Registry
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
     * Registers an instance that is well.
     *
     * @throws Exception\Failure when the session ends; Refused with NODEEXISTS when another session has this id
     */
    public function register(string $name, Instance $instance): Registration
    {
        $path = "$this->path/$name/$instance->id";
        $create = Step::create($path, $instance->encode($name, true), \Zookeeper::EPHEMERAL);
        $own = new Own($this->session, $path, $this->czxidOf($path) ?? 0);
        while (true) {
            // What this session has there, of an earlier call or of a try whose answer was lost, is replaced.
            $steps = $this->czxidOf($path) === null ? [$create] : [Step::delete($path), $create];
            $outcome = $this->session->change(...$steps);
            if ($outcome->isDone) {
                break;
            }
            if ($outcome->isAt(count($steps) - 1, \Zookeeper::NONODE)) {
                $this->session->ensure(Session::parentOf($path));
            } elseif (!$outcome->isUnknown && $outcome->code !== \Zookeeper::NONODE && $outcome->code !== \Zookeeper::NODEEXISTS) {
                throw new Exception\Refused($path, $outcome->code);
            }
        }
        $own->isMade($outcome->created(count($steps) - 1)[1] ?? $this->czxidOf($path) ?? throw new Exception\Deleted($path));
        return new Registration($own, $name, $instance);
    }

    /** Null when there is none. */
    private function czxidOf(string $path): ?int
    {
        $stat = $this->session->exists($path);
        if ($stat !== null && $stat['ephemeralOwner'] !== $this->session->id()) {
            throw new Exception\Refused($path, \Zookeeper::NODEEXISTS);
        }
        return $stat['czxid'] ?? null;
    }

    /**
     * The names under which anything was ever registered.
     *
     * @return list<string>
     * @throws Exception\Failure
     */
    public function names(): array
    {
        $names = $this->session->children($this->path) ?? [];
        sort($names, SORT_STRING);
        return $names;
    }

    /**
     * The instances of a name that are well and have an address and a port, in the order of their ids.
     *
     * @return list<Instance>
     * @throws Exception\Failure when the session ends, or an entry cannot be read
     */
    public function instances(string $name): array
    {
        $ids = $this->session->children("$this->path/$name") ?? [];
        sort($ids, SORT_STRING);
        $instances = [];
        foreach ($ids as $id) {
            $path = "$this->path/$name/$id";
            $node = $this->session->data($path);
            $instance = $node === null ? null : Instance::decode($path, $node->data);
            if ($instance !== null) {
                $instances[] = $instance;
            }
        }
        return $instances;
    }
}
