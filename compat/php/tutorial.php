<?php
// The commands of the tutorial, as a reader types them: php tutorial.php PAGE
//
// Started in the root of the repository, where port 2181 is free and PHP may be changed. All blocks marked sh are typed into one
// shell, in their order, and each line must succeed; where a block ends in zkCli.sh, the unmarked block behind it is the dialogue with
// it: what stands behind a prompt is typed, the rest must be said. The blocks marked php are run by the phpt suite. Exit code 0
// means that all went as the page says.

const PROMPT = '/^\[zk: [^\]]+\] (.*)$/';

$page = $argv[1] ?? exit("usage: php tutorial.php PAGE\n");
preg_match_all('/^```(\w*)\n(.*?)^```$/ms', file_get_contents($page), $blocks, PREG_SET_ORDER);
$script = "set -e\n";
$said = [];
$typed = 0;
foreach ($blocks as $at => [, $kind, $text]) {
    if ($kind !== 'sh') {
        continue;
    }
    foreach (explode("\n", trim($text)) as $line) {
        $script .= 'printf "%s\n" ' . escapeshellarg("$ $line") . "\n";
        $typed++;
        if (!str_contains($line, 'zkCli.sh')) {
            $script .= "$line\n";
            continue;
        }
        [, $next, $dialogue] = $blocks[$at + 1];
        $next === '' || exit("$page: behind $line there is no dialogue\n");
        $script .= "$line <<'DIALOGUE'\n";
        foreach (explode("\n", trim($dialogue)) as $part) {
            if (preg_match(PROMPT, $part, $match)) {
                $script .= "$match[1]\n";
            } else {
                $said[] = $part;
            }
        }
        $script .= "quit\nDIALOGUE\n";
    }
}
$typed > 0 || exit("$page: there is nothing to type\n");
// Where a line fails before the page stops the server.
$script = "trap 'bin/zkServer.sh stop > /dev/null 2>&1' EXIT\n$script";
$process = proc_open(['bash', '-c', $script], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
$output = '';
while (($line = fgets($pipes[1])) !== false) {
    echo $line;
    $output .= $line;
}
$code = proc_close($process);
$failures = $code === 0 ? 0 : 1;
echo $code === 0 ? '' : "NOT OK  a command ended with $code\n";
$lines = explode("\n", $output);
foreach ($said as $line) {
    $is_said = in_array($line, $lines, true);
    echo $is_said ? 'ok      ' : 'NOT OK  ', "zkCli.sh says: $line\n";
    $failures += $is_said ? 0 : 1;
}
echo $failures === 0 ? "$page: all $typed lines do what it says\n" : "$page: $failures things are otherwise\n";
exit($failures === 0 ? 0 : 1);
