--TEST--
The constants of Zookeeper, the settings and the row in phpinfo
--EXTENSIONS--
zookeeper
--FILE--
<?php
foreach ((new ReflectionClass('Zookeeper'))->getConstants() as $name => $value) {
    echo "$name $value\n";
}
foreach (["recv_timeout", "session_lock", "sess_lock_wait", "persistent"] as $name) {
    echo $name, ' ', ini_get("zookeeper.$name"), ' ', ini_set("zookeeper.$name", '7') === false ? 'fixed' : 'may be set', "\n";
}
$extension = new ReflectionExtension('zookeeper');
ob_start();
$extension->info();
echo preg_match('/^zookeeper support => enabled$/m', ob_get_clean()), ' ', $extension->getVersion() !== null ? 'versioned' : '', "\n";
?>
--EXPECT--
PERM_READ 1
PERM_WRITE 2
PERM_CREATE 4
PERM_DELETE 8
PERM_ADMIN 16
PERM_ALL 31
EPHEMERAL 1
SEQUENCE 2
EXPIRED_SESSION_STATE -112
AUTH_FAILED_STATE -113
CONNECTING_STATE 1
ASSOCIATING_STATE 2
CONNECTED_STATE 3
NOTCONNECTED_STATE 999
CREATED_EVENT 1
DELETED_EVENT 2
CHANGED_EVENT 3
CHILD_EVENT 4
SESSION_EVENT -1
NOTWATCHING_EVENT -2
LOG_LEVEL_ERROR 1
LOG_LEVEL_WARN 2
LOG_LEVEL_INFO 3
LOG_LEVEL_DEBUG 4
OK 0
SYSTEMERROR -1
RUNTIMEINCONSISTENCY -2
DATAINCONSISTENCY -3
CONNECTIONLOSS -4
MARSHALLINGERROR -5
UNIMPLEMENTED -6
OPERATIONTIMEOUT -7
BADARGUMENTS -8
INVALIDSTATE -9
NEWCONFIGNOQUORUM -13
RECONFIGINPROGRESS -14
APIERROR -100
NONODE -101
NOAUTH -102
BADVERSION -103
NOCHILDRENFOREPHEMERALS -108
NODEEXISTS -110
NOTEMPTY -111
SESSIONEXPIRED -112
INVALIDCALLBACK -113
INVALIDACL -114
AUTHFAILED -115
CLOSING -116
NOTHING -117
SESSIONMOVED -118
recv_timeout 10000 may be set
session_lock 1 fixed
sess_lock_wait 150000 may be set
persistent -1 fixed
1 versioned
