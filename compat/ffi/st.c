/*
 * libzookeeper_st, driven by a loop of the program's: every asynchronous call, watches, a loss, an expiry, closing from inside.
 *
 *   st host:port
 *
 * Prints what differs not from run to run, as `every` does; the driver compares the original's and ours.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>
#include <zookeeper/zookeeper_log.h>

#include "cover.h"

#define ROOT "/every-st"
#define OPEN (&ZOO_OPEN_ACL_UNSAFE)

static int callbacks;

static void say_rc(const char *what, int rc) { printf("%s: %d\n", what, rc); }

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)zh;
    printf("%s: event %d state %d path '%s'\n", (const char *)context, type, state, path);
    callbacks++;
}

static void on_void(int rc, const void *data) {
    cover_told((const char *)data, rc);
    say_rc((const char *)data, rc);
    callbacks++;
}

static void on_stat(int rc, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d version %d\n", (const char *)data, rc, stat ? stat->version : -1);
    callbacks++;
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d '%.*s' %d %s\n", (const char *)data, rc, len > 0 ? len : 0, value ? value : "", len,
           stat ? "stat" : "none");
    callbacks++;
}

static void on_strings(int rc, const struct String_vector *strings, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d %d strings\n", (const char *)data, rc, strings ? strings->count : -1);
    callbacks++;
}

static void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d %d strings %d children\n", (const char *)data, rc, strings ? strings->count : -1,
           stat ? stat->numChildren : -1);
    callbacks++;
}

static void on_string(int rc, const char *value, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d %s\n", (const char *)data, rc, value ? value : "(null)");
    callbacks++;
}

static void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d %s version %d\n", (const char *)data, rc, value ? value : "(null)", stat ? stat->version : -1);
    callbacks++;
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    printf("%s: %d %d entries %s\n", (const char *)data, rc, acl ? acl->count : -1, stat ? "stat" : "none");
    callbacks++;
}

static void on_closing(int rc, const struct Stat *stat, const void *data) {
    (void)stat;
    say_rc("close from inside", rc);
    say_rc("close from inside", zookeeper_close((zhandle_t *)data));
    callbacks++;
}

/* One turn of the loop. */
static int turn(zhandle_t *zh) {
    struct pollfd waiting;
    struct timeval tv;
    int fd = -1, interest = 0, events = 0, wait_ms;
    int rc = zookeeper_interest(zh, &fd, &interest, &tv);
    if (rc == ZINVALIDSTATE) return rc;
    wait_ms = (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000);
    if (wait_ms > 50) wait_ms = 50;
    if (fd == -1) {
        usleep(5000);
        return ZOK;
    }
    waiting.fd = fd;
    waiting.events = (short)((interest & ZOOKEEPER_READ ? POLLIN : 0) | (interest & ZOOKEEPER_WRITE ? POLLOUT : 0));
    waiting.revents = 0;
    poll(&waiting, 1, wait_ms);
    if (waiting.revents & (POLLIN | POLLHUP | POLLERR)) events |= ZOOKEEPER_READ;
    if (waiting.revents & (POLLOUT | POLLHUP | POLLERR)) events |= ZOOKEEPER_WRITE;
    return zookeeper_process(zh, events);
}

static void expect(zhandle_t *zh, int count) {
    int turns;
    for (turns = 0; turns < 5000 && callbacks < count; turns++) turn(zh);
    if (callbacks != count) {
        printf("FAILED: %d callbacks were due, %d came\n", count, callbacks);
        exit(2);
    }
    callbacks = 0;
}

static void operations(zhandle_t *zh) {
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    char path[32] = "";
    int sent = 0;
    sent += zoo_acreate(zh, ROOT, "root", 4, OPEN, 0, on_string, "acreate") == ZOK;
    sent += zoo_acreate2(zh, ROOT "/a", NULL, -1, OPEN, 0, on_string_stat, "acreate2") == ZOK;
    sent += zoo_aexists(zh, ROOT, 0, on_stat, "aexists") == ZOK;
    sent += zoo_aget(zh, ROOT, 0, on_data, "aget") == ZOK;
    sent += zoo_aget(zh, ROOT "/none", 0, on_data, "aget nothing") == ZOK;
    sent += zoo_aset(zh, ROOT, "more", 4, 0, on_stat, "aset") == ZOK;
    sent += zoo_aget_children(zh, ROOT, 0, on_strings, "aget_children") == ZOK;
    sent += zoo_aget_children2(zh, ROOT, 0, on_strings_stat, "aget_children2") == ZOK;
    sent += zoo_aget_acl(zh, ROOT, on_acl, "aget_acl") == ZOK;
    sent += zoo_aset_acl(zh, ROOT "/a", -1, OPEN, on_void, "aset_acl") == ZOK;
    sent += zoo_async(zh, ROOT, on_string, "async") == ZOK;
    sent += zoo_agetconfig(zh, 0, on_data, "agetconfig") == ZOK;
    sent += zoo_areconfig(zh, NULL, "7", NULL, -1, on_data, "areconfig") == ZOK;
    sent += zoo_add_auth(zh, "digest", "a:b", 3, on_void, "auth") == ZOK;
    expect(zh, sent);
    memset(results, 0, sizeof results);
    zoo_create_op_init(&ops[0], ROOT "/b", "1", 1, OPEN, 0, path, sizeof path);
    zoo_delete_op_init(&ops[1], ROOT "/a", -1);
    say_rc("amulti", zoo_amulti(zh, 2, ops, results, on_void, "amulti"));
    expect(zh, 1);
    printf("results %d %d %s\n", results[0].err, results[1].err, path);
    say_rc("bad path", zoo_aget(zh, "bad", 0, on_data, "never"));
}

