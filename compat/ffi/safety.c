/*
 * What crashes or hangs elsewhere must be an error code here: handles that are closed, wild or inherited, closing from anywhere,
 * arguments that make no sense.
 *
 *   safety host:port [without-fork]
 *
 * Ends with 0 and "all held", or with the first that did not. An alarm ends it when something hangs.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)
#define HOLDS(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            _exit(1); \
        } \
    } while (0)

static const char *server;
static volatile int told;
static volatile int told_rc;

static void wait_state(zhandle_t *zh, int state) {
    int waits;
    for (waits = 0; waits < 3000 && zoo_state(zh) != state; waits++) usleep(5000);
    HOLDS(zoo_state(zh) == state);
}

static zhandle_t *open_session(watcher_fn watcher, void *context) {
    zhandle_t *zh = zookeeper_init(server, watcher, 6000, NULL, context, ZOO_NO_LOG_CLIENTENV);
    HOLDS(zh != NULL);
    wait_state(zh, ZOO_CONNECTED_STATE);
    return zh;
}

static void wait_told(int count) {
    int waits;
    for (waits = 0; waits < 2000 && told < count; waits++) usleep(5000);
    HOLDS(told >= count);
}

static void on_void(int rc, const void *data) {
    (void)data;
    told_rc = rc;
    __sync_fetch_and_add(&told, 1);
}
static void on_stat(int rc, const struct Stat *stat, const void *data) {
    (void)stat;
    on_void(rc, data);
}
static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    (void)value;
    (void)len;
    (void)stat;
    on_void(rc, data);
}
static void on_strings(int rc, const struct String_vector *strings, const void *data) {
    (void)strings;
    on_void(rc, data);
}
static void on_string(int rc, const char *value, const void *data) {
    (void)value;
    on_void(rc, data);
}
static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data) {
    (void)acl;
    (void)stat;
    on_void(rc, data);
}

/* Every function with a handle that is none: this code, at once, and nobody is told. */
static void every_call_gives(zhandle_t *zh, int code) {
    char buffer[16];
    int len = sizeof buffer;
    struct Stat stat;
    struct String_vector strings;
    struct ACL_vector acl;
    zoo_op_t op;
    zoo_op_result_t result;
    struct sockaddr_storage address;
    socklen_t address_len = sizeof address;
    int before = told;
    memset(&result, 0, sizeof result);
    zoo_delete_op_init(&op, "/a", -1);
    HOLDS(zoo_create(zh, "/a", "x", 1, OPEN, 0, buffer, len) == code);
    HOLDS(zoo_create2(zh, "/a", "x", 1, OPEN, 0, buffer, len, &stat) == code);
    HOLDS(zoo_create_ttl(zh, "/a", "x", 1, OPEN, 0, -1, buffer, len) == code);
    HOLDS(zoo_create2_ttl(zh, "/a", "x", 1, OPEN, 0, -1, buffer, len, &stat) == code);
    HOLDS(zoo_delete(zh, "/a", -1) == code);
    HOLDS(zoo_exists(zh, "/a", 1, &stat) == code);
    HOLDS(zoo_wexists(zh, "/a", NULL, NULL, &stat) == code);
    HOLDS(zoo_get(zh, "/a", 1, buffer, &len, &stat) == code);
    HOLDS(zoo_wget(zh, "/a", NULL, NULL, buffer, &len, &stat) == code);
    HOLDS(zoo_getconfig(zh, 1, buffer, &len, &stat) == code);
    HOLDS(zoo_wgetconfig(zh, NULL, NULL, buffer, &len, &stat) == code);
    HOLDS(zoo_reconfig(zh, NULL, NULL, NULL, -1, buffer, &len, &stat) == code);
    HOLDS(zoo_set(zh, "/a", "x", 1, -1) == code);
    HOLDS(zoo_set2(zh, "/a", "x", 1, -1, &stat) == code);
    HOLDS(zoo_get_children(zh, "/a", 1, &strings) == code);
    HOLDS(zoo_wget_children(zh, "/a", NULL, NULL, &strings) == code);
    HOLDS(zoo_get_children2(zh, "/a", 1, &strings, &stat) == code);
    HOLDS(zoo_wget_children2(zh, "/a", NULL, NULL, &strings, &stat) == code);
    HOLDS(zoo_get_acl(zh, "/a", &acl, &stat) == code);
    HOLDS(zoo_set_acl(zh, "/a", -1, OPEN) == code);
    HOLDS(zoo_multi(zh, 1, &op, &result) == code);
    HOLDS(zoo_remove_watches(zh, "/a", ZWATCHTYPE_ANY, NULL, NULL, 0) == code);
    HOLDS(zoo_remove_all_watches(zh, "/a", ZWATCHTYPE_ANY, 0) == code);
    HOLDS(zoo_acreate(zh, "/a", "x", 1, OPEN, 0, on_string, NULL) == code);
    HOLDS(zoo_adelete(zh, "/a", -1, on_void, NULL) == code);
    HOLDS(zoo_aexists(zh, "/a", 1, on_stat, NULL) == code);
    HOLDS(zoo_aget(zh, "/a", 1, on_data, NULL) == code);
    HOLDS(zoo_aset(zh, "/a", "x", 1, -1, on_stat, NULL) == code);
    HOLDS(zoo_aget_children(zh, "/a", 1, on_strings, NULL) == code);
    HOLDS(zoo_async(zh, "/a", on_string, NULL) == code);
    HOLDS(zoo_aget_acl(zh, "/a", on_acl, NULL) == code);
    HOLDS(zoo_aset_acl(zh, "/a", -1, OPEN, on_void, NULL) == code);
    HOLDS(zoo_amulti(zh, 1, &op, &result, on_void, NULL) == code);
    HOLDS(zoo_agetconfig(zh, 1, on_data, NULL) == code);
    HOLDS(zoo_areconfig(zh, NULL, NULL, NULL, -1, on_data, NULL) == code);
    HOLDS(zoo_add_auth(zh, "digest", "a:b", 3, on_void, NULL) == code);
    HOLDS(zoo_set_servers(zh, "127.0.0.1:1") == code);
    HOLDS(zoo_set_servers_resolution_delay(zh, 1) == code);
    HOLDS(zoo_state(zh) == 0);
    HOLDS(is_unrecoverable(zh) == ZINVALIDSTATE);
    HOLDS(zoo_client_id(zh) != NULL && zoo_client_id(zh)->client_id == 0);
    HOLDS(zoo_recv_timeout(zh) == 0);
    HOLDS(zoo_get_context(zh) == NULL);
    HOLDS(zoo_set_watcher(zh, NULL) == NULL);
    HOLDS(zoo_get_log_callback(zh) == NULL);
    HOLDS(zookeeper_get_connected_host(zh, (struct sockaddr *)&address, &address_len) == NULL);
    HOLDS(strlen(zoo_get_current_server(zh)) == 0);
    zoo_set_context(zh, buffer);
    zoo_set_log_callback(zh, NULL);
    zoo_cycle_next_server(zh);
    HOLDS(zookeeper_close(zh) == code);
    HOLDS(told == before);
}

