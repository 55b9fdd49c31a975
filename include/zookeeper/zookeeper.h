/**
 * @file
 * The C interface of ZooKeeper: libzookeeper_mt (threads of its own, synchronous calls) and libzookeeper_st (your loop).
 *
 * @code
 * zhandle_t *zh = zookeeper_init("127.0.0.1:2181", watcher, 30000, NULL, NULL, 0);
 * ... the watcher is told ZOO_SESSION_EVENT, ZOO_CONNECTED_STATE ...
 * zoo_create(zh, "/app", "hello", 5, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
 * zookeeper_close(zh);
 * @endcode
 *
 * Compile for libzookeeper_mt with -DTHREADED (`pkg-config --cflags zookeeper_mt` says so), else the synchronous calls are not
 * declared.
 *
 * Rules that hold for all of it:
 *
 * - A call returns ZOK or a negative code of `enum ZOO_ERRORS`; zerror() puts it into words.
 * - An asynchronous call that returns ZOK has its completion called once, with how it ended; one that returns another code, never.
 * - Completions and watchers run one after another, in the order of the server's answers, on one thread (mt) or inside
 *   zookeeper_process() (st). In mt they may make synchronous calls; while they run, no other one does.
 * - What a completion or watcher is given lives until it returns. What a synchronous call fills in is yours; free vectors with
 *   deallocate_String_vector() and deallocate_ACL_vector().
 * - NULL and numbers that are no handle give ZBADARGUMENTS, handles that are closed, expired, or inherited over fork() give
 *   ZINVALIDSTATE. None of them is dereferenced.
 * - Data with a length of -1 are null, which servers keep apart from empty data.
 */
#ifndef ZOA_ZOOKEEPER_H
#define ZOA_ZOOKEEPER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "proto.h"
#include "recordio.h"
#include "zookeeper.jute.h"
#include "zookeeper_version.h"

#ifdef HAVE_CYRUS_SASL_H
#include <sasl/sasl.h>
#endif

#ifndef ZOOAPI
#define ZOOAPI
#endif

/** What calls return and completions are told. */
enum ZOO_ERRORS {
    ZOK = 0,

    /* The system, the connection, the way a call was made. */
    ZSYSTEMERROR = -1,           /**< a fault of the system or the library */
    ZRUNTIMEINCONSISTENCY = -2,  /**< in a multi: an operation behind the one that failed */
    ZDATAINCONSISTENCY = -3,     /**< the data do not agree */
    ZCONNECTIONLOSS = -4,        /**< the connection was lost; a write may have been applied, or not */
    ZMARSHALLINGERROR = -5,      /**< the request cannot be sent */
    ZUNIMPLEMENTED = -6,         /**< the server, or this library, does not do it */
    ZOPERATIONTIMEOUT = -7,      /**< the server was silent too long; a write may have been applied, or not */
    ZBADARGUMENTS = -8,          /**< bad arguments: a path, a length, a handle that is none */
    ZINVALIDSTATE = -9,          /**< the session is over, closed, or another process's */
    ZNEWCONFIGNOQUORUM = -13,    /**< too few servers of the new configuration are in sync */
    ZRECONFIGINPROGRESS = -14,   /**< another reconfiguration is under way */
    ZSSLCONNECTIONERROR = -15,   /**< TLS failed */

    /* Answers to a request. */
    ZAPIERROR = -100,                     /**< no error itself: what is below is an answer */
    ZNONODE = -101,                       /**< there is no such znode */
    ZNOAUTH = -102,                       /**< not allowed */
    ZBADVERSION = -103,                   /**< the version is another one */
    ZNOCHILDRENFOREPHEMERALS = -108,      /**< ephemerals have no children */
    ZNODEEXISTS = -110,                   /**< the znode is there already */
    ZNOTEMPTY = -111,                     /**< the znode has children */
    ZSESSIONEXPIRED = -112,               /**< the session has expired */
    ZINVALIDCALLBACK = -113,              /**< never given */
    ZINVALIDACL = -114,                   /**< the ACL is empty, or names what is unknown */
    ZAUTHFAILED = -115,                   /**< the server refused an identity; the session is over */
    ZCLOSING = -116,                      /**< the handle is being closed */
    ZNOTHING = -117,                      /**< zookeeper_process(): nothing had arrived */
    ZSESSIONMOVED = -118,                 /**< the session speaks through another server now */
    ZNOTREADONLY = -119,                  /**< a write on a read-only server */
    ZEPHEMERALONLOCALSESSION = -120,      /**< local sessions have no ephemerals */
    ZNOWATCHER = -121,                    /**< there is no such watch */
    ZRECONFIGDISABLED = -123,             /**< reconfiguration is switched off */
    ZSESSIONCLOSEDREQUIRESASLAUTH = -124, /**< the server demands SASL */
    ZQUOTAEXCEEDED = -125,                /**< a hard quota would be exceeded */
    ZTHROTTLEDOP = -127                   /**< the server is overloaded */
};

