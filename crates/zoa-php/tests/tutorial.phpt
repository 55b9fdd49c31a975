--TEST--
The scripts of the tutorial, in both languages the same, do what it says
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php
require __DIR__ . '/skip.inc';
if (!is_file(in_repository('docs/tutorial-php.md'))) { die('skip the tutorial is not beside the tests: name the repository with ZOA_ROOT'); }
?>
--FILE--
<?php
require __DIR__ . '/server.inc';

/** The scripts by name, and the text block that follows each. */
function blocks(string $file): array
{
    $blocks = [];
    preg_match_all('/^```(php|text|ini)\n(.*?)^```$/ms', file_get_contents(in_repository("docs/$file")), $matches, PREG_SET_ORDER);
    foreach ($matches as [, $kind, $text]) {
        if ($kind === 'ini') {
            $blocks['ini'] = $text;
        } elseif ($kind === 'php') {
            preg_match('~^// (\S+)$~m', $text, $match);
            $name = $match[1];
            $blocks[$name] = ['code' => $text, 'text' => null];
        } else {
            $blocks[$name]['text'] = $text;
        }
    }
    return $blocks;
}

$english = blocks('tutorial-php.md');
var_dump($english === blocks('tutorial-php.zh.md'), count($english));

$root = new Zookeeper(server());
$path = own($root);
$zk = new Zookeeper(server() . $path);
$folder = sys_get_temp_dir() . '/zoa-tutorial-' . getmypid();
mkdir($folder);
$settings = [];
foreach (explode("\n", trim(str_replace('127.0.0.1:2181', server() . $path, $english['ini']))) as $line) {
    array_push($settings, '-d', str_replace(' = ', '=', $line));
}
unset($english['ini']);
foreach ($english as $name => $block) {
    file_put_contents("$folder/$name", str_replace('127.0.0.1:2181', server() . $path, $block['code']));
}

class Running
{
    public string $output = '';
    private $process;
    private $pipe;

    public function __construct(string $file, array $settings = [])
    {
        $command = [getenv('TEST_PHP_EXECUTABLE'), ...php_args(), ...$settings, $file];
        $this->process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
        $this->pipe = $pipes[1];
        stream_set_blocking($this->pipe, false);
    }

    public function prints(string $text, float $seconds = 20): bool
    {
        $end = microtime(true) + $seconds * slowness();
        while (!str_contains($this->read(), $text)) {
            if (microtime(true) > $end) {
                echo "it printed: $this->output\n";
                return false;
            }
            usleep(2000);
        }
        return true;
    }

    public function read(): string
    {
        return $this->output .= (string) stream_get_contents($this->pipe);
    }

    public function ends(): string
    {
        until(fn() => !proc_get_status($this->process)['running']);
        return $this->read();
    }

    public function kill(): void
    {
        proc_terminate($this->process, 9);
    }
}

// The shell's part: create /test 1
$zk->create('/test', '1');
var_dump((new Running("$folder/hello.php"))->ends() === $english['hello.php']['text']);

$watch = new Running("$folder/watch.php");
var_dump($watch->prints("/test is 2\n"));
$zk->set('/test', 'foo');
var_dump($watch->prints($english['watch.php']['text']));
$zk->set('/test', 'bar');
var_dump($watch->prints("/test is now bar\n"));
$watch->kill();

$workers = [];
foreach (['w-0000000000 leads', 'w-0000000001 follows w-0000000000', 'w-0000000002 follows w-0000000001'] as $says) {
    $workers[] = $worker = new Running("$folder/worker.php");
    var_dump($worker->prints("$says\n"));
}
$third = $workers[2]->output;
$workers[0]->kill();
var_dump($workers[1]->prints("w-0000000001 leads\n", 16), $workers[1]->output === $english['worker.php']['text']);
usleep(500000);
var_dump($workers[2]->read() === $third);
$workers[1]->kill();
$workers[2]->kill();

var_dump((new Running("$folder/move.php"))->ends() === $english['move.php']['text']);
// Another web server sees the session.
file_put_contents("$folder/session.php", '<?php session_id("shared"); session_start(); echo $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;');
foreach (['1', '2'] as $says) {
    var_dump((new Running("$folder/session.php", $settings))->ends() === $says);
}
array_map('unlink', glob("$folder/*"));
rmdir($folder);
?>
--EXPECT--
bool(true)
int(5)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
