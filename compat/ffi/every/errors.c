/*
 * Every operation on a znode, in success and with each code that its documentation names. One table of operations, one of
 * circumstances: each is tried in each.
 */
#include "every.h"

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)
#define TTL_MS 100000

/* What a circumstance gives to an operation. */
struct at {
    zhandle_t *zh;
    const char *path;
    const char *fresh; /* where a create goes */
    int version;
    const struct ACL_vector *acl;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_told, told;
static char buffer[1024];
static int len;
static struct Stat room;
static struct String_vector strings;
static struct ACL_vector acl;

static void done(const char *function, int rc) {
    cover_rc(function, rc);
    pthread_mutex_lock(&lock);
    is_told = 1;
    told = rc;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

/* The code of an asynchronous call: what it returned or, if that was ZOK, what its completion was told. */
static int ended(int rc) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 15;
    pthread_mutex_lock(&lock);
    while (rc == ZOK && !is_told)
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0) fail("a completion was never told");
    if (rc == ZOK) rc = told;
    is_told = 0;
    pthread_mutex_unlock(&lock);
    return rc;
}

static void void_done(int rc, const void *data) { done((const char *)data, rc); }
static void stat_done(int rc, const struct Stat *stat, const void *data) {
    if (rc == ZOK && stat == NULL) fail("no stat");
    done((const char *)data, rc);
}
static void data_done(int rc, const char *value, int size, const struct Stat *stat, const void *data) {
    if (rc == ZOK && (stat == NULL || (value == NULL && size > 0))) fail("no data");
    done((const char *)data, rc);
}
static void strings_done(int rc, const struct String_vector *names, const void *data) {
    if (rc == ZOK && names == NULL) fail("no strings");
    done((const char *)data, rc);
}
static void strings_stat_done(int rc, const struct String_vector *names, const struct Stat *stat, const void *data) {
    if (rc == ZOK && (names == NULL || stat == NULL)) fail("no strings");
    done((const char *)data, rc);
}
static void string_done(int rc, const char *value, const void *data) {
    if (rc == ZOK && value == NULL) fail("no path");
    done((const char *)data, rc);
}
static void string_stat_done(int rc, const char *value, const struct Stat *stat, const void *data) {
    if (rc == ZOK && (value == NULL || stat == NULL)) fail("no path");
    done((const char *)data, rc);
}
static void acl_done(int rc, struct ACL_vector *entries, struct Stat *stat, const void *data) {
    if (rc == ZOK && (entries == NULL || stat == NULL)) fail("no acl");
    done((const char *)data, rc);
}

#define OPERATION(name, call) \
    static int name(const struct at *at) { return call; }
#define ASYNC(name, call) OPERATION(name, ended(call))