#ifdef __cplusplus
extern "C" {
#endif

/** Levels of the log. */
typedef enum {
    ZOO_LOG_LEVEL_ERROR = 1,
    ZOO_LOG_LEVEL_WARN = 2,
    ZOO_LOG_LEVEL_INFO = 3,
    ZOO_LOG_LEVEL_DEBUG = 4
} ZooLogLevel;

/** @name Permissions, to be combined with | */
/** @{ */
extern ZOOAPI const int ZOO_PERM_READ;   /**< read data, list children */
extern ZOOAPI const int ZOO_PERM_WRITE;  /**< set data */
extern ZOOAPI const int ZOO_PERM_CREATE; /**< create children */
extern ZOOAPI const int ZOO_PERM_DELETE; /**< delete children */
extern ZOOAPI const int ZOO_PERM_ADMIN;  /**< set the ACL */
extern ZOOAPI const int ZOO_PERM_ALL;    /**< all of them */
/** @} */

/** The znode that holds the servers' configuration. */
#define ZOO_CONFIG_NODE "/zookeeper/config"

/** @name Flags of zookeeper_init() */
/** @{ */
#define ZOO_READONLY 1          /**< a server without a quorum, which answers reads only, will do */
#define ZOO_NO_LOG_CLIENTENV 2  /**< do not log the environment */
/** @} */

/** @name Ready-made identities and ACLs */
/** @{ */
extern ZOOAPI struct Id ZOO_ANYONE_ID_UNSAFE;         /**< world:anyone */
extern ZOOAPI struct Id ZOO_AUTH_IDS;                 /**< auth: whoever the session is */
extern ZOOAPI struct ACL_vector ZOO_OPEN_ACL_UNSAFE;  /**< everything for everybody */
extern ZOOAPI struct ACL_vector ZOO_READ_ACL_UNSAFE;  /**< reading for everybody */
extern ZOOAPI struct ACL_vector ZOO_CREATOR_ALL_ACL;  /**< everything for the creator's identities */
/** @} */

/** @name What zookeeper_interest() asks for, and zookeeper_process() is told */
/** @{ */
extern ZOOAPI const int ZOOKEEPER_WRITE;
extern ZOOAPI const int ZOOKEEPER_READ;
/** @} */

/** @name Kinds of znodes: the mode of a create */
/** @{ */
extern ZOOAPI const int ZOO_PERSISTENT;
extern ZOOAPI const int ZOO_EPHEMERAL;                       /**< goes with its session */
extern ZOOAPI const int ZOO_PERSISTENT_SEQUENTIAL;           /**< its name gets a number of ten digits */
extern ZOOAPI const int ZOO_EPHEMERAL_SEQUENTIAL;            /**< both */
extern ZOOAPI const int ZOO_CONTAINER;                       /**< goes some time after its last child */
extern ZOOAPI const int ZOO_PERSISTENT_WITH_TTL;             /**< goes when unchanged for its time to live */
extern ZOOAPI const int ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL;  /**< the same, numbered */
extern ZOOAPI const int ZOO_SEQUENCE;                        /**< to be combined with ZOO_EPHEMERAL */
/** @} */

/** @name States of a session: zoo_state(), and what watchers are told */
/** @{ */
extern ZOOAPI const int ZOO_EXPIRED_SESSION_STATE;  /**< over: the session has expired */
extern ZOOAPI const int ZOO_AUTH_FAILED_STATE;      /**< over: an identity was refused */
extern ZOOAPI const int ZOO_CONNECTING_STATE;
extern ZOOAPI const int ZOO_ASSOCIATING_STATE;      /**< connected, asking for the session */
extern ZOOAPI const int ZOO_CONNECTED_STATE;
extern ZOOAPI const int ZOO_READONLY_STATE;         /**< connected to a read-only server */
extern ZOOAPI const int ZOO_SSL_CONNECTING_STATE;
extern ZOOAPI const int ZOO_NOTCONNECTED_STATE;     /**< before the first attempt */
/** @} */

/** @name What happened: the type that watchers are told */
/** @{ */
extern ZOOAPI const int ZOO_CREATED_EVENT;
extern ZOOAPI const int ZOO_DELETED_EVENT;
extern ZOOAPI const int ZOO_CHANGED_EVENT;
extern ZOOAPI const int ZOO_CHILD_EVENT;
extern ZOOAPI const int ZOO_SESSION_EVENT;      /**< the state of the session; the path is "" */
extern ZOOAPI const int ZOO_NOTWATCHING_EVENT;  /**< never told */
/** @} */

/** A session. */
typedef struct _zhandle zhandle_t;

/** Names of certificates, of a `zsock_t`. */
typedef struct _zcert {
    char *certstr;
    char *ca;
    char *cert;
    char *key;
    char *passwd;
} zcert_t;

/** A socket, for close_zsock() only. */
typedef struct _zsock {
    int sock;
    zcert_t *cert;
} zsock_t;

/** All it takes to attach to a session again; the password is a secret. */
typedef struct {
    int64_t client_id;
    char passwd[16];
} clientid_t;

/** One operation of a multi; make it with zoo_create_op_init() and its like. */
typedef struct zoo_op {
    int type;
#ifdef __GNUC__
    __extension__
#endif
    union {
        struct {
            const char *path;
            const char *data;
            int datalen;
            char *buf;
            int buflen;
            const struct ACL_vector *acl;
            int flags;
            int64_t ttl;
        } create_op;
        struct {
            const char *path;
            int version;
        } delete_op;
        struct {
            const char *path;
            const char *data;
            int datalen;
            int version;
            struct Stat *stat;
        } set_op;
        struct {
            const char *path;
            int version;
        } check_op;
    };
} zoo_op_t;

/** How one operation of a multi went. */
typedef struct zoo_op_result {
    int err;           /**< ZOK, its code, or ZRUNTIMEINCONSISTENCY behind the one that failed */
    char *value;       /**< create: the room given, now with the path; NULL when it failed */
    int valuelen;      /**< create: the length of that room */
    struct Stat *stat; /**< set: the room given, now with the stat; NULL when it failed */
} zoo_op_result_t;

/**
 * Told of events: changes of the session, and watches that fired.
 *
 * A watch fires once. `path` is "" for changes of the session, which every watcher of the session is told.
 */
typedef void (*watcher_fn)(zhandle_t *zh, int type, int state, const char *path, void *watcherCtx);

/** Takes a line of the log, without its newline. */
typedef void (*log_callback_fn)(const char *message);

/** @name Completions: told how an asynchronous call ended; what failed has NULLs */
/** @{ */
typedef void (*void_completion_t)(int rc, const void *data);
typedef void (*stat_completion_t)(int rc, const struct Stat *stat, const void *data);
/** `value` has no NUL behind it; a `value_len` of -1 means null data. */
typedef void (*data_completion_t)(int rc, const char *value, int value_len, const struct Stat *stat, const void *data);
typedef void (*strings_completion_t)(int rc, const struct String_vector *strings, const void *data);
typedef void (*strings_stat_completion_t)(int rc, const struct String_vector *strings, const struct Stat *stat,
                                          const void *data);
typedef void (*string_completion_t)(int rc, const char *value, const void *data);
typedef void (*string_stat_completion_t)(int rc, const char *string, const struct Stat *stat, const void *data);
typedef void (*acl_completion_t)(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data);
/** @} */

/* ---- The life of a session ------------------------------------------------------------------------------------- */

/**
 * Makes a session, which connects by itself, now and after every loss.
 *
 * @param host servers and chroot: "host:port,host:port/chroot". A port must be there.
 * @param fn the default watcher, told of every change of the session; may be NULL
 * @param recv_timeout the session timeout to ask for, in milliseconds
 * @param clientid a session to attach to, from zoo_client_id(); NULL for a new one
 * @param context handed to the default watcher, and zoo_get_context()
 * @param flags 0, or ZOO_READONLY, ZOO_NO_LOG_CLIENTENV
 * @return NULL on error, with errno: EINVAL (hosts that are none, or of which none resolves), EMFILE, ENOMEM, EAGAIN
 */
ZOOAPI zhandle_t *zookeeper_init(const char *host, watcher_fn fn, int recv_timeout, const clientid_t *clientid,
                                 void *context, int flags);

/** The same, and the lines of its log go to a function. */
ZOOAPI zhandle_t *zookeeper_init2(const char *host, watcher_fn fn, int recv_timeout, const clientid_t *clientid,
                                  void *context, int flags, log_callback_fn log_callback);

/**
 * A session over TLS. The hosts' ports are the servers' for TLS.
 *
 * @param cert PEM files with commas between them: "authorities[,certificate,key[,password]]"; keys with a password are not
 *        taken, so nobody looks at it
 * @return as zookeeper_init(); EINVAL also when a file cannot be used, and a line of the log says why
 *
 * The server's certificate must be for the name in `host`, unless ZOARIUM_TLS_ANY_NAME=1 is in the environment; the
 * original's library looks at no name. A failure of TLS ends requests with ZSSLCONNECTIONERROR.
 */
ZOOAPI zhandle_t *zookeeper_init_ssl(const char *host, const char *cert, watcher_fn fn, int recv_timeout,
                                     const clientid_t *clientid, void *context, int flags);

#ifdef HAVE_CYRUS_SASL_H
/** What a session with SASL is to use. */
typedef struct zoo_sasl_params {
    const char *service;
    const char *host;
    const char *mechlist;
    const sasl_callback_t *callbacks;
} zoo_sasl_params_t;

/** A session with SASL. Not served yet: NULL, errno ENOTSUP, and a line in the log. */
ZOOAPI zhandle_t *zookeeper_init_sasl(const char *host, watcher_fn fn, int recv_timeout, const clientid_t *clientid,
                                      void *context, int flags, log_callback_fn log_callback,
                                      zoo_sasl_params_t *sasl_params);

/** Callbacks for SASL. Not served yet: NULL, errno ENOTSUP. */
ZOOAPI sasl_callback_t *zoo_sasl_make_basic_callbacks(const char *user, const char *realm, const char *password_file);
#endif

/** Closes the socket of a `zsock_t` that a program keeps. */
ZOOAPI void close_zsock(zsock_t *zsock);

/**
 * Ends a session: its ephemerals go at once if the server can be reached; what is under way ends with ZCLOSING.
 *
 * It may be called from anywhere, a watcher or a completion included; there it returns at once, and the session ends when the
 * function has returned. In a child of fork() it closes that process's copy of the socket, and the session stays the parent's.
 *
 * @return ZOK; ZINVALIDSTATE when it is closed already, ZBADARGUMENTS when it is no handle
 */
ZOOAPI int zookeeper_close(zhandle_t *zh);

/** The session's id and password; they change when the session does, and live as long as the handle. */
ZOOAPI const clientid_t *zoo_client_id(zhandle_t *zh);
/** The session timeout agreed on, in milliseconds; before that, the one asked for. */
ZOOAPI int zoo_recv_timeout(zhandle_t *zh);
/** The state, one of ZOO_..._STATE; 0 between two connections and for what is no session. */
ZOOAPI int zoo_state(zhandle_t *zh);
/** ZOK, or ZINVALIDSTATE when the session is over for good. */
ZOOAPI int is_unrecoverable(zhandle_t *zh);
/** The context given at the start, or since. */
ZOOAPI const void *zoo_get_context(zhandle_t *zh);
ZOOAPI void zoo_set_context(zhandle_t *zh, void *context);
/** Sets the default watcher; the one before. */
ZOOAPI watcher_fn zoo_set_watcher(zhandle_t *zh, watcher_fn newFn);
/** The version of ZooKeeper whose interface this is. */
ZOOAPI const char *zoo_version_str(void);

/* ---- The servers ------------------------------------------------------------------------------------------------ */

/**
 * Sets the servers from now on. A session whose server is not among them moves at once; when the list has grown, each session
 * moves to a new server with the probability that evens out the load. The chroot stays.
 *
 * @return ZOK; ZBADARGUMENTS for a list that is none, ZSYSTEMERROR when no name in it resolves
 */
ZOOAPI int zoo_set_servers(zhandle_t *zh, const char *hosts);
/** Names are looked up at every connect, so the delay has no effect; ZBADARGUMENTS below -1. */
ZOOAPI int zoo_set_servers_resolution_delay(zhandle_t *zh, int delay_ms);
/** Goes on to the next server of the list, which will be tried next. */
ZOOAPI void zoo_cycle_next_server(zhandle_t *zh);
/** The server in use or being tried, as "address:port"; valid on this thread until the next call. */
ZOOAPI const char *zoo_get_current_server(zhandle_t *zh);
/** The address of the server; `addr`, or NULL when the session is not connected. */
ZOOAPI struct sockaddr *zookeeper_get_connected_host(zhandle_t *zh, struct sockaddr *addr, socklen_t *addr_len);
/** With another number than 0, sessions made from now on try their servers in the order of the list. */
ZOOAPI void zoo_deterministic_conn_order(int yesOrNo);

#ifndef THREADED
/* ---- Your loop: libzookeeper_st --------------------------------------------------------------------------------- */

/**
 * What to wait for.
 *
 * @param fd the socket, -1 for none
 * @param interest ZOOKEEPER_READ, ZOOKEEPER_WRITE or both
 * @param tv how long to wait at most
 * @return ZOK, ZBADARGUMENTS, ZINVALIDSTATE, or why a connection was lost: ZCONNECTIONLOSS, ZOPERATIONTIMEOUT
 */
ZOOAPI int zookeeper_interest(zhandle_t *zh, int *fd, int *interest, struct timeval *tv);

/**
 * Does what the socket is ready for, and calls watchers and completions.
 *
 * @param events what select() or poll() found: ZOOKEEPER_READ, ZOOKEEPER_WRITE
 * @return ZOK, ZNOTHING when nothing had arrived, or as zookeeper_interest(); ZSESSIONEXPIRED and ZAUTHFAILED once
 */
ZOOAPI int zookeeper_process(zhandle_t *zh, int events);
#endif

/* ---- Asynchronous calls ----------------------------------------------------------------------------------------- */

/** @name Creating */
/** @{ */
ZOOAPI int zoo_acreate(zhandle_t *zh, const char *path, const char *value, int valuelen, const struct ACL_vector *acl,
                       int mode, string_completion_t completion, const void *data);
/** `ttl` in milliseconds for the modes with a time to live, -1 for all others. */
ZOOAPI int zoo_acreate_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                           const struct ACL_vector *acl, int mode, int64_t ttl, string_completion_t completion,
                           const void *data);
