<?php

declare(strict_types=1);

namespace Zoarium\Internal;

/**
 * A znode as it was read.
 *
 * @internal
 */
final class Node
{
    /**
     * @param array<string, int> $stat
     */
    public function __construct(public readonly string $data, private readonly array $stat)
    {
    }

    public function version(): int
    {
        return $this->stat['version'] ?? 0;
    }

    public function czxid(): int
    {
        return $this->stat['czxid'] ?? 0;
    }

    public function ctimeMs(): int
    {
        return $this->stat['ctime'] ?? 0;
    }

    public function mtimeMs(): int
    {
        return $this->stat['mtime'] ?? 0;
    }

    /** Equal for equal states of the same znode, and only for those. */
    public function state(): string
    {
        return ($this->stat['czxid'] ?? 0) . '/' . ($this->stat['mzxid'] ?? 0);
    }
}
