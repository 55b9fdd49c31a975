<?php

declare(strict_types=1);

namespace Zoarium\Tests;

/**
 * The scripts of the tutorial, in both languages the same, do what it says.
 */
final class TutorialTest extends ServerTestCase
{
    private const DOCS = __DIR__ . '/../../docs';

    private string $folder;

    /**
     * The scripts by name, and the texts that the page shows, in their order.
     *
     * @return array{array<string, string>, list<string>}
     */
    private static function blocks(string $page): array
    {
        preg_match_all('/^```(php|text)\n(.*?)^```$/ms', (string) file_get_contents(self::DOCS . "/$page"), $matches, PREG_SET_ORDER);
        [$scripts, $texts] = [[], []];
        foreach ($matches as [, $kind, $text]) {
            if ($kind === 'text') {
                $texts[] = $text;
            } elseif (preg_match('~^// (\S+)$~m', $text, $match) === 1) {
                $scripts[$match[1]] = $text;
            }
        }
        return [$scripts, $texts];
    }

    protected function setUp(): void
    {
        parent::setUp();
        $this->client->create($this->path, '');
        $this->folder = sys_get_temp_dir() . '/zoa-tutorial-' . bin2hex(random_bytes(4));
        mkdir("$this->folder/thumbs", recursive: true);
        symlink((string) realpath(__DIR__ . '/..'), "$this->folder/php");
        foreach (self::blocks('tutorial-farm.md')[0] as $name => $code) {
            $here = str_replace("'127.0.0.1:2181'", "'" . TestServer::address() . "$this->path'", $code);
            file_put_contents("$this->folder/thumbs/$name", $here);
        }
        chdir("$this->folder/thumbs");
    }

    protected function tearDown(): void
    {
        chdir(__DIR__);
        exec('rm -r ' . escapeshellarg($this->folder));
        parent::tearDown();
    }

    private function runs(string $script): string
    {
        $process = Process::php($script);
        self::assertSame(0, $process->ends(60), $process->output);
        return $process->output;
    }

    public function testBothLanguagesHaveTheSameScriptsAndTexts(): void
    {
        self::assertSame(self::blocks('tutorial-farm.md'), self::blocks('tutorial-farm.zh.md'));
    }

    public function testTheFarmMakesThumbnailsWhoeverDies(): void
    {
        [$scripts, $texts] = self::blocks('tutorial-farm.md');
        [$leads, $drawn, $submitted, $again, $broken, $asked, $full] = $texts;
        self::assertCount(8, $scripts);
        $electors = [Process::php('elect.php'), Process::php('elect.php')];
        $first = null;
        self::assertUntil(static function () use ($electors, &$first): bool {
            [$first] = [...array_keys(array_filter($electors, static fn (Process $one): bool => $one->read() !== '')), null];
            return $first !== null;
        }, 'a leader');
        self::assertSame($leads, $electors[(int) $first]->output);
        self::assertSame('', $electors[1 - (int) $first]->output);
        $electors = [];

        self::assertSame($drawn, $this->runs('pictures.php'));
        $leaders = [Process::php('thumb-leader.php'), Process::php('thumb-leader.php')];
        $workers = [Process::php('thumb-worker.php'), Process::php('thumb-worker.php')];
        self::assertSame($submitted, $this->runs('thumb-submit.php'));
        self::assertCount(24, (array) glob('small/*.jpg'));
        self::assertSame([160, 120], array_slice((array) getimagesize('small/24.jpg'), 0, 2));
        self::assertSame('leading', trim($leaders[0]->read() . $leaders[1]->read()));
        self::assertSame(26, substr_count($workers[0]->read() . $workers[1]->read(), "\n"));

        // The worker that began first and the leader die while the tasks run.
        array_map(unlink(...), (array) glob('small/*'));
        $submit = Process::php('thumb-submit.php');
        self::assertTrue($submit->prints('24 tasks are accepted'), $submit->output);
        self::assertUntil(static fn (): bool => count((array) glob('small/*.jpg')) > 2, 'some thumbnails');
        $workers[0]->kill();
        $leaders[$leaders[0]->output === '' ? 1 : 0]->kill();
        self::assertSame(0, $submit->ends(60), $submit->output);
        self::assertStringEndsWith($again, $submit->output);
        self::assertCount(24, (array) glob('small/*.jpg'));

        $this->runs('break.php');
        self::assertSame($broken, $this->runs('thumb-submit.php'));
        self::assertSame($asked, $this->runs('ask.php'));
        self::assertSame($full, $this->runs('limit.php'));
    }
}