ZOOAPI int zoo_acreate2(zhandle_t *zh, const char *path, const char *value, int valuelen, const struct ACL_vector *acl,
                        int mode, string_stat_completion_t completion, const void *data);
ZOOAPI int zoo_acreate2_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                            const struct ACL_vector *acl, int mode, int64_t ttl, string_stat_completion_t completion,
                            const void *data);
/** @} */

/** Deletes; a version of -1 is any. */
ZOOAPI int zoo_adelete(zhandle_t *zh, const char *path, int version, void_completion_t completion, const void *data);

/** @name Reading; those with a w take a watcher and its context, the others the default watcher if `watch` is not 0 */
/** @{ */
ZOOAPI int zoo_aexists(zhandle_t *zh, const char *path, int watch, stat_completion_t completion, const void *data);
ZOOAPI int zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                        stat_completion_t completion, const void *data);
ZOOAPI int zoo_aget(zhandle_t *zh, const char *path, int watch, data_completion_t completion, const void *data);
ZOOAPI int zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                     data_completion_t completion, const void *data);
ZOOAPI int zoo_aget_children(zhandle_t *zh, const char *path, int watch, strings_completion_t completion,
                             const void *data);
ZOOAPI int zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                              strings_completion_t completion, const void *data);
ZOOAPI int zoo_aget_children2(zhandle_t *zh, const char *path, int watch, strings_stat_completion_t completion,
                              const void *data);
