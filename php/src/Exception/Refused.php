<?php

declare(strict_types=1);

namespace Zoarium\Exception;

/**
 * The server refused a request, or the client did not take it. The code is one of the constants of \Zookeeper, such as NOAUTH.
 */
final class Refused extends \RuntimeException implements Failure
{
    public function __construct(public readonly string $path, int $code, ?\Throwable $previous = null, ?string $why = null)
    {
        $why ??= $previous === null ? self::name($code) : $previous->getMessage();
        parent::__construct("$path: $why", $code, $previous);
    }

    /** @internal */
    public static function withoutChroot(): self
    {
        $why = "the path behind the servers' addresses (the chroot) does not exist; make it first, with a client that has no chroot";
        return new self('/', \Zookeeper::NONODE, why: $why);
    }

    private static function name(int $code): string
    {
        return match ($code) {
            \Zookeeper::NONODE => 'no node',
            \Zookeeper::MARSHALLINGERROR => 'too long for a request',
            \Zookeeper::NODEEXISTS => 'node exists',
            \Zookeeper::BADVERSION => 'bad version',
            \Zookeeper::NOTEMPTY => 'not empty',
            \Zookeeper::NOAUTH => 'not authenticated',
            default => "code $code",
        };
    }
}
