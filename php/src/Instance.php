<?php

declare(strict_types=1);

namespace Zoarium;

/**
 * An instance of a service.
 */
final class Instance
{
    /**
     * @param string $id which of the service's instances; part of a path
     * @param string $address where it is reached: a name or an address
     */
    public function __construct(public readonly string $id, public readonly string $address, public readonly int $port)
    {
    }

    /** @internal what a registration says, as Curator writes it */
    public function encode(string $name, bool $isWell): string
    {
        return json_encode([
            'name' => $name, 'id' => $this->id, 'address' => $this->address, 'port' => $this->port, 'sslPort' => null,
            'payload' => null, 'registrationTimeUTC' => 0, 'serviceType' => 'DYNAMIC', 'uriSpec' => null, 'enabled' => $isWell,
        ], JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }

    /**
     * @internal
     * @return self|null null for one that is not well, or does not say where it is: others' may have a port for TLS only
     * @throws Exception\BadContent
     */
    public static function decode(string $path, string $content): ?self
    {
        $read = json_decode($content, true);
        if (!is_array($read)) {
            throw new Exception\BadContent($path, 'no registration');
        }
        [$id, $address, $port] = [$read['id'] ?? null, $read['address'] ?? null, $read['port'] ?? null];
        if (!is_string($id) || !is_string($address) || !is_int($port) || $port < 0 || $port > 65535) {
            return null;
        }
        return ($read['enabled'] ?? true) === false ? null : new self($id, $address, $port);
    }
}