ZOOAPI int zoo_awget_children2(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                               strings_stat_completion_t completion, const void *data);
ZOOAPI int zoo_aget_acl(zhandle_t *zh, const char *path, acl_completion_t completion, const void *data);
/** @} */

/** @name Changing; a version of -1 is any */
/** @{ */
ZOOAPI int zoo_aset(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version,
                    stat_completion_t completion, const void *data);
ZOOAPI int zoo_aset_acl(zhandle_t *zh, const char *path, int version, struct ACL_vector *acl,
                        void_completion_t completion, const void *data);
/** @} */

/** Has the server catch up with the leader, so that what is read after it is no older than this call. */
ZOOAPI int zoo_async(zhandle_t *zh, const char *path, string_completion_t completion, const void *data);

/** @name The configuration of the servers, whatever the chroot */
/** @{ */
ZOOAPI int zoo_agetconfig(zhandle_t *zh, int watch, data_completion_t completion, const void *data);
ZOOAPI int zoo_awgetconfig(zhandle_t *zh, watcher_fn watcher, void *watcherCtx, data_completion_t completion,
                           const void *data);
/** Either joining and leaving, or members; the others NULL. A version of -1 is any. */
ZOOAPI int zoo_areconfig(zhandle_t *zh, const char *joining, const char *leaving, const char *members, int64_t version,
                         data_completion_t dc, const void *data);
