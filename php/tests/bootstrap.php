<?php

/**
 * Starts a server of our own for the tests: the program that ZOA_SERVER names, or that of a build in this repository.
 *
 * Its sessions may be as short as 400 ms, so that tests of dying processes do not take long. ZOA_TEST_ADDRESS names a server that
 * runs already instead. ZOA_TEST_ARGS are the arguments with which tests start PHP: `-n -d extension=...`.
 */

declare(strict_types=1);

namespace Zoarium\Tests;

require __DIR__ . '/../autoload.php';

spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/' . str_replace('\\', '/', substr($class, strlen(__NAMESPACE__) + 1)) . '.php';
    if (str_starts_with($class, __NAMESPACE__ . '\\') && is_file($file)) {
        require $file;
    }
});

TestServer::start();
// For the scripts that tests start.
putenv('ZOA_TEST_ADDRESS=' . TestServer::address());
// For the tests that share what the extension's own tests use.
putenv('ZOA_TEST_SERVER=' . TestServer::address());
