--TEST--
wait() delivers without sleeping, within 5 ms; dispatch() delivers what is there
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$start = microtime(true);
var_dump(zookeeper_wait(0.05), ZookeeperClient::wait(0), microtime(true) - $start < 1);
// From the reply of the write, which follows the event, to the callback.
$late = 0;
for ($i = 0; $i < 200; $i++) {
    $told = 0;
    $zk->get($path, function () use (&$told) { $told = hrtime(true); });
    if (($pid = $i % 2) === 0) {
        $zk->set($path, "$i");
        $sent = hrtime(true);
        while ($told === 0) {
        }
    } else {
        $zk->set($path, "$i");
        $sent = hrtime(true);
        if ($told === 0 && zookeeper_wait(1) !== 1) {
            echo "not told\n";
        }
    }
    $late += $told - $sent > 5000000 ? 1 : 0;
}
echo $late < 20 ? "prompt\n" : "$late of 200 were late\n";
foreach (['zookeeper_dispatch', 'Zookeeper::dispatch'] as $dispatch) {
    var_dump($dispatch());
}
class Heir extends Zookeeper { function wait($for) { return "mine: $for"; } function multi() { return 'mine too'; } }
$heir = new Heir;
var_dump($heir->wait('it'), $heir->multi());
?>
--EXPECT--
int(0)
int(0)
bool(true)
prompt
NULL
NULL
string(8) "mine: it"
string(8) "mine too"