/** @} */

/** @name Several operations, all or none */
/** @{ */
/** `results` is the library's until the completion is called, which is told the first real error. */
ZOOAPI int zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                      void_completion_t completion, const void *data);
/** The path created is put into `path_buffer`, cut where it ends. */
ZOOAPI void zoo_create_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                               const struct ACL_vector *acl, int mode, char *path_buffer, int path_buffer_len);
/** A create2; multis do not take it (ZUNIMPLEMENTED). */
ZOOAPI void zoo_create2_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                                const struct ACL_vector *acl, int mode, char *path_buffer, int path_buffer_len);
ZOOAPI void zoo_delete_op_init(zoo_op_t *op, const char *path, int version);
ZOOAPI void zoo_set_op_init(zoo_op_t *op, const char *path, const char *buffer, int buflen, int version,
                            struct Stat *stat);
ZOOAPI void zoo_check_op_init(zoo_op_t *op, const char *path, int version);
/** @} */

/** Adds an identity to this and all later connections. One that the server refuses ends the session. */
ZOOAPI int zoo_add_auth(zhandle_t *zh, const char *scheme, const char *cert, int certLen, void_completion_t completion,
                        const void *data);

/** @name Taking watches back */
/** @{ */
/** Which watches. */
typedef enum { ZWATCHTYPE_CHILD = 1, ZWATCHTYPE_DATA = 2, ZWATCHTYPE_ANY = 3 } ZooWatcherType;

