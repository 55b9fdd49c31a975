/* What needs no server: sizes, constants, texts, jute, logging, arguments that make no session. */
#include <stddef.h>

#include "every.h"

#define SIZE(type) say("sizeof " #type " %zu", sizeof(type))
#define OFFSET(type, field) say("offset " #type "." #field " %zu", offsetof(type, field))
#define NUMBER(name) say(#name " %d", (int)(name))

static void layouts(void) {
    SIZE(struct Stat);
    SIZE(struct ACL);
    SIZE(struct Id);
    SIZE(struct ACL_vector);
    SIZE(struct String_vector);
    SIZE(struct buffer);
    SIZE(clientid_t);
    SIZE(zoo_op_t);
    SIZE(zoo_op_result_t);
    SIZE(zsock_t);
    SIZE(struct iarchive);
    SIZE(struct oarchive);
    SIZE(struct SetWatches2);
    SIZE(struct CreateTTLRequest);
    SIZE(struct QuorumPacket);
    SIZE(struct TxnHeader);
    SIZE(struct MultiTxn);
    SIZE(struct GetChildren2Response);
    OFFSET(struct Stat, ephemeralOwner);
    OFFSET(struct Stat, pzxid);
    OFFSET(zoo_op_t, create_op.acl);
    OFFSET(zoo_op_t, create_op.ttl);
    OFFSET(zoo_op_t, set_op.stat);
    OFFSET(struct CreateTTLRequest, ttl);
    OFFSET(struct ConnectRequest, passwd);
}

static void numbers(void) {
    NUMBER(ZOO_PERM_READ);
    NUMBER(ZOO_PERM_WRITE);
    NUMBER(ZOO_PERM_CREATE);
    NUMBER(ZOO_PERM_DELETE);
    NUMBER(ZOO_PERM_ADMIN);
    NUMBER(ZOO_PERM_ALL);
    NUMBER(ZOOKEEPER_READ);
    NUMBER(ZOOKEEPER_WRITE);
    NUMBER(ZOO_PERSISTENT);
    NUMBER(ZOO_EPHEMERAL);
    NUMBER(ZOO_SEQUENCE);
    NUMBER(ZOO_PERSISTENT_SEQUENTIAL);
    NUMBER(ZOO_EPHEMERAL_SEQUENTIAL);
    NUMBER(ZOO_CONTAINER);
    NUMBER(ZOO_PERSISTENT_WITH_TTL);
    NUMBER(ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL);
    NUMBER(ZOO_EXPIRED_SESSION_STATE);
    NUMBER(ZOO_AUTH_FAILED_STATE);
    NUMBER(ZOO_CONNECTING_STATE);
    NUMBER(ZOO_ASSOCIATING_STATE);
    NUMBER(ZOO_CONNECTED_STATE);
    NUMBER(ZOO_READONLY_STATE);
    NUMBER(ZOO_SSL_CONNECTING_STATE);
    NUMBER(ZOO_NOTCONNECTED_STATE);
    NUMBER(ZOO_CREATED_EVENT);
    NUMBER(ZOO_DELETED_EVENT);
    NUMBER(ZOO_CHANGED_EVENT);
    NUMBER(ZOO_CHILD_EVENT);
    NUMBER(ZOO_SESSION_EVENT);
    NUMBER(ZOO_NOTWATCHING_EVENT);
    say("ids %s:%s %s:'%s'", ZOO_ANYONE_ID_UNSAFE.scheme, ZOO_ANYONE_ID_UNSAFE.id, ZOO_AUTH_IDS.scheme,
        ZOO_AUTH_IDS.id);
    say("acls %d %d %s, %d %d %s, %d %d %s", ZOO_OPEN_ACL_UNSAFE.count, ZOO_OPEN_ACL_UNSAFE.data->perms,
        ZOO_OPEN_ACL_UNSAFE.data->id.scheme, ZOO_READ_ACL_UNSAFE.count, ZOO_READ_ACL_UNSAFE.data->perms,
        ZOO_READ_ACL_UNSAFE.data->id.id, ZOO_CREATOR_ALL_ACL.count, ZOO_CREATOR_ALL_ACL.data->perms,
        ZOO_CREATOR_ALL_ACL.data->id.scheme);
}

static void texts(void) {
    int code;
    for (code = 3; code > -140; code--) {
        /* These two the original's 3.8 has no words for. */
        if (code == -15 || code == -125) continue;
        say("zerror %d %s", code, zerror(code));
    }
}

