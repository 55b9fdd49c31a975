--TEST--
Further watchers of a session hear all that the first one does, and when it may have expired; how long it surely lives is known
--EXTENSIONS--
zookeeper
pcntl
posix
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
// A way to the server that can be closed.
$listener = stream_socket_server('tcp://127.0.0.1:0');
if (($pid = pcntl_fork()) === 0) {
    $client = stream_socket_accept($listener, 60);
    $server = stream_socket_client('tcp://' . server());
    while (true) {
        $readable = [$client, $server];
        stream_select($readable, $none, $none, null);
        foreach ($readable as $stream) {
            $bytes = (string) fread($stream, 65536);
            $bytes === '' ? posix_kill(getmypid(), SIGKILL) : fwrite($stream === $client ? $server : $client, $bytes);
        }
    }
}
$address = stream_socket_get_name($listener, false);
fclose($listener);
$zk = new ZookeeperClient($address, null, 1000);
var_dump($zk->getSurelyAliveFor());
$told = [];
var_dump($zk->addSessionWatcher(function ($type, $state, $path) use (&$told) { $told['one'][] = [$type, $state, $path]; }));
$zk->addSessionWatcher(function ($type, $state) use (&$told) { $told['other'][] = $state; });
$zk->exists('/');
$alive = $zk->getSurelyAliveFor();
var_dump($alive > 0 && $alive <= $zk->getRecvTimeout());
posix_kill($pid, SIGKILL);
pcntl_waitpid($pid, $status);
until(function () use (&$told) { return isset($told['one'][1]); });
echo json_encode($told['one'][0]), json_encode($told['one'][1]), "\n";
$alive = $zk->getSurelyAliveFor();
var_dump($alive > 0);
until(function () use (&$told) { return end($told['one'])[1] === ZookeeperClient::DOUBTFUL_STATE; }, 20);
echo json_encode(end($told['one'])), ' ', $zk->getSurelyAliveFor(), ' ', end($told['other']), "\n";
var_dump($zk->getState() === Zookeeper::CONNECTING_STATE);
try {
    (new ZookeeperClient)->addSessionWatcher('strlen');
} catch (ZookeeperConnectionException $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECT--
int(0)
bool(true)
bool(true)
[-1,3,""][-1,1,""]
bool(true)
[-1,6,""] 0 6
bool(true)
Zookeeper->connect() was not called
