--TEST--
Znodes, their data and stats: every value of the right type
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
var_dump($zk->create("$path/null", null) === "$path/null", $zk->get("$path/null"), $zk->exists("$path/null")['dataLength']);
var_dump($zk->create("$path/empty", "") === "$path/empty", $zk->get("$path/empty"));
$binary = implode('', array_map('chr', range(0, 255)));
$zk->create("$path/binary", $binary);
var_dump($zk->get("$path/binary") === $binary, $zk->get("$path/binary", null, $stat, 3) === "\0\1\2");
foreach ($stat as $key => $value) {
    echo $key, ' ', gettype($value), "\n";
}
var_dump($zk->set("$path/binary", 'v', 0, $stat), $stat['version'], $zk->exists("$path/none"));
try { $zk->set("$path/binary", 'v', 0); } catch (ZookeeperException $e) { echo get_class($e), ' ', $e->getCode(), ' ', $e->getMessage(), "\n"; }
try { $zk->delete($path); } catch (ZookeeperException $e) { echo get_class($e), ' ', $e->getCode(), ' ', $e->getMessage(), "\n"; }
try { $zk->create($path, ''); } catch (ZookeeperException $e) { echo get_class($e), ' ', $e->getCode(), ' ', $e->getMessage(), "\n"; }
$sequential = $zk->create("$path/s-", '', null, Zookeeper::SEQUENCE | Zookeeper::EPHEMERAL);
echo str_replace($path, '', $sequential), "\n";
[$id, $password] = $zk->getClientId();
var_dump(is_int($id), strlen($password), $zk->exists($sequential)['ephemeralOwner'] === $id);
try { $zk->create("$sequential/below", ''); } catch (ZookeeperException $e) { echo get_class($e), ' ', $e->getCode(), ' ', $e->getMessage(), "\n"; }
$children = $zk->getChildren($path);
sort($children);
echo implode(' ', $children), "\n";
// A stat into a typed property, and one that cannot hold it.
class Holder { public ?array $stat = null; public int $number = 5; }
$holder = new Holder;
$zk->get($path, null, $holder->stat);
var_dump(count($holder->stat));
try { $zk->get($path, null, $holder->number); } catch (TypeError $e) { echo $e->getMessage(), "\n"; }
var_dump($holder->number);
// The original refuses values above about 1 MB by ending the connection; here it is an error, and the session lives on.
try { $zk->create("$path/long", str_repeat('x', 2 << 20)); } catch (ZookeeperMarshallingException $e) { echo $e->getCode(), "\n"; }
var_dump($zk->getClientId()[0] === $id);
var_dump($zk->delete("$path/null"), $zk->exists("$path/null"));
?>
--EXPECT--
bool(true)
NULL
int(0)
bool(true)
string(0) ""
bool(true)
bool(true)
czxid integer
mzxid integer
ctime integer
mtime integer
version integer
cversion integer
aversion integer
ephemeralOwner integer
dataLength integer
numChildren integer
pzxid integer
bool(true)
int(1)
bool(false)
ZookeeperException -103 bad version
ZookeeperException -111 not empty
ZookeeperException -110 node exists
/s-0000000003
bool(true)
int(16)
bool(true)
ZookeeperException -108 no children for ephemerals
binary empty null s-0000000003
int(11)
Cannot assign array to reference held by property Holder::$number of type int
int(5)
-5
bool(true)
bool(true)
bool(false)
