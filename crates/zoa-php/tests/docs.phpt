--TEST--
The documents show what php --ri and php --re print
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php
if (!is_dir((string) getenv('ZOA_DOCS'))) { die('skip ZOA_DOCS does not name the documents'); }
if (PHP_MAJOR_VERSION !== 8 || PHP_MINOR_VERSION !== 2) { die('skip the documents show PHP 8.2'); }
?>
--FILE--
<?php
function shown(string $page): string
{
    preg_match('/^```text\n(.*?)^```$/ms', file_get_contents(getenv('ZOA_DOCS') . "/$page"), $match);
    return plain($match[1]);
}
function plain(string $text): string
{
    $text = preg_replace(['/extension #\d+/', '/[ \t]+$/m'], ['extension #N', ''], $text);
    return trim($text);
}
$extension = new ReflectionExtension('zookeeper');
ob_start();
$extension->info();
$info = plain(ob_get_clean());
var_dump($info === shown('php.md'), plain((string) $extension) === shown('php-reflection.md'));
?>
--EXPECT--
bool(true)
bool(true)
