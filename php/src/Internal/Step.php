<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * One change, or one condition, of those that are made together or not at all.
 *
 * @internal
 */
final class Step
{
    /**
     * @param \Closure(\ZookeeperMulti): \ZookeeperMulti $add
     */
    private function __construct(private readonly \Closure $add)
    {
    }

    public static function create(string $path, string $data = '', int $flags = 0): self
    {
        return new self(static fn (\ZookeeperMulti $multi) => $multi->create2($path, $data, null, $flags));
    }

    public static function delete(string $path): self
    {
        return new self(static fn (\ZookeeperMulti $multi) => $multi->delete($path));
    }

    public static function set(string $path, string $data, int $version = -1): self
    {
        return new self(static fn (\ZookeeperMulti $multi) => $multi->set($path, $data, $version));
    }

    public static function check(string $path, int $version): self
    {
        return new self(static fn (\ZookeeperMulti $multi) => $multi->check($path, $version));
    }

    /**
     * @param iterable<self> $steps
     */
    public static function multi(iterable $steps): \ZookeeperMulti
    {
        $multi = new \ZookeeperMulti();
        foreach ($steps as $step) {
            ($step->add)($multi);
        }
        return $multi;
    }
}
