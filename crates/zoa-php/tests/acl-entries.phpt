--TEST--
ACLs: entries that are freed by their own __toString, objects that throw, entries that lack something
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
class Text {
    function __construct(public $text, public $then = null) {}
    function __toString() { if ($this->then) { ($this->then)(); } return $this->text; }
}
for ($i = 0; $i < 200; $i++) {
    $entry = ['perms' => 31, 'scheme' => new Text('world', function () use (&$entry) {
        $entry = null;
        $junk = [];
        for ($j = 0; $j < 20; $j++) {
            $junk[] = ['perms' => str_repeat('x', $j)];
        }
    }), 'id' => str_repeat('anyone', 1)];
    $acl = [&$entry];
    if ($zk->setAcl($path, -1, $acl) !== true || $entry !== null || $zk->getAcl($path)[1] !== [['perms' => 31, 'scheme' => 'world', 'id' => 'anyone']]) {
        echo "not set\n";
    }
    unset($acl, $entry);
}
$throws = new Text('', function () { throw new RuntimeException('no text'); });
$wrong = [
    [['perms' => 31, 'scheme' => $throws, 'id' => 'anyone']],
    [['perms' => 31, 'scheme' => 'world', 'id' => $throws], ['perms' => 31, 'scheme' => 'world', 'id' => 'anyone']],
    [['perms' => 31, 'scheme' => 'world'], 'entry', null, []],
    [['perms' => 31, 'scheme' => [], 'id' => 'anyone']],
    [['perms' => [], 'scheme' => 'world', 'id' => 'anyone']],
    [['perms' => (1 << 32) + 31, 'scheme' => 'world', 'id' => 'anyone']],
    [['perms' => 31, 'scheme' => "\xff", 'id' => 'anyone']],
];
$before = $zk->getAcl($path);
foreach ($wrong as $acl) {
    try {
        $zk->setAcl($path, -1, $acl);
        echo "accepted\n";
    } catch (Exception $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
var_dump($zk->getAcl($path) === $before);
// Those that lack something are left out; numbers in strings are numbers.
var_dump($zk->setAcl($path, -1, ['x', ['perms' => '31', 'scheme' => 'world', 'id' => new Text('anyone')]]));
?>
--EXPECT--
RuntimeException: no text
RuntimeException: no text
ZookeeperException: invalid acl
ZookeeperException: invalid acl
ZookeeperException: invalid acl
ZookeeperException: invalid acl
ZookeeperException: invalid acl
bool(true)
bool(true)
