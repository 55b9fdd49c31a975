<?php

/**
 * Stubs of the zookeeper extension; never loaded by PHP.
 *
 * Parameters have no native types, as in the original extension, so that subclasses of earlier days compile.
 */

/**
 * A session with a ZooKeeper service.
 *
 * Watch callbacks are called as `callback(int $type, int $state, string $path)`, on the thread of the script, at the next point
 * where PHP code can be interrupted: a loop's turn, a call of a user function, the return of a built-in one.
 */
class Zookeeper
{
    public const PERM_READ = 1;
    public const PERM_WRITE = 2;
    public const PERM_CREATE = 4;
    public const PERM_DELETE = 8;
    public const PERM_ADMIN = 16;
    public const PERM_ALL = 31;
    public const EPHEMERAL = 1;
    public const SEQUENCE = 2;
    public const EXPIRED_SESSION_STATE = -112;
    public const AUTH_FAILED_STATE = -113;
    public const CONNECTING_STATE = 1;
    public const ASSOCIATING_STATE = 2;
    public const CONNECTED_STATE = 3;
    public const NOTCONNECTED_STATE = 999;
    public const CREATED_EVENT = 1;
    public const DELETED_EVENT = 2;
    public const CHANGED_EVENT = 3;
    public const CHILD_EVENT = 4;
    public const SESSION_EVENT = -1;
    public const NOTWATCHING_EVENT = -2;
    public const LOG_LEVEL_ERROR = 1;
    public const LOG_LEVEL_WARN = 2;
    public const LOG_LEVEL_INFO = 3;
    public const LOG_LEVEL_DEBUG = 4;
    public const OK = 0;
    public const SYSTEMERROR = -1;
    public const RUNTIMEINCONSISTENCY = -2;
    public const DATAINCONSISTENCY = -3;
    public const CONNECTIONLOSS = -4;
    public const MARSHALLINGERROR = -5;
    public const UNIMPLEMENTED = -6;
    public const OPERATIONTIMEOUT = -7;
    public const BADARGUMENTS = -8;
    public const INVALIDSTATE = -9;
    public const NEWCONFIGNOQUORUM = -13;
    public const RECONFIGINPROGRESS = -14;
    public const APIERROR = -100;
    public const NONODE = -101;
    public const NOAUTH = -102;
    public const BADVERSION = -103;
    public const NOCHILDRENFOREPHEMERALS = -108;
    public const NODEEXISTS = -110;
    public const NOTEMPTY = -111;
    public const SESSIONEXPIRED = -112;
    public const INVALIDCALLBACK = -113;
    public const INVALIDACL = -114;
    public const AUTHFAILED = -115;
    public const CLOSING = -116;
    public const NOTHING = -117;
    public const SESSIONMOVED = -118;

    /**
     * Connects if `$host` is not empty, and does not wait for the connection: the first call does.
     *
     * @param string $host host:port,host:port/chroot
     * @param callable|null $watcher_cb told what happens to the session
     * @param int $recv_timeout the session timeout to ask for, in milliseconds
     * @throws ZookeeperException
     */
    public function __construct($host = '', $watcher_cb = null, $recv_timeout = 10000)
    {
    }

    /**
     * @param string $host
     * @param callable|null $watcher_cb
     * @param int $recv_timeout
     * @return null
     * @throws ZookeeperException
     */
    public function connect($host, $watcher_cb = null, $recv_timeout = 10000)
    {
    }

    /**
     * Ends the session; its ephemerals go at once.
     *
     * @return null
     * @throws ZookeeperConnectionException
     */
    public function close()
    {
    }

    /**
     * @param string $path
     * @param string|null $value must be given, null or not
     * @param array<array{perms: int, scheme: string, id: string}>|null $acl open to everybody unless given
     * @param int $flags
     * @return string the path, with its number if sequential
     * @throws ZookeeperException
     */
    public function create($path, $value = null, $acl = null, $flags = 0)
    {
    }

    /**
     * @param string $path
     * @param int $version
     * @return true
     * @throws ZookeeperException
     */
    public function delete($path, $version = -1)
    {
    }