static void handles_that_are_none(void) {
    static const unsigned long wild[] = {1, 8, 16, 4096, 0xdeadbeefUL, 0x7fffffffffffUL, ~0UL, ~0UL << 4};
    char on_stack[64];
    size_t at;
    zhandle_t *zh = open_session(NULL, NULL);
    every_call_gives(NULL, ZBADARGUMENTS);
    for (at = 0; at < sizeof wild / sizeof *wild; at++) every_call_gives((zhandle_t *)wild[at], ZBADARGUMENTS);
    every_call_gives((zhandle_t *)on_stack, ZBADARGUMENTS);
    HOLDS(zookeeper_close(zh) == ZOK);
    every_call_gives(zh, ZINVALIDSTATE);
}

static void arguments_that_make_no_sense(void) {
    static const char *bad_paths[] = {NULL, "", "a", "//", "/a/", "/a//b", "/./a", "/a/..", "/a\x01", "/\xff\xfe", "/\xc3"};
    static const char *bad_hosts[] = {NULL, "", ",", "a", "a:", "a:0", "a:99999", "a:1,b", ":1", "a:1/x//y", "a:1/x/", "\xff:1"};
    char buffer[8];
    struct Stat stat;
    struct String_vector strings;
    struct ACL_vector acl = {3, NULL};
    int len = sizeof buffer;
    size_t at;
    zhandle_t *zh = open_session(NULL, NULL);
    for (at = 0; at < sizeof bad_paths / sizeof *bad_paths; at++) {
        const char *path = bad_paths[at];
        len = sizeof buffer;
        HOLDS(zoo_create(zh, path, "x", 1, OPEN, 0, NULL, 0) == ZBADARGUMENTS);
        HOLDS(zoo_delete(zh, path, -1) == ZBADARGUMENTS);
        HOLDS(zoo_exists(zh, path, 0, &stat) == ZBADARGUMENTS);
        HOLDS(zoo_get(zh, path, 0, buffer, &len, &stat) == ZBADARGUMENTS);
        HOLDS(zoo_set(zh, path, "x", 1, -1) == ZBADARGUMENTS);
        HOLDS(zoo_get_children(zh, path, 0, &strings) == ZBADARGUMENTS);
        HOLDS(zoo_get_acl(zh, path, &acl, &stat) == ZBADARGUMENTS);
        HOLDS(zoo_set_acl(zh, path, -1, OPEN) == ZBADARGUMENTS);
        HOLDS(zoo_async(zh, path, on_string, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_remove_all_watches(zh, path, ZWATCHTYPE_ANY, 0) == ZBADARGUMENTS);
    }
    for (at = 0; at < sizeof bad_hosts / sizeof *bad_hosts; at++) {
        errno = 0;
        HOLDS(zookeeper_init(bad_hosts[at], NULL, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV) == NULL && errno == EINVAL);
        HOLDS(zoo_set_servers(zh, bad_hosts[at]) == ZBADARGUMENTS);
    }
    acl.count = 3;
    acl.data = NULL;
    HOLDS(zoo_set_acl(zh, "/", -1, &acl) == ZBADARGUMENTS);
    acl.count = -1;
    HOLDS(zoo_create(zh, "/a", "x", 1, &acl, 0, NULL, 0) == ZBADARGUMENTS);
    HOLDS(zoo_set_acl(zh, "/", -1, NULL) == ZINVALIDACL);
    HOLDS(zoo_create(zh, "/a", NULL, 5, OPEN, 0, NULL, 0) == ZBADARGUMENTS);
    HOLDS(zoo_create(zh, "/a", "x", -2, OPEN, 0, NULL, 0) == ZBADARGUMENTS);
    HOLDS(zoo_set(zh, "/", NULL, 5, -1) == ZBADARGUMENTS);
    len = 5;
    HOLDS(zoo_get(zh, "/", 0, NULL, &len, &stat) == ZBADARGUMENTS);
    HOLDS(zoo_get(zh, "/", 0, buffer, NULL, &stat) == ZBADARGUMENTS);
    len = -7;
    HOLDS(zoo_get(zh, "/zookeeper", 0, buffer, &len, NULL) == ZOK);
    len = 0;
    HOLDS(zoo_get(zh, "/zookeeper", 0, NULL, &len, NULL) == ZOK);
    HOLDS(zoo_multi(zh, -1, NULL, NULL) == ZBADARGUMENTS);
    HOLDS(zoo_multi(zh, 1, NULL, NULL) == ZBADARGUMENTS);
    HOLDS(zoo_multi(zh, 0, NULL, NULL) == ZOK);
    HOLDS(zoo_remove_watches(zh, "/", (ZooWatcherType)9, NULL, NULL, 0) == ZBADARGUMENTS);
    HOLDS(zoo_add_auth(zh, "digest", NULL, 5, NULL, NULL) == ZOK);
    /* Nobody wants to be told: that is no reason to crash. */
    HOLDS(zoo_aget(zh, "/", 0, NULL, NULL) == ZOK);
    HOLDS(zoo_adelete(zh, "/nothing", -1, NULL, NULL) == ZOK);
    HOLDS(zoo_get_children2(zh, "/", 0, NULL, NULL) == ZOK);
    HOLDS(zoo_exists(zh, "/", 0, NULL) == ZOK);
    /* An answer to "digest" without a password may end the session; a closed one is closed all the same. */
    HOLDS(zookeeper_close(zh) == ZOK);
    zoo_create_op_init(NULL, "/a", NULL, 0, NULL, 0, NULL, 0);
    zoo_delete_op_init(NULL, "/a", 0);
    zoo_set_op_init(NULL, "/a", NULL, 0, 0, NULL);
    zoo_check_op_init(NULL, "/a", 0);
    deallocate_String_vector(NULL);
    deallocate_ACL_vector(NULL);
    HOLDS(zookeeper_init_ssl(server, "/no/such/file,b,c,d", NULL, 6000, NULL, NULL, 0) == NULL && errno == EINVAL);
    HOLDS(zookeeper_init_ssl(server, ",,,", NULL, 6000, NULL, NULL, 0) == NULL && errno == EINVAL);
    HOLDS(zookeeper_init_ssl(server, NULL, NULL, 6000, NULL, NULL, 0) == NULL && errno == EINVAL);
}

static void data_longer_than_the_buffer(void) {
    static char big[500000];
    char small[100];
    char guard[16];
    char path[4];
    struct Stat stat;
    int len = sizeof small;
    zhandle_t *zh = open_session(NULL, NULL);
    memset(big, 'b', sizeof big);
    memset(guard, 'g', sizeof guard);
    memset(path, 'p', sizeof path);
    zoo_delete(zh, "/safety-big", -1);
    HOLDS(zoo_create(zh, "/safety-big", big, sizeof big, OPEN, 0, path, 3) == ZOK);
    HOLDS(memcmp(path, "/s\0p", 4) == 0);
    HOLDS(zoo_get(zh, "/safety-big", 0, small, &len, &stat) == ZOK);
    HOLDS(len == sizeof small && stat.dataLength == sizeof big && small[99] == 'b');
    len = 8;
    HOLDS(zoo_get(zh, "/safety-big", 0, guard, &len, &stat) == ZOK && len == 8 && guard[8] == 'g');
    HOLDS(zoo_delete(zh, "/safety-big", -1) == ZOK);
    HOLDS(zookeeper_close(zh) == ZOK);
}

/* Makes the session's socket take little at a time. */
static void narrow(zhandle_t *zh) {
    struct sockaddr_storage wanted, address;
    socklen_t len = sizeof wanted;
    int fd, size = 4096;
    memset(&wanted, 0, sizeof wanted);
    HOLDS(zookeeper_get_connected_host(zh, (struct sockaddr *)&wanted, &len) != NULL);
    for (fd = 3; fd < 256; fd++) {
        socklen_t its = sizeof address;
        memset(&address, 0, sizeof address);
        if (getpeername(fd, (struct sockaddr *)&address, &its) == 0 && memcmp(&wanted, &address, 8) == 0)
            HOLDS(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    }
}

/* What the caller's own write leaves over is sent all the same: the thread that sends is asleep, and the next ping far. */
static void more_than_the_socket_takes(void) {
    static char big[1000000];
    time_t began;
    int round;
    zhandle_t *zh = zookeeper_init(server, NULL, 60000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    wait_state(zh, ZOO_CONNECTED_STATE);
    memset(big, 'b', sizeof big);
    zoo_delete(zh, "/safety-full", -1);
    HOLDS(zoo_create(zh, "/safety-full", NULL, -1, OPEN, 0, NULL, 0) == ZOK);
    narrow(zh);
    began = time(NULL);
    for (round = 0; round < 5; round++) {
        HOLDS(zoo_set(zh, "/safety-full", big, sizeof big, -1) == ZOK);
        told = 0;
        HOLDS(zoo_aset(zh, "/safety-full", big, sizeof big, -1, on_stat, NULL) == ZOK);
        wait_told(1);
        HOLDS(told_rc == ZOK);
    }
    HOLDS(time(NULL) - began < 18);
    HOLDS(zoo_delete(zh, "/safety-full", -1) == ZOK);
    HOLDS(zookeeper_close(zh) == ZOK);
}

static void on_event_close(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)path;
    (void)context;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) {
        told_rc = zookeeper_close(zh);
        HOLDS(zookeeper_close(zh) == ZINVALIDSTATE);
        __sync_fetch_and_add(&told, 1);
    }
}

static void on_stat_call(int rc, const struct Stat *stat, const void *data) {
    zhandle_t *zh = (zhandle_t *)data;
    struct Stat own;
    (void)rc;
    (void)stat;
    HOLDS(zoo_exists(zh, "/", 0, &own) == ZOK);
    HOLDS(zookeeper_close(zh) == ZOK);
    HOLDS(zoo_exists(zh, "/", 0, &own) == ZCLOSING);
    __sync_fetch_and_add(&told, 1);
}

static void closing_from_inside(void) {
    zhandle_t *zh;
    int round;
    for (round = 0; round < 20; round++) {
        told = 0;
        zh = zookeeper_init(server, on_event_close, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
        HOLDS(zh != NULL);
        wait_told(1);
        HOLDS(told_rc == ZOK);
        told = 0;
        zh = open_session(NULL, NULL);
        HOLDS(zoo_aexists(zh, "/", 0, on_stat_call, zh) == ZOK);
        HOLDS(zoo_aget(zh, "/", 0, on_data, NULL) == ZOK || 1);
        wait_told(1);
    }
}

static void *run_calls(void *data) {
    zhandle_t *zh = (zhandle_t *)data;
    struct Stat stat;
    int rc = ZOK;
    while (rc == ZOK) rc = zoo_exists(zh, "/", 0, &stat);
    HOLDS(rc == ZCLOSING || rc == ZINVALIDSTATE);
    return NULL;
}

static void *run_close(void *data) {
    int rc = zookeeper_close((zhandle_t *)data);
    HOLDS(rc == ZOK || rc == ZINVALIDSTATE);
    if (rc == ZOK) __sync_fetch_and_add(&told, 1);
    return NULL;
}

static void concurrent_close(void) {
    pthread_t threads[12];
    int round, at;
    for (round = 0; round < 20; round++) {
        zhandle_t *zh = open_session(NULL, NULL);
        told = 0;
        for (at = 0; at < 6; at++) pthread_create(&threads[at], NULL, run_calls, zh);
        usleep(5000);
        for (; at < 12; at++) pthread_create(&threads[at], NULL, run_close, zh);
        for (at = 0; at < 12; at++) pthread_join(threads[at], NULL);
        HOLDS(told == 1);
    }
}

static void forked(void) {
    struct Stat stat;
    int status, round;
    for (round = 0; round < 5; round++) {
        zhandle_t *zh = open_session(NULL, NULL);
        zhandle_t *own;
        pthread_t busy;
        pid_t child;
        /* A thread of the parent's is in the library while it forks. */
        pthread_create(&busy, NULL, run_calls, zh);
        usleep(2000);
        child = fork();
        HOLDS(child >= 0);
        if (child == 0) {
            alarm(30);
            HOLDS(zoo_exists(zh, "/", 0, &stat) == ZINVALIDSTATE);
            HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZINVALIDSTATE);
            HOLDS(zoo_state(zh) == 0);
            HOLDS(zookeeper_close(zh) == ZOK);
            HOLDS(zookeeper_close(zh) == ZINVALIDSTATE);
            own = open_session(NULL, NULL);
            HOLDS(zoo_exists(own, "/", 0, &stat) == ZOK);
            HOLDS(zookeeper_close(own) == ZOK);
            /* Another program, so that no memory checker looks for what the parent's threads held. */
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        HOLDS(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        HOLDS(zoo_exists(zh, "/", 0, &stat) == ZOK);
        HOLDS(zookeeper_close(zh) == ZOK);
        pthread_join(busy, NULL);
    }
}

static zhandle_t *logged;

static void on_line(const char *message) {
    struct Stat stat;
    (void)message;
    /* A synchronous call on the thread that would have to answer it. */
    if (logged != NULL && zoo_state(logged) == ZOO_CONNECTED_STATE) {
        int rc = zoo_exists(logged, "/", 0, &stat);
        HOLDS(rc == ZOK || rc == ZINVALIDSTATE || rc == ZCLOSING);
        __sync_fetch_and_add(&told, 1);
    }
}

/* Completions that free what they are given, as some programs do; the library frees it after them. */
static void on_acl_free(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data) {
    HOLDS(deallocate_ACL_vector(acl) == 0);
    on_acl(rc, acl, stat, data);
}

static void on_strings_free(int rc, const struct String_vector *strings, const void *data) {
    struct String_vector *mine;
    memcpy(&mine, &strings, sizeof mine);
    HOLDS(deallocate_String_vector(mine) == 0);
    on_strings(rc, strings, data);
}

static void completions_that_free(void) {
    zhandle_t *zh = open_session(NULL, NULL);
    told = 0;
    HOLDS(zoo_aget_acl(zh, "/", on_acl_free, NULL) == ZOK);
    HOLDS(zoo_aget_children(zh, "/", 0, on_strings_free, NULL) == ZOK);
    wait_told(2);
    HOLDS(zookeeper_close(zh) == ZOK);
}

static void calls_from_a_log_callback(void) {
    struct Stat stat;
    told = 0;
    zoo_set_debug_level(ZOO_LOG_LEVEL_INFO);
    logged = zookeeper_init2(server, NULL, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV, on_line);
    wait_state(logged, ZOO_CONNECTED_STATE);
    HOLDS(zoo_exists(logged, "/", 0, &stat) == ZOK);
    HOLDS(zookeeper_close(logged) == ZOK);
    logged = NULL;
    zoo_set_debug_level((ZooLogLevel)0);
}

/* The original ends the program when the answer comes. */
static void container_in_a_multi(void) {
    char path[32] = "";
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    zhandle_t *zh = open_session(NULL, NULL);
    memset(results, 0, sizeof results);
    zoo_create_op_init(&ops[0], "/safety-box", NULL, -1, OPEN, ZOO_CONTAINER, path, sizeof path);
    zoo_delete_op_init(&ops[1], "/safety-box", -1);
    HOLDS(zoo_multi(zh, 2, ops, results) == ZOK);
    HOLDS(results[0].err == ZOK && results[1].err == ZOK && strcmp(path, "/safety-box") == 0);
    HOLDS(zookeeper_close(zh) == ZOK);
}

static void requests_without_a_server(void) {
    struct Stat stat;
    zhandle_t *zh = zookeeper_init("127.0.0.1:1", NULL, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    HOLDS(zh != NULL);
    HOLDS(zoo_exists(zh, "/", 0, &stat) == ZCONNECTIONLOSS);
    told = 0;
    HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZOK);
    HOLDS(zoo_remove_all_watches(zh, "/", ZWATCHTYPE_ANY, 0) == ZCONNECTIONLOSS);
    HOLDS(zoo_remove_all_watches(zh, "/", ZWATCHTYPE_ANY, 1) == ZNOWATCHER);
    HOLDS(zookeeper_close(zh) == ZOK);
    HOLDS(told == 1 && (told_rc == ZCLOSING || told_rc == ZCONNECTIONLOSS));
}

int main(int argc, char **argv) {
    if (argc < 2) return 64;
    server = argv[1];
    alarm(300);
    zoo_set_debug_level((ZooLogLevel)0);
    handles_that_are_none();
    arguments_that_make_no_sense();
    data_longer_than_the_buffer();
    more_than_the_socket_takes();
    closing_from_inside();
    concurrent_close();
    /* Some checkers of threads forbid threads in a child. */
    if (argc == 2) forked();
    completions_that_free();
    calls_from_a_log_callback();
    container_in_a_multi();
    requests_without_a_server();
    puts("all held");
    return 0;
}