static void watches(zhandle_t *zh) {
    zoo_awget(zh, ROOT, on_event, (void *)"data", on_data, "awget");
    zoo_awget_children(zh, ROOT, on_event, (void *)"children", on_strings, "awget_children");
    zoo_awexists(zh, ROOT "/late", on_event, (void *)"late", on_stat, "awexists");
    expect(zh, 3);
    zoo_aset(zh, ROOT, "new", 3, -1, on_stat, "aset");
    expect(zh, 2);
    zoo_acreate(zh, ROOT "/late", NULL, -1, OPEN, 0, on_string, "acreate");
    expect(zh, 3);
    zoo_adelete(zh, ROOT "/late", -1, on_void, "adelete");
    zoo_adelete(zh, ROOT "/b", -1, on_void, "adelete");
    zoo_adelete(zh, ROOT, -1, on_void, "adelete");
    expect(zh, 3);
}

/* every/proxy.c */
struct proxy;
struct proxy *proxy_start(void);
const char *proxy_address(struct proxy *proxy);
void proxy_cut(struct proxy *proxy);
void proxy_freeze(struct proxy *proxy, int is_frozen);
void proxy_stop(struct proxy *proxy);
void set_server(const char *address);

/* A connection that is cut, one that falls silent, a server that is not there, an identity that is refused. */
static void troubles(const char *host) {
    struct timeval tv;
    struct proxy *proxy;
    int fd, interest, turns;
    zhandle_t *zh;
    set_server(host);
    proxy = proxy_start();
    zh = zookeeper_init(proxy_address(proxy), on_event, 6000, NULL, (void *)"through a proxy", ZOO_NO_LOG_CLIENTENV);
    expect(zh, 1);
    proxy_freeze(proxy, 1);
    zoo_aget(zh, "/", 0, on_data, "aget into silence");
    expect(zh, 2);
    proxy_freeze(proxy, 0);
    say_rc("close", zookeeper_close(zh));
    zh = zookeeper_init(proxy_address(proxy), on_event, 6000, NULL, (void *)"cut", ZOO_NO_LOG_CLIENTENV);
    expect(zh, 1);
    proxy_cut(proxy);
    expect(zh, 1);
    say_rc("close", zookeeper_close(zh));
    proxy_stop(proxy);
    zh = zookeeper_init(host, on_event, 6000, NULL, (void *)"refused", ZOO_NO_LOG_CLIENTENV);
    expect(zh, 1);
    zoo_add_auth(zh, "no such scheme", "x", 1, on_void, "add_auth");
    expect(zh, 2);
    say_rc("state", zoo_state(zh));
    say_rc("interest", zookeeper_interest(zh, &fd, &interest, &tv));
    say_rc("process", zookeeper_process(zh, ZOOKEEPER_READ));
    say_rc("close", zookeeper_close(zh));
    zh = zookeeper_init("127.0.0.1:1", on_event, 6000, NULL, (void *)"nobody there", ZOO_NO_LOG_CLIENTENV);
    for (turns = 0; turns < 50; turns++) turn(zh);
    say_rc("told", callbacks);
    say_rc("close", zookeeper_close(zh));
}

int main(int argc, char **argv) {
    clientid_t id;
    struct timeval tv;
    int fd, interest;
    zhandle_t *zh;
    if (argc != 2) return 64;
    zoo_set_debug_level((ZooLogLevel)0);
    say_rc("interest NULL", zookeeper_interest(NULL, &fd, &interest, &tv));
    say_rc("process NULL", zookeeper_process(NULL, 0));
    zh = zookeeper_init(argv[1], on_event, 6000, NULL, (void *)"default", ZOO_NO_LOG_CLIENTENV);
    if (zh == NULL) return 2;
    say_rc("interest without room", zookeeper_interest(zh, NULL, &interest, &tv));
    expect(zh, 1);
    say_rc("state", zoo_state(zh));
    say_rc("process nothing", zookeeper_process(zh, ZOOKEEPER_READ));
    operations(zh);
    watches(zh);
    memcpy(&id, zoo_client_id(zh), sizeof id);
    say_rc("close", zookeeper_close(zh));
    zh = zookeeper_init(argv[1], on_event, 6000, &id, (void *)"ended", ZOO_NO_LOG_CLIENTENV);
    expect(zh, 1);
    say_rc("state", zoo_state(zh));
    say_rc("interest", zookeeper_interest(zh, &fd, &interest, &tv));
    say_rc("process", zookeeper_process(zh, ZOOKEEPER_READ));
    say_rc("close", zookeeper_close(zh));
    zh = zookeeper_init(argv[1], on_event, 6000, NULL, (void *)"last", ZOO_NO_LOG_CLIENTENV);
    expect(zh, 1);
    zoo_aget(zh, "/", 0, on_data, "pending at close");
    say_rc("close", zookeeper_close(zh));
    printf("%d told\n", callbacks);
    callbacks = 0;
    zh = zookeeper_init(argv[1], on_event, 6000, NULL, (void *)"inside", ZOO_NO_LOG_CLIENTENV);
    expect(zh, 1);
    zoo_aexists(zh, "/", 0, on_closing, zh);
    expect(zh, 1);
    troubles(argv[1]);
    printf("end\n");
    cover_print();
    return 0;
}