    /**
     * @param string $path
     * @param callable|null $watcher_cb
     * @param array<string, int>|null $stat
     * @param int $max_size bytes to give at most; 0 is all
     * @return string|null
     * @throws ZookeeperException
     */
    public function get($path, $watcher_cb = null, &$stat = null, $max_size = 0)
    {
    }

    /**
     * @param string $path
     * @param callable|null $watcher_cb
     * @return list<string>
     * @throws ZookeeperException
     */
    public function getChildren($path, $watcher_cb = null)
    {
    }

    /**
     * @param string $path
     * @param callable|null $watcher_cb
     * @return array<string, int>|false the stat
     * @throws ZookeeperException
     */
    public function exists($path, $watcher_cb = null)
    {
    }

    /**
     * @param string $path
     * @param string|null $value must be given, null or not
     * @param int $version
     * @param array<string, int>|null $stat
     * @return true
     * @throws ZookeeperException
     */
    public function set($path, $value = null, $version = -1, &$stat = null)
    {
    }

    /**
     * @param string $path
     * @return array{array<string, int>, list<array{perms: int, scheme: string, id: string}>}
     * @throws ZookeeperException
     */
    public function getAcl($path)
    {
    }

    /**
     * @param string $path
     * @param int $version
     * @param array<array{perms: int, scheme: string, id: string}> $acl
     * @return true
     * @throws ZookeeperException
     */
    public function setAcl($path, $version, $acl)
    {
    }

    /**
     * @return array{int, string} the session's id, and its password of 16 bytes
     * @throws ZookeeperConnectionException
     */
    public function getClientId()
    {
    }

    /**
     * @return int one of the states
     * @throws ZookeeperConnectionException
     */
    public function getState()
    {
    }

    /**
     * @return int the session timeout agreed on, in milliseconds
     * @throws ZookeeperConnectionException
     */
    public function getRecvTimeout()
    {
    }

    /**
     * @return bool false when the session has ended, so that only connect() helps
     * @throws ZookeeperConnectionException
     */
    public function isRecoverable()
    {
    }

    /**
     * How much a stream set by setLogStream() is told, in the whole process.
     *
     * @param int $level one of the LOG_LEVEL_* constants; LOG_LEVEL_WARN unless set
     * @return true
     */
    public static function setDebugLevel($level)
    {
    }

    /**
     * Whether hosts are tried in the order given, by connections made from now on.
     *
     * @param bool $trueOrFalse
     * @return true
     */
    public static function setDeterministicConnOrder($trueOrFalse)
    {
    }

    /**
     * @param string $scheme
     * @param string $cert
     * @param callable $completion_cb called with the code of the outcome; must not be null if given
     * @return true
     * @throws ZookeeperException
     */
    public function addAuth($scheme, $cert, $completion_cb = null)
    {
    }

    /**
     * @param callable $watcher_cb told what happens to the session from now on
     * @return true
     * @throws ZookeeperConnectionException
     */
    public function setWatcher($watcher_cb)
    {
    }

    /**
     * Writes lines about all sessions to a stream or to the end of a file, until the request ends; see also
     * ZookeeperClient::setLogger().
     *
     * @param resource|string|null $stream null ends it
     * @return bool
     */
    public function setLogStream($stream)
    {
    }

    /**
     * @return ZookeeperConfig
     * @throws ZookeeperConnectionException
     */
    public function getConfig()
    {
    }

    /**
     * Calls the callbacks that are due.
     *
     * @return null
     */
    public static function dispatch()
    {
    }
}

/**
 * The configuration of the ensemble.
 */
class ZookeeperConfig
{
    /**
     * @param callable|null $watcher_cb
     * @param array<string, int>|null $stat
     * @return string|null
     * @throws ZookeeperException
     */
    public function get($watcher_cb = null, &$stat = null)
    {
    }

    /**
     * @param string $members
     * @param int $version
     * @param array<string, int>|null $stat
     * @return string the new configuration
     * @throws ZookeeperException
     */
    public function add($members, $version = -1, &$stat = null)
    {
    }

