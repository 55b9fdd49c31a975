--TEST--
Identities and ACLs; a refused identity is told as ZookeeperAuthenticationException
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$codes = [];
var_dump($zk->addAuth('digest', 'user:secret', function ($rc) use (&$codes) { $codes[] = $rc; }));
until(function () use (&$codes) { return $codes === [0]; });
$hash = base64_encode(sha1('user:secret', true));
$acl = [['perms' => Zookeeper::PERM_READ, 'scheme' => 'digest', 'id' => "user:$hash"], ['perms' => Zookeeper::PERM_ALL, 'scheme' => 'auth', 'id' => '']];
$zk->create("$path/mine", 'secret', $acl);
var_dump($zk->get("$path/mine"));
$other = new Zookeeper(server());
try { $other->get("$path/mine"); } catch (ZookeeperAuthenticationException $e) { echo $e->getCode(), ' ', $e->getMessage(), "\n"; }
var_dump($other->setAcl($path, 0, [['perms' => 31, 'scheme' => 'world', 'id' => 'anyone']]));
try { $other->setAcl($path, 0, [['perms' => 31, 'scheme' => 'world', 'id' => 'anyone']]); } catch (ZookeeperException $e) { echo $e->getCode(), "\n"; }
[$stat, $acl] = $other->getAcl($path);
var_dump($stat['aversion'], $acl);
$refused = new Zookeeper(server());
$refused->addAuth('nosuchscheme', 'x', function ($rc) use (&$codes) { $codes[] = $rc; });
until(function () use (&$codes) { return count($codes) === 2; });
var_dump($codes[1], $refused->getState() === Zookeeper::AUTH_FAILED_STATE);
try { $refused->get('/'); } catch (ZookeeperAuthenticationException $e) { echo $e->getCode(), ' ', $e->getMessage(), "\n"; }
$zk->delete("$path/mine");
// Credentials are in no stack trace.
try { (new Zookeeper)->addAuth('digest', 'user:secret'); } catch (ZookeeperConnectionException $e) { echo $e->getTrace()[0]['args'][0], ' ', PHP_VERSION_ID < 80200 || $e->getTrace()[0]['args'][1] instanceof SensitiveParameterValue ? 'hidden' : 'shown', "\n"; }
?>
--EXPECT--
bool(true)
string(6) "secret"
-102 not authenticated
bool(true)
-103
int(1)
array(1) {
  [0]=>
  array(3) {
    ["perms"]=>
    int(31)
    ["scheme"]=>
    string(5) "world"
    ["id"]=>
    string(6) "anyone"
  }
}
int(-115)
bool(true)
-115 authentication failed
digest hidden
