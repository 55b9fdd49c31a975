--TEST--
The documents show what php -m, php --ri and php --re print
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php
require __DIR__ . '/server.inc';
if (!is_file(in_repository('docs/php.md'))) { die('skip the documents are not beside the tests: name the repository with ZOA_ROOT'); }
if (PHP_MAJOR_VERSION !== 8 || PHP_MINOR_VERSION !== 2) { die('skip the documents show PHP 8.2'); }
?>
--FILE--
<?php
require __DIR__ . '/server.inc';
function shown(string $page): string
{
    preg_match('/^```text\n(.*?)^```$/ms', file_get_contents(in_repository("docs/$page")), $match);
    return plain($match[1]);
}
function plain(string $text): string
{
    $text = preg_replace(['/extension #\d+/', '/[ \t]+$/m'], ['extension #N', ''], $text);
    return trim($text);
}
function php(string $argument): string
{
    $words = [getenv('TEST_PHP_EXECUTABLE'), ...php_args(), ...explode(' ', $argument)];
    return plain((string) shell_exec(implode(' ', array_map('escapeshellarg', $words))));
}
var_dump(in_array('zookeeper', explode("\n", php('-m')), true));
var_dump(php('--ri zookeeper') === shown('php.md'));
var_dump(php('--re zookeeper') === shown('php-reflection.md'));
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