    /**
     * @param string $id_list
     * @param int $version
     * @param array<string, int>|null $stat
     * @return string the new configuration
     * @throws ZookeeperException
     */
    public function remove($id_list, $version = -1, &$stat = null)
    {
    }

    /**
     * @param string $members
     * @param int $version
     * @param array<string, int>|null $stat
     * @return string the new configuration
     * @throws ZookeeperException
     */
    public function set($members, $version = -1, &$stat = null)
    {
    }
}

/**
 * What the original extension does not have.
 */
class ZookeeperClient extends Zookeeper
{
    public const CONTAINER = 4;
    public const READONLY_STATE = 5;
    public const DOUBTFUL_STATE = 6;
    public const DATA_WATCH_REMOVED_EVENT = 5;
    public const CHILD_WATCH_REMOVED_EVENT = 6;
    public const PERSISTENT_WATCH_REMOVED_EVENT = 7;
    public const WATCH_CHILDREN = 1;
    public const WATCH_DATA = 2;
    public const WATCH_ANY = 3;
    public const WATCH_PERSISTENT = 4;
    public const WATCH_PERSISTENT_RECURSIVE = 5;
    public const NOTREADONLY = -119;
    public const EPHEMERALONLOCALSESSION = -120;
    public const NOWATCHER = -121;
    public const RECONFIGDISABLED = -123;
    public const QUOTAEXCEEDED = -125;
    public const THROTTLEDOP = -127;

    /**
     * create(), and the stat of what was made.
     *
     * @param string $path
     * @param string|null $value
     * @param array<array{perms: int, scheme: string, id: string}>|null $acl
     * @param int $flags
     * @param array<string, int>|null $stat
     * @return string
     * @throws ZookeeperException
     */
    public function create2($path, $value = null, $acl = null, $flags = 0, &$stat = null)
    {
    }

    /**
     * A znode that the server removes when it was not changed for so long.
     *
     * @param string $path
     * @param string|null $value
     * @param int $ttl_ms
     * @param array<array{perms: int, scheme: string, id: string}>|null $acl
     * @param int $flags
     * @param array<string, int>|null $stat
     * @return string
     * @throws ZookeeperException
     */
    public function createTtl($path, $value, $ttl_ms, $acl = null, $flags = 0, &$stat = null)
    {
    }

    /**
     * A znode that the server removes some time after its last child.
     *
     * @param string $path
     * @param string|null $value
     * @param array<array{perms: int, scheme: string, id: string}>|null $acl
     * @param array<string, int>|null $stat
     * @return string
     * @throws ZookeeperException
     */
    public function createContainer($path, $value = null, $acl = null, &$stat = null)
    {
    }

    /**
     * @param string $path
     * @param callable|null $watcher_cb
     * @param array<string, int>|null $stat
     * @return list<string>
     * @throws ZookeeperException
     */
    public function getChildren2($path, $watcher_cb = null, &$stat = null)
    {
    }

    /**
     * @param string $path
     * @return int how many znodes are below it, at any depth
     * @throws ZookeeperException
     */
    public function getAllChildrenNumber($path)
    {
    }

    /**
     * @param string $prefix
     * @return list<string> the paths of this session's ephemerals
     * @throws ZookeeperException
     */
    public function getEphemerals($prefix = '')
    {
    }

    /**
     * Waits until the server has seen all that was written before, through whichever server.
     *
     * @param string $path
     * @return true
     * @throws ZookeeperException
     */
    public function sync($path = '/')
    {
    }

    /**
     * @return list<array{scheme: string, user: string}>
     * @throws ZookeeperException
     */
    public function whoAmI()
    {
    }

    /**
     * A watch that fires again and again.
     *
     * @param string $path
     * @param callable $watcher_cb
     * @param bool $recursive for all znodes below, too
     * @return true
     * @throws ZookeeperException
     */
    public function addWatch($path, $watcher_cb, $recursive = false)
    {
    }