/**
 * Removes the watches of one watcher from a path; of all, if `watcher` is NULL.
 *
 * @param local if not 0, they are removed here even when the server cannot be asked
 * @param completion the function itself, cast: `(void_completion_t *)my_function`
 * @return ZOK, ZNOWATCHER, ZBADARGUMENTS, ZINVALIDSTATE
 */
ZOOAPI int zoo_aremove_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, watcher_fn watcher,
                               void *watcherCtx, int local, void_completion_t *completion, const void *data);
ZOOAPI int zoo_aremove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local,
                                   void_completion_t *completion, const void *data);
/** @} */

/** @name Identities' lock; not needed */
/** @{ */
ZOOAPI int zoo_lock_auth(zhandle_t *zh);
ZOOAPI int zoo_unlock_auth(zhandle_t *zh);
/** @} */

/* ---- Words and the log ------------------------------------------------------------------------------------------ */

/** A code in words. */
ZOOAPI const char *zerror(int c);
/** How much is logged; 0 switches logging off. ZOO_LOG_LEVEL_INFO at the start. */
ZOOAPI void zoo_set_debug_level(ZooLogLevel logLevel);
/** Where lines go to; NULL for stderr. */
ZOOAPI void zoo_set_log_stream(FILE *logStream);
/** The function that takes a session's lines, NULL for none. */
ZOOAPI log_callback_fn zoo_get_log_callback(const zhandle_t *zh);
ZOOAPI void zoo_set_log_callback(zhandle_t *zh, log_callback_fn callback);