/* clang-format off */
OPERATION(create, zoo_create(at->zh, at->fresh, "x", 1, at->acl, 0, buffer, sizeof buffer))
OPERATION(create2, zoo_create2(at->zh, at->fresh, "x", 1, at->acl, 0, buffer, sizeof buffer, &room))
OPERATION(create_ttl, zoo_create_ttl(at->zh, at->fresh, "x", 1, at->acl, ZOO_PERSISTENT_WITH_TTL, TTL_MS, buffer, sizeof buffer))
OPERATION(create2_ttl, zoo_create2_ttl(at->zh, at->fresh, "x", 1, at->acl, ZOO_PERSISTENT_WITH_TTL, TTL_MS, buffer, sizeof buffer, &room))
OPERATION(create_container, zoo_create(at->zh, at->fresh, "x", 1, at->acl, ZOO_CONTAINER, buffer, sizeof buffer))
OPERATION(delete_, zoo_delete(at->zh, at->path, at->version))
OPERATION(exists, zoo_exists(at->zh, at->path, 0, &room))
OPERATION(wexists, zoo_wexists(at->zh, at->path, NULL, NULL, &room))
OPERATION(get, zoo_get(at->zh, at->path, 0, buffer, (len = sizeof buffer, &len), &room))
OPERATION(wget, zoo_wget(at->zh, at->path, NULL, NULL, buffer, (len = sizeof buffer, &len), &room))
OPERATION(set, zoo_set(at->zh, at->path, "y", 1, at->version))
OPERATION(set2, zoo_set2(at->zh, at->path, "y", 1, at->version, &room))
OPERATION(get_children, zoo_get_children(at->zh, at->path, 0, &strings))
OPERATION(wget_children, zoo_wget_children(at->zh, at->path, NULL, NULL, &strings))
OPERATION(get_children2, zoo_get_children2(at->zh, at->path, 0, &strings, &room))
OPERATION(wget_children2, zoo_wget_children2(at->zh, at->path, NULL, NULL, &strings, &room))
OPERATION(get_acl, zoo_get_acl(at->zh, at->path, &acl, &room))
OPERATION(set_acl, zoo_set_acl(at->zh, at->path, at->version, at->acl))
OPERATION(getconfig, zoo_getconfig(at->zh, 0, buffer, (len = sizeof buffer, &len), &room))
OPERATION(wgetconfig, zoo_wgetconfig(at->zh, NULL, NULL, buffer, (len = sizeof buffer, &len), &room))
ASYNC(acreate, zoo_acreate(at->zh, at->fresh, "x", 1, at->acl, 0, string_done, "zoo_acreate"))
ASYNC(acreate2, zoo_acreate2(at->zh, at->fresh, "x", 1, at->acl, 0, string_stat_done, "zoo_acreate2"))
ASYNC(acreate_ttl, zoo_acreate_ttl(at->zh, at->fresh, "x", 1, at->acl, ZOO_PERSISTENT_WITH_TTL, TTL_MS, string_done, "zoo_acreate_ttl"))
ASYNC(acreate2_ttl, zoo_acreate2_ttl(at->zh, at->fresh, "x", 1, at->acl, ZOO_PERSISTENT_WITH_TTL, TTL_MS, string_stat_done, "zoo_acreate2_ttl"))
ASYNC(acreate2_container, zoo_acreate2(at->zh, at->fresh, "x", 1, at->acl, ZOO_CONTAINER, string_stat_done, "zoo_acreate2"))
ASYNC(adelete, zoo_adelete(at->zh, at->path, at->version, void_done, "zoo_adelete"))
ASYNC(aexists, zoo_aexists(at->zh, at->path, 0, stat_done, "zoo_aexists"))
ASYNC(awexists, zoo_awexists(at->zh, at->path, NULL, NULL, stat_done, "zoo_awexists"))
ASYNC(aget, zoo_aget(at->zh, at->path, 0, data_done, "zoo_aget"))
ASYNC(awget, zoo_awget(at->zh, at->path, NULL, NULL, data_done, "zoo_awget"))
ASYNC(aset, zoo_aset(at->zh, at->path, "y", 1, at->version, stat_done, "zoo_aset"))
ASYNC(aget_children, zoo_aget_children(at->zh, at->path, 0, strings_done, "zoo_aget_children"))
ASYNC(awget_children, zoo_awget_children(at->zh, at->path, NULL, NULL, strings_done, "zoo_awget_children"))
ASYNC(aget_children2, zoo_aget_children2(at->zh, at->path, 0, strings_stat_done, "zoo_aget_children2"))
ASYNC(awget_children2, zoo_awget_children2(at->zh, at->path, NULL, NULL, strings_stat_done, "zoo_awget_children2"))
ASYNC(async, zoo_async(at->zh, at->path, string_done, "zoo_async"))
ASYNC(aget_acl, zoo_aget_acl(at->zh, at->path, acl_done, "zoo_aget_acl"))
ASYNC(aset_acl, zoo_aset_acl(at->zh, at->path, at->version, (struct ACL_vector *)at->acl, void_done, "zoo_aset_acl"))
ASYNC(agetconfig, zoo_agetconfig(at->zh, 0, data_done, "zoo_agetconfig"))
ASYNC(awgetconfig, zoo_awgetconfig(at->zh, NULL, NULL, data_done, "zoo_awgetconfig"))
/* clang-format on */

