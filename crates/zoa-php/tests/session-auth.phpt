--TEST--
Sessions: with zookeeper.session_auth nobody else reads, changes, removes or locks them; the secret is not shown
--EXTENSIONS--
zookeeper
session
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--INI--
session.gc_probability=0
zookeeper.session_auth=digest:php:s3cret
--FILE--
<?php
require __DIR__ . '/session.inc';
ob_start();
$other = sessions();
session_id('mine');
session_start();
$_SESSION['n'] = 1;
$tries = [
    'see the lock' => fn() => $other->getChildren('/php-sessid/mine-lock'),
    'lock' => fn() => $other->create('/php-sessid/mine-lock/x-0000000000000001-', null, null, 3),
];
function all(array $tries) {
    foreach ($tries as $what => $try) {
        try {
            $try();
            echo "others may $what\n";
        } catch (ZookeeperAuthenticationException $e) {
            echo "others may not $what\n";
        }
    }
}
all($tries);
session_write_close();
all([
    'read' => fn() => $other->get('/php-sessid/mine'),
    'change' => fn() => $other->set('/php-sessid/mine', 'n|i:2;'),
    'remove' => fn() => $other->delete('/php-sessid/mine'),
    'list' => fn() => $other->getChildren('/php-sessid'),
    'make one' => fn() => $other->create('/php-sessid/chosen', 'n|i:2;'),
]);
session_id('mine');
session_start();
var_dump($_SESSION['n'], session_gc());
session_destroy();
$other->addAuth('digest', 'php:s3cret');
var_dump($other->getChildren('/php-sessid'));
$other->delete('/php-sessid');
echo ob_get_clean();
ob_start();
(new ReflectionExtension('zookeeper'))->info();
phpinfo(INFO_MODULES);
$shown = ob_get_clean();
var_dump(substr_count($shown, 's3cret'), substr_count($shown, 'zookeeper.session_auth => (set) => (set)'));
?>
--EXPECT--
others may not see the lock
others may not lock
others may not read
others may not change
others may not remove
others may not list
others may not make one
int(1)
int(0)
array(0) {
}
int(0)
int(2)
