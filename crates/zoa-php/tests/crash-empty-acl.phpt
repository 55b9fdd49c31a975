--TEST--
An ACL without a usable entry is refused, at setAcl() and at create()
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--FILE--
<?php
require __DIR__ . '/server.inc';
$zk = new Zookeeper(server());
$path = own($zk);
$lacking = [['perms' => 31], ['perms' => 31, 'scheme' => 'world'], 'text', 5, null, ['scheme' => 'world', 'id' => 'anyone']];
for ($i = 0; $i < 200; $i++) {
    foreach ([[], $lacking] as $acl) {
        foreach ([fn() => $zk->setAcl($path, -1, $acl), fn() => $zk->create("$path/x", '', $acl)] as $try) {
            try {
                $try();
                echo "accepted\n";
            } catch (ZookeeperException $e) {
                $seen[get_class($e) . ' ' . $e->getCode() . ' ' . $e->getMessage()] = true;
            }
        }
    }
}
echo implode("\n", array_keys($seen)), "\n";
// Entries that lack something are left out, the others count.
$zk->setAcl($path, -1, [...$lacking, ['perms' => '31', 'scheme' => 'world', 'id' => 'anyone']]);
echo json_encode($zk->getAcl($path)[1]), "\n";
?>
--EXPECT--
ZookeeperException -114 invalid acl
[{"perms":31,"scheme":"world","id":"anyone"}]