static int multi(const struct at *at) {
    zoo_op_t op;
    zoo_op_result_t result;
    int rc;
    memset(&result, 0, sizeof result);
    zoo_set_op_init(&op, at->path, "y", 1, at->version, &room);
    rc = zoo_multi(at->zh, 1, &op, &result);
    return result.err == rc ? rc : rc * 1000 + result.err;
}

static int amulti(const struct at *at) {
    zoo_op_t op;
    zoo_op_result_t result;
    memset(&result, 0, sizeof result);
    zoo_create_op_init(&op, at->fresh, "x", 1, at->acl, 0, buffer, sizeof buffer);
    return ended(zoo_amulti(at->zh, 1, &op, &result, void_done, "zoo_amulti"));
}

#define ENTRY(name) {#name, name}

static const struct {
    const char *name;
    int (*run)(const struct at *at);
} operations[] = {
    ENTRY(create),         ENTRY(create2),        ENTRY(create_ttl),    ENTRY(create2_ttl),     ENTRY(create_container),
    ENTRY(delete_),        ENTRY(exists),         ENTRY(wexists),       ENTRY(get),             ENTRY(wget),
    ENTRY(set),            ENTRY(set2),           ENTRY(get_children),  ENTRY(wget_children),   ENTRY(get_children2),
    ENTRY(wget_children2), ENTRY(get_acl),        ENTRY(set_acl),       ENTRY(getconfig),       ENTRY(wgetconfig),
    ENTRY(acreate),        ENTRY(acreate2),       ENTRY(acreate_ttl),   ENTRY(acreate2_ttl),    ENTRY(acreate2_container),
    ENTRY(adelete),        ENTRY(aexists),        ENTRY(awexists),      ENTRY(aget),            ENTRY(awget),
    ENTRY(aset),           ENTRY(aget_children),  ENTRY(awget_children), ENTRY(aget_children2), ENTRY(awget_children2),
    ENTRY(async),          ENTRY(aget_acl),       ENTRY(aset_acl),      ENTRY(agetconfig),      ENTRY(awgetconfig),
    ENTRY(multi),          ENTRY(amulti),
};

/* What reads left behind. */
static void release(void) {
    deallocate_String_vector(&strings);
    deallocate_ACL_vector(&acl);
}

/* Without a handle the original crashes in a multi, and where it looks for the default watcher; ../safety.c looks at these. */
static int crashes(const struct at *at, const char *operation) {
    static const char *const watching[] = {"exists",  "get",  "get_children",  "get_children2",  "getconfig",  "multi",
                                           "aexists", "aget", "aget_children", "aget_children2", "agetconfig", "amulti"};
    size_t name;
    for (name = 0; at->zh == NULL && name < sizeof watching / sizeof *watching; name++)
        if (strcmp(operation, watching[name]) == 0) return 1;
    return 0;
}

/* Tries every operation; `owner` makes it the same again before each. */
static void try_all(const char *circumstance, const struct at *at, zhandle_t *owner) {
    size_t op;
    for (op = 0; op < sizeof operations / sizeof *operations; op++) {
        struct String_vector left;
        int child, rc;
        if (crashes(at, operations[op].name)) continue;
        say("%s %s: %d", circumstance, operations[op].name, operations[op].run(at));
        release();
        /* What was made goes, what was deleted comes again. */
        if (zoo_get_children(owner, ROOT "/new", 0, &left) != ZOK) fail("the place for new ones has gone");
        for (child = 0; child < left.count; child++) {
            char path[128];
            snprintf(path, sizeof path, ROOT "/new/%s", left.data[child]);
            if (zoo_delete(owner, path, -1) != ZOK) fail("a new one cannot be deleted");
        }
        deallocate_String_vector(&left);
        zoo_set_acl(owner, ROOT "/there", -1, OPEN);
        rc = zoo_create(owner, ROOT "/there", "x", 1, OPEN, 0, NULL, 0);
        if (rc != ZOK && rc != ZNODEEXISTS) fail("what was deleted cannot come again");
    }
}