static void jute(void) {
    struct String_vector strings;
    struct ACL_vector acl;
    struct Id_vector ids;
    struct GetChildren2Response response;
    struct CreateRequest request;
    say("allocate %d", allocate_String_vector(&strings, 3));
    strings.data[0] = strdup("one");
    strings.data[1] = strdup("two");
    say("strings %d %s %s", strings.count, strings.data[0], strings.data[2] ? "something" : "nothing");
    say("deallocate %d", deallocate_String_vector(&strings));
    say("allocate none %d", allocate_String_vector(&strings, 0));
    say("empty %d %s", strings.count, strings.data ? "something" : "nothing");
    say("deallocate none %d", deallocate_String_vector(&strings));
    allocate_ACL_vector(&acl, 1);
    acl.data[0].perms = 31;
    acl.data[0].id.scheme = strdup("world");
    acl.data[0].id.id = strdup("anyone");
    say("deallocate acl %d", deallocate_ACL_vector(&acl));
    allocate_Id_vector(&ids, 2);
    say("ids %d", ids.count);
    deallocate_Id_vector(&ids);
    memset(&response, 0, sizeof response);
    allocate_String_vector(&response.children, 1);
    response.children.data[0] = strdup("child");
    deallocate_GetChildren2Response(&response);
    memset(&request, 0, sizeof request);
    request.path = strdup("/path");
    request.data.buff = strdup("data");
    request.data.len = 4;
    deallocate_CreateRequest(&request);
    say("htonll %llx", (unsigned long long)zoo_htonll(1));
}

static int lines;
static char last_line[512];

static void on_line(const char *message) {
    lines++;
    snprintf(last_line, sizeof last_line, "%s", message);
}

static void logging(void) {
    char text[512] = "";
    FILE *stream = tmpfile();
    zoo_set_log_stream(stream);
    say("stream %d", zoo_get_log_stream() == stream);
    zoo_set_debug_level((ZooLogLevel)99);
    say("level %d", (int)logLevel);
    zoo_set_debug_level((ZooLogLevel)0);
    say("level %d", (int)logLevel);
    LOG_ERROR(LOGSTREAM, "not %s", "written");
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    say("level %d", (int)logLevel);
    LOG_INFO(LOGSTREAM, "not %s", "written");
    LOG_WARN(LOGSTREAM, "written %d times", 1);
    rewind(stream);
    if (fgets(text, sizeof text, stream) == NULL) fail("no line was written");
    say("line ends '%s'", strstr(text, ":ZOO_WARN@logging@") ? strstr(text, ": written") : text);
    say("one line %d", fgets(text, sizeof text, stream) == NULL);
    log_message(on_line, ZOO_LOG_LEVEL_ERROR, 7, "somewhere", "%s %d", "to a function", 2);
    say("line to a function '%s' %d", strstr(last_line, "ZOO_ERROR"), lines);
    zoo_set_log_stream(NULL);
    say("stream again %d", zoo_get_log_stream() == stderr);
    fclose(stream);
    zoo_set_debug_level((ZooLogLevel)0);
}

void plain(void) {
    layouts();
    numbers();
    texts();
    jute();
    logging();
}

static void try_hosts(const char *hosts) {
    zhandle_t *zh;
    errno = 0;
    zh = zookeeper_init(hosts, on_quiet, TIMEOUT_MS, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    say("init '%s': %s%s", hosts ? hosts : "(null)", zh ? "a handle" : "NULL",
        zh == NULL && errno == EINVAL ? " EINVAL" : "");
    if (zh != NULL) zookeeper_close(zh);
}

void arguments(void) {
    struct Stat stat;
    char buffer[16];
    int len = sizeof buffer;
    try_hosts(NULL);
    try_hosts("");
    try_hosts("localhost");
    try_hosts("localhost:");
    try_hosts("localhost:0");
    try_hosts("localhost:x");
    try_hosts("localhost:1,other");
    try_hosts("localhost:1/a//b");
    try_hosts("localhost:1/a/");
    try_hosts("127.0.0.1:1/chroot");
    try_hosts("127.0.0.1:1,127.0.0.1:2");
    try_hosts("127.0.0.1:1,no.such.host.invalid:2");
    say("close NULL %d", zookeeper_close(NULL));
    say("state NULL %d", zoo_state(NULL));
    say("get NULL %d", zoo_wget(NULL, "/", NULL, NULL, buffer, &len, &stat));
    say("exists NULL %d", zoo_wexists(NULL, "/", NULL, NULL, &stat));
    say("create NULL %d", zoo_create(NULL, "/a", "x", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0));
    say("delete NULL %d", zoo_delete(NULL, "/a", -1));
    say("set NULL %d", zoo_set(NULL, "/a", "x", 1, -1));
    say("children NULL %d", zoo_wget_children(NULL, "/", NULL, NULL, NULL));
    say("acl NULL %d", zoo_get_acl(NULL, "/", NULL, NULL));
    say("reconfig NULL %d", zoo_reconfig(NULL, NULL, NULL, NULL, -1, buffer, &len, &stat));
    say("auth NULL %d", zoo_add_auth(NULL, "digest", "a:b", 3, NULL, NULL));
    say("remove NULL %d", zoo_remove_watches(NULL, "/", ZWATCHTYPE_ANY, NULL, NULL, 0));
    say("log callback NULL %d", zoo_get_log_callback(NULL) == NULL);
    zoo_set_log_callback(NULL, NULL);
}
