<?php

declare(strict_types=1);

namespace Zoarium\Farm;

use Zoarium\Internal\Step;

/**
 * A task that goes from one place to another: it is deleted there and created here in one multi.
 *
 * @internal
 */
final class Move
{
    public readonly string $data;

    /**
     * @param string $key where it comes from, below the farm's root
     * @param string|null $toKey where it is assigned, below the farm's root
     */
    public function __construct(
        public readonly string $name,
        public readonly string $key,
        private readonly string $from,
        public readonly string $to,
        public readonly Task $task,
        public readonly ?string $toKey = null,
    ) {
        $this->data = $task->encode();
    }

    /** Another one of the same task. */
    public function to(string $path, Task $task): self
    {
        return new self($this->name, $this->key, $this->from, $path, $task);
    }

    /**
     * @return list<Step>
     */
    public function steps(): array
    {
        return [Step::delete($this->from), Step::create($this->to, $this->data)];
    }
}