static void auth_told(zhandle_t *zh, const char *scheme, const char *cert) {
    int rc = ended(zoo_add_auth(zh, scheme, cert, (int)strlen(cert), void_done, "zoo_add_auth"));
    say("auth %s: %d", scheme, rc);
}

static zhandle_t *of_ended_session(void) {
    clientid_t id;
    zhandle_t *zh = connect_to(server(), on_quiet, NULL);
    memcpy(&id, zoo_client_id(zh), sizeof id);
    zookeeper_close(zh);
    zh = zookeeper_init(server(), on_quiet, TIMEOUT_MS, &id, NULL, ZOO_NO_LOG_CLIENTENV);
    wait_state(zh, ZOO_EXPIRED_SESSION_STATE);
    return zh;
}

static void make(zhandle_t *zh, const char *path, const struct ACL_vector *entries, int mode) {
    if (zoo_create(zh, path, "x", 1, entries, mode, NULL, 0) != ZOK) fail(path);
}

void errors(void) {
    struct ACL entry = {31, {(char *)"bogus", (char *)"nobody"}};
    struct ACL_vector unknown = {1, &entry};
    struct at at = {NULL, ROOT "/there", ROOT "/new/one", -1, OPEN};
    struct at now;
    zhandle_t *owner = connect_to(server(), on_quiet, NULL);
    zhandle_t *over;
    at.zh = connect_to(server(), on_quiet, NULL);
    auth_told(owner, "digest", "owner:secret");
    make(owner, ROOT, OPEN, 0);
    make(owner, ROOT "/there", OPEN, 0);
    make(owner, ROOT "/new", OPEN, 0);
    make(owner, ROOT "/denied", &ZOO_CREATOR_ALL_ACL, 0);
    make(owner, ROOT "/denied/child", &ZOO_CREATOR_ALL_ACL, 0);
    make(owner, ROOT "/brief", OPEN, ZOO_EPHEMERAL);
    try_all("success", &at, owner);
    now = at;
    now.path = ROOT "/none";
    now.fresh = ROOT "/none/one";
    try_all("missing", &now, owner);
    now.path = ROOT "/denied/child";
    now.fresh = ROOT "/denied/one";
    try_all("denied", &now, owner);
    now.path = ROOT "/denied";
    now.fresh = ROOT "/brief/one";
    try_all("under an ephemeral", &now, owner);
    now.path = ROOT;
    now.fresh = ROOT "/there";
    now.version = 77;
    try_all("in the way, old version", &now, owner);
    now = at;
    now.zh = owner;
    now.path = ROOT "/denied";
    now.acl = &unknown;
    try_all("with children, unknown scheme", &now, owner);
    now = at;
    now.path = ROOT "//bad";
    now.fresh = "bad";
    try_all("bad path", &now, owner);
    say("getconfig without length %d", zoo_getconfig(at.zh, 0, buffer, NULL, &room));
    now = at;
    now.zh = NULL;
    try_all("no handle", &now, owner);
    now.zh = over = of_ended_session();
    try_all("ended session", &now, owner);
    zookeeper_close(over);
    zookeeper_close(at.zh);
    zoo_delete(owner, ROOT "/denied/child", -1);
    zoo_delete(owner, ROOT "/denied", -1);
    zoo_delete(owner, ROOT "/brief", -1);
    zoo_delete(owner, ROOT "/there", -1);
    zoo_delete(owner, ROOT "/new", -1);
    say("delete %d", zoo_delete(owner, ROOT, -1));
    zookeeper_close(owner);
}