    /**
     * Removes this session's watches from a path; their callbacks are told.
     *
     * @param string $path
     * @param int $type
     * @return true
     * @throws ZookeeperException
     */
    public function removeWatch($path, $type = ZookeeperClient::WATCH_ANY)
    {
    }

    /**
     * Applies all operations or none.
     *
     * @param ZookeeperMulti $multi
     * @return list<string|true|array<string, mixed>> for each operation what it did
     * @throws ZookeeperException
     */
    public function multi($multi)
    {
    }

    /**
     * @param \Psr\Log\LoggerInterface|null $logger told of sessions that are established, go on, are
     *     lost or expire, of attempts to connect that fail, of watches set again and of requests asked again
     * @return true
     */
    public function setLogger($logger)
    {
    }

    /**
     * One more watcher of the session besides that of the constructor, until the session is closed. It is told, too, when the session
     * may have expired (DOUBTFUL_STATE): not connected for so long that others may see it gone.
     *
     * @param callable $watcher_cb
     * @return true
     * @throws ZookeeperConnectionException
     */
    public function addSessionWatcher($watcher_cb)
    {
    }

    /**
     * @return int for how many milliseconds the session surely lives, whatever happens; 0 when it may have expired
     * @throws ZookeeperConnectionException
     */
    public function getSurelyAliveFor()
    {
    }

    /**
     * @return string|null host:port of the server in use or being tried
     * @throws ZookeeperConnectionException
     */
    public function getServer()
    {
    }

    /**
     * Goes on with other hosts; the session stays.
     *
     * @param string $hosts
     * @return null
     * @throws ZookeeperConnectionException
     */
    public function setHosts($hosts)
    {
    }

    /**
     * Waits until a callback was called; see zookeeper_wait().
     *
     * @param float|null $timeout
     * @return int
     */
    public static function wait($timeout = null)
    {
    }
}

/**
 * Operations to be applied together or not at all; see ZookeeperClient::multi().
 */
class ZookeeperMulti
{
    /**
     * @param string $path
     * @param string|null $value
     * @param array<array{perms: int, scheme: string, id: string}>|null $acl
     * @param int $flags
     * @return $this
     */
    public function create($path, $value = null, $acl = null, $flags = 0)
    {
    }

    /**
     * @param string $path
     * @param string|null $value
     * @param array<array{perms: int, scheme: string, id: string}>|null $acl
     * @param int $flags
     * @return $this
     */
    public function create2($path, $value = null, $acl = null, $flags = 0)
    {
    }

    /**
     * @param string $path
     * @param int $version
     * @return $this
     */
    public function delete($path, $version = -1)
    {
    }

    /**
     * @param string $path
     * @param string|null $value
     * @param int $version
     * @return $this
     */
    public function set($path, $value = null, $version = -1)
    {
    }

    /**
     * @param string $path
     * @param int $version
     * @return $this
     */
    public function check($path, $version)
    {
    }

    /**
     * @return int
     */
    public function count()
    {
    }

    /**
     * @return int|null the operation, from 0, that failed when this was sent last
     */
    public function failedAt()
    {
    }
}

class ZookeeperException extends Exception
{
}

class ZookeeperOperationTimeoutException extends ZookeeperException
{
}

class ZookeeperConnectionException extends ZookeeperException
{
}

class ZookeeperMarshallingException extends ZookeeperException
{
}

class ZookeeperAuthenticationException extends ZookeeperException
{
}

class ZookeeperSessionException extends ZookeeperException
{
}

class ZookeeperNoNodeException extends ZookeeperException
{
}

/**
 * Calls the callbacks that are due.
 *
 * @return null
 */
function zookeeper_dispatch()
{
}

/**
 * Waits until a callback was called, and gives how many were. It ends early, with 0, at a signal, as sleep() does.
 *
 * @param float|null $timeout in seconds; null is for ever
 * @return int
 * @throws ZookeeperException in a callback, with code INVALIDSTATE; and with NOTHING without a limit, when there is no watch
 *     or watcher that could be told of anything
 */
function zookeeper_wait($timeout = null)
{
}