#ifdef THREADED
/* ---- Synchronous calls: libzookeeper_mt ------------------------------------------------------------------------- */

/** @name Creating; the path created is put into `path_buffer`, cut where it ends, unless that is NULL */
/** @{ */
ZOOAPI int zoo_create(zhandle_t *zh, const char *path, const char *value, int valuelen, const struct ACL_vector *acl,
                      int mode, char *path_buffer, int path_buffer_len);
/** `ttl` in milliseconds for the modes with a time to live, -1 for all others. */
ZOOAPI int zoo_create_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                          const struct ACL_vector *acl, int mode, int64_t ttl, char *path_buffer, int path_buffer_len);
ZOOAPI int zoo_create2(zhandle_t *zh, const char *path, const char *value, int valuelen, const struct ACL_vector *acl,
                       int mode, char *path_buffer, int path_buffer_len, struct Stat *stat);
ZOOAPI int zoo_create2_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                           const struct ACL_vector *acl, int mode, int64_t ttl, char *path_buffer, int path_buffer_len,
                           struct Stat *stat);
/** @} */

/** Deletes; a version of -1 is any. */
ZOOAPI int zoo_delete(zhandle_t *zh, const char *path, int version);

/** @name Reading; `stat` may be NULL */
/** @{ */
ZOOAPI int zoo_exists(zhandle_t *zh, const char *path, int watch, struct Stat *stat);
ZOOAPI int zoo_wexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx, struct Stat *stat);
/** `*buffer_len` is the room, and then how much was put there: -1 for null data. What does not fit is cut: see dataLength. */
ZOOAPI int zoo_get(zhandle_t *zh, const char *path, int watch, char *buffer, int *buffer_len, struct Stat *stat);
ZOOAPI int zoo_wget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx, char *buffer,
                    int *buffer_len, struct Stat *stat);
ZOOAPI int zoo_get_children(zhandle_t *zh, const char *path, int watch, struct String_vector *strings);
ZOOAPI int zoo_wget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                             struct String_vector *strings);
ZOOAPI int zoo_get_children2(zhandle_t *zh, const char *path, int watch, struct String_vector *strings,
                             struct Stat *stat);
ZOOAPI int zoo_wget_children2(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                              struct String_vector *strings, struct Stat *stat);
ZOOAPI int zoo_get_acl(zhandle_t *zh, const char *path, struct ACL_vector *acl, struct Stat *stat);
/** @} */

/** @name Changing; a version of -1 is any */
/** @{ */
ZOOAPI int zoo_set(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version);
ZOOAPI int zoo_set2(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version, struct Stat *stat);
ZOOAPI int zoo_set_acl(zhandle_t *zh, const char *path, int version, const struct ACL_vector *acl);
/** @} */

/** @name The configuration of the servers, whatever the chroot */
/** @{ */
ZOOAPI int zoo_getconfig(zhandle_t *zh, int watch, char *buffer, int *buffer_len, struct Stat *stat);
ZOOAPI int zoo_wgetconfig(zhandle_t *zh, watcher_fn watcher, void *watcherCtx, char *buffer, int *buffer_len,
                          struct Stat *stat);
ZOOAPI int zoo_reconfig(zhandle_t *zh, const char *joining, const char *leaving, const char *members, int64_t version,
                        char *buffer, int *buffer_len, struct Stat *stat);
/** @} */

/** Several operations, all or none; the first real error. */
ZOOAPI int zoo_multi(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results);

/** Takes watches back: see zoo_aremove_watches(). */
ZOOAPI int zoo_remove_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, watcher_fn watcher,
                              void *watcherCtx, int local);
ZOOAPI int zoo_remove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local);
#endif

#ifdef __cplusplus
}
#endif

#endif