/* A server of an ensemble that super:test may reconfigure. */
void reconfigs(void) {
    static const char *observer = "server.9=127.0.0.1:1:2:observer;127.0.0.1:3";
    /* Two of four are no quorum. */
    static const char *voters = "server.7=127.0.0.1:4:5:participant;127.0.0.1:6,"
                                "server.8=127.0.0.1:7:8:participant;127.0.0.1:9";
    struct at at = {NULL, "/", "/", -1, OPEN};
    zhandle_t *zh = connect_to(server(), on_quiet, NULL);
    zhandle_t *over = of_ended_session();
    at.zh = zh;
    say("denied %d", zoo_reconfig(zh, NULL, "9", NULL, -1, buffer, (len = sizeof buffer, &len), &room));
    say("denied %d", ended(zoo_areconfig(zh, NULL, "9", NULL, -1, data_done, "zoo_areconfig")));
    auth_told(zh, "digest", "super:test");
    say("getconfig %d", getconfig(&at));
    say("join %d", zoo_reconfig(zh, observer, NULL, NULL, -1, buffer, (len = sizeof buffer - 1, &len), &room));
    buffer[len > 0 ? len : 0] = 0;
    say("joined %d", strstr(buffer, "server.9=") != NULL);
    say("leave %d", zoo_reconfig(zh, NULL, "9", NULL, -1, buffer, (len = sizeof buffer, &len), &room));
    say("join %d", ended(zoo_areconfig(zh, observer, NULL, NULL, -1, data_done, "zoo_areconfig")));
    say("leave %d", ended(zoo_areconfig(zh, NULL, "9", NULL, -1, data_done, "zoo_areconfig")));
    say("old version %d", zoo_reconfig(zh, observer, NULL, NULL, 7, buffer, (len = sizeof buffer, &len), &room));
    say("old version %d", ended(zoo_areconfig(zh, observer, NULL, NULL, 7, data_done, "zoo_areconfig")));
    say("nonsense %d", zoo_reconfig(zh, "nonsense", NULL, NULL, -1, buffer, (len = sizeof buffer, &len), &room));
    say("nonsense %d", ended(zoo_areconfig(zh, "nonsense", NULL, NULL, -1, data_done, "zoo_areconfig")));
    say("no quorum %d", zoo_reconfig(zh, voters, NULL, NULL, -1, buffer, (len = sizeof buffer, &len), &room));
    say("no quorum %d", ended(zoo_areconfig(zh, voters, NULL, NULL, -1, data_done, "zoo_areconfig")));
    say("over %d", zoo_reconfig(over, voters, NULL, NULL, -1, buffer, (len = sizeof buffer, &len), &room));
    say("over %d", zoo_areconfig(over, voters, NULL, NULL, -1, data_done, "zoo_areconfig"));
    say("no handle %d", zoo_reconfig(NULL, voters, NULL, NULL, -1, buffer, (len = sizeof buffer, &len), &room));
    say("no handle %d", zoo_areconfig(NULL, voters, NULL, NULL, -1, data_done, "zoo_areconfig"));
    zookeeper_close(over);
    zookeeper_close(zh);
}

/* A server that has no quorum and reads all the same. */
void readonly(void) {
    struct at at = {NULL, "/", "/one", -1, OPEN};
    size_t op;
    int waits;
    zhandle_t *zh = zookeeper_init(server(), on_quiet, 2 * TIMEOUT_MS, NULL, NULL, ZOO_READONLY | ZOO_NO_LOG_CLIENTENV);
    /* A server keeps the clients that it has for a while when its quorum has gone. */
    for (waits = 0; waits < 12000 && zoo_state(zh) != ZOO_READONLY_STATE; waits++) usleep(5000);
    wait_state(zh, ZOO_READONLY_STATE);
    at.zh = zh;
    for (op = 0; op < sizeof operations / sizeof *operations; op++) {
        /* What a read-only server says of a multi ends a program with the original's library. */
        if (strstr(operations[op].name, "multi") != NULL) continue;
        say("read-only %s: %d", operations[op].name, operations[op].run(&at));
        release();
    }
    say("recoverable %d", is_unrecoverable(zh));
    say("close %d", zookeeper_close(zh));
}
