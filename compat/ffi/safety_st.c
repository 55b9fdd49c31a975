/*
 * The same as safety.c for libzookeeper_st, whose calls are made by a loop of the program's: what crashes or hangs elsewhere must be
 * an error code.
 *
 *   safety_st host:port
 *
 * Ends with 0 and "all held", or with the first that did not. An alarm ends it when something hangs.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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
static int told;
static int told_rc;
static int told_len;

static int turn(zhandle_t *zh) {
    struct pollfd waiting = {-1, POLLIN, 0};
    struct timeval tv;
    int interest = 0;
    int rc = zookeeper_interest(zh, &waiting.fd, &interest, &tv);
    if (rc == ZINVALIDSTATE || rc == ZBADARGUMENTS) return rc;
    if (interest & ZOOKEEPER_WRITE) waiting.events |= POLLOUT;
    poll(&waiting, 1, 20);
    return zookeeper_process(zh, (waiting.revents & POLLIN ? ZOOKEEPER_READ : 0) | ZOOKEEPER_WRITE);
}

static void turn_until_told(zhandle_t *zh, int count) {
    int turns;
    for (turns = 0; turns < 1000 && told < count; turns++) turn(zh);
    HOLDS(told == count);
}

static zhandle_t *open_session(watcher_fn watcher, void *context) {
    int turns;
    zhandle_t *zh = zookeeper_init(server, watcher, 6000, NULL, context, ZOO_NO_LOG_CLIENTENV);
    HOLDS(zh != NULL);
    for (turns = 0; turns < 1000 && zoo_state(zh) != ZOO_CONNECTED_STATE; turns++) turn(zh);
    HOLDS(zoo_state(zh) == ZOO_CONNECTED_STATE);
    told = 0;
    return zh;
}

static void on_void(int rc, const void *data) {
    (void)data;
    told_rc = rc;
    told++;
}
static void on_stat(int rc, const struct Stat *stat, const void *data) {
    (void)stat;
    on_void(rc, data);
}
static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    (void)stat;
    told_len = len;
    if (rc == ZOK && len > 0) HOLDS(value[0] == value[len - 1]);
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
    struct timeval tv;
    struct sockaddr_storage address;
    socklen_t address_len = sizeof address;
    zoo_op_t op;
    zoo_op_result_t result;
    int fd, interest, before = told;
    memset(&result, 0, sizeof result);
    zoo_delete_op_init(&op, "/a", -1);
    HOLDS(zookeeper_interest(zh, &fd, &interest, &tv) == code);
    HOLDS(zookeeper_process(zh, ZOOKEEPER_READ) == code);
    HOLDS(zoo_acreate(zh, "/a", "x", 1, OPEN, 0, on_string, NULL) == code);
    HOLDS(zoo_adelete(zh, "/a", -1, on_void, NULL) == code);
    HOLDS(zoo_aexists(zh, "/a", 1, on_stat, NULL) == code);
    HOLDS(zoo_awexists(zh, "/a", NULL, NULL, on_stat, NULL) == code);
    HOLDS(zoo_aget(zh, "/a", 1, on_data, NULL) == code);
    HOLDS(zoo_awget(zh, "/a", NULL, NULL, on_data, NULL) == code);
    HOLDS(zoo_aset(zh, "/a", "x", 1, -1, on_stat, NULL) == code);
    HOLDS(zoo_aget_children(zh, "/a", 1, on_strings, NULL) == code);
    HOLDS(zoo_async(zh, "/a", on_string, NULL) == code);
    HOLDS(zoo_aget_acl(zh, "/a", on_acl, NULL) == code);
    HOLDS(zoo_aset_acl(zh, "/a", -1, OPEN, on_void, NULL) == code);
    HOLDS(zoo_amulti(zh, 1, &op, &result, on_void, NULL) == code);
    HOLDS(zoo_agetconfig(zh, 1, on_data, NULL) == code);
    HOLDS(zoo_areconfig(zh, NULL, NULL, NULL, -1, on_data, NULL) == code);
    HOLDS(zoo_aremove_watches(zh, "/a", ZWATCHTYPE_ANY, NULL, NULL, 0, NULL, NULL) == code);
    HOLDS(zoo_aremove_all_watches(zh, "/a", ZWATCHTYPE_ANY, 0, NULL, NULL) == code);
    HOLDS(zoo_add_auth(zh, "digest", "a:b", 3, on_void, NULL) == code);
    HOLDS(zoo_set_servers(zh, "127.0.0.1:1") == code);
    HOLDS(zoo_state(zh) == 0);
    HOLDS(is_unrecoverable(zh) == ZINVALIDSTATE);
    HOLDS(zoo_client_id(zh) != NULL && zoo_client_id(zh)->client_id == 0);
    HOLDS(zoo_recv_timeout(zh) == 0);
    HOLDS(zoo_get_context(zh) == NULL);
    HOLDS(zookeeper_get_connected_host(zh, (struct sockaddr *)&address, &address_len) == NULL);
    HOLDS(strlen(zoo_get_current_server(zh)) == 0);
    zoo_set_context(zh, &tv);
    zoo_cycle_next_server(zh);
    HOLDS(zookeeper_close(zh) == code);
    HOLDS(told == before);
}

static void handles_that_are_none(void) {
    static const unsigned long wild[] = {1, 8, 16, 4096, 0xdeadbeefUL, 0x7fffffffffffUL, ~0UL, ~0UL << 4};
    size_t at;
    zhandle_t *zh = open_session(NULL, NULL);
    every_call_gives(NULL, ZBADARGUMENTS);
    for (at = 0; at < sizeof wild / sizeof *wild; at++) every_call_gives((zhandle_t *)wild[at], ZBADARGUMENTS);
    HOLDS(zookeeper_close(zh) == ZOK);
    every_call_gives(zh, ZINVALIDSTATE);
}

static void arguments_that_make_no_sense(void) {
    static const char *bad_paths[] = {NULL, "", "a", "//", "/a/", "/a//b", "/./a", "/a/..", "/a\x01", "/\xff\xfe", "/\xc3"};
    static const char *bad_hosts[] = {NULL, "", ",", "a", "a:", "a:0", "a:99999", "a:1,b", ":1", "a:1/x//y", "a:1/x/", "\xff:1"};
    struct ACL_vector acl = {3, NULL};
    struct timeval tv;
    size_t at;
    int fd, interest;
    zhandle_t *zh = open_session(NULL, NULL);
    for (at = 0; at < sizeof bad_paths / sizeof *bad_paths; at++) {
        const char *path = bad_paths[at];
        HOLDS(zoo_acreate(zh, path, "x", 1, OPEN, 0, on_string, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_adelete(zh, path, -1, on_void, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_aexists(zh, path, 0, on_stat, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_aget(zh, path, 0, on_data, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_aset(zh, path, "x", 1, -1, on_stat, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_aget_children(zh, path, 0, on_strings, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_aget_acl(zh, path, on_acl, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_async(zh, path, on_string, NULL) == ZBADARGUMENTS);
        HOLDS(zoo_aremove_all_watches(zh, path, ZWATCHTYPE_ANY, 0, NULL, NULL) == ZBADARGUMENTS);
    }
    for (at = 0; at < sizeof bad_hosts / sizeof *bad_hosts; at++) {
        errno = 0;
        HOLDS(zookeeper_init(bad_hosts[at], NULL, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV) == NULL && errno == EINVAL);
        HOLDS(zoo_set_servers(zh, bad_hosts[at]) == ZBADARGUMENTS);
    }
    HOLDS(zoo_aset_acl(zh, "/", -1, &acl, on_void, NULL) == ZBADARGUMENTS);
    HOLDS(zoo_acreate(zh, "/a", NULL, 5, OPEN, 0, on_string, NULL) == ZBADARGUMENTS);
    HOLDS(zoo_aset(zh, "/", "x", -2, -1, on_stat, NULL) == ZBADARGUMENTS);
    HOLDS(zoo_amulti(zh, 1, NULL, NULL, on_void, NULL) == ZBADARGUMENTS);
    HOLDS(zookeeper_interest(zh, NULL, &interest, &tv) == ZBADARGUMENTS);
    HOLDS(zookeeper_interest(zh, &fd, NULL, &tv) == ZBADARGUMENTS);
    HOLDS(zookeeper_interest(zh, &fd, &interest, NULL) == ZBADARGUMENTS);
    HOLDS(told == 0);
    /* Nobody wants to be told: that is no reason to crash. */
    HOLDS(zoo_aget(zh, "/", 0, NULL, NULL) == ZOK);
    HOLDS(zoo_adelete(zh, "/nothing", -1, NULL, NULL) == ZOK);
    HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZOK);
    turn_until_told(zh, 1);
    HOLDS(zookeeper_close(zh) == ZOK);
}

/* More than one read takes in, and more than the socket takes at once. */
static void long_data(void) {
    static char big[1000000];
    int at;
    zhandle_t *zh = open_session(NULL, NULL);
    memset(big, 'b', sizeof big);
    HOLDS(zoo_acreate(zh, "/safety-st", big, sizeof big, OPEN, 0, on_string, NULL) == ZOK);
    for (at = 0; at < 8; at++) HOLDS(zoo_aset(zh, "/safety-st", big, sizeof big, -1, on_stat, NULL) == ZOK);
    for (at = 0; at < 8; at++) HOLDS(zoo_aget(zh, "/safety-st", 0, on_data, NULL) == ZOK);
    HOLDS(zoo_adelete(zh, "/safety-st", -1, on_void, NULL) == ZOK);
    turn_until_told(zh, 18);
    HOLDS(told_len == sizeof big && told_rc == ZOK);
    HOLDS(zookeeper_close(zh) == ZOK);
}

static void on_event_close(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)path;
    (void)context;
    if (type != ZOO_SESSION_EVENT || state != ZOO_CONNECTED_STATE) return;
    HOLDS(zookeeper_close(zh) == ZOK);
    HOLDS(zookeeper_close(zh) == ZINVALIDSTATE);
    HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZCLOSING);
    told++;
}

static void on_stat_close(int rc, const struct Stat *stat, const void *data) {
    zhandle_t *zh = (zhandle_t *)data;
    struct timeval tv;
    int fd, interest;
    (void)rc;
    (void)stat;
    HOLDS(zookeeper_close(zh) == ZOK);
    HOLDS(zookeeper_close(zh) == ZINVALIDSTATE);
    HOLDS(zookeeper_interest(zh, &fd, &interest, &tv) == ZINVALIDSTATE);
    HOLDS(zookeeper_process(zh, ZOOKEEPER_READ) == ZINVALIDSTATE);
    told++;
}

static void closing_from_inside(void) {
    int round, turns;
    zhandle_t *zh;
    for (round = 0; round < 20; round++) {
        told = 0;
        zh = zookeeper_init(server, on_event_close, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
        for (turns = 0; turns < 1000 && told == 0; turns++) turn(zh);
        HOLDS(told == 1);
        every_call_gives(zh, ZINVALIDSTATE);
        zh = open_session(NULL, NULL);
        HOLDS(zoo_aexists(zh, "/", 0, on_stat_close, zh) == ZOK);
        /* These are told that the session closes. */
        HOLDS(zoo_aget(zh, "/", 0, on_data, NULL) == ZOK);
        for (turns = 0; turns < 1000 && told < 2; turns++) turn(zh);
        HOLDS(told == 2);
        every_call_gives(zh, ZINVALIDSTATE);
    }
}

static void *run_close(void *data) {
    int rc = zookeeper_close((zhandle_t *)data);
    HOLDS(rc == ZOK || rc == ZINVALIDSTATE);
    return rc == ZOK ? data : NULL;
}

/* The library makes no threads; a program that has some closes once. */
static void concurrent_close(void) {
    pthread_t threads[6];
    void *won;
    int round, at, winners;
    for (round = 0; round < 20; round++) {
        zhandle_t *zh = open_session(NULL, NULL);
        for (at = 0; at < 6; at++) pthread_create(&threads[at], NULL, run_close, zh);
        for (at = winners = 0; at < 6; at++) {
            pthread_join(threads[at], &won);
            winners += won != NULL;
        }
        HOLDS(winners == 1);
    }
}

static void forked(void) {
    int status, round;
    for (round = 0; round < 5; round++) {
        zhandle_t *zh = open_session(NULL, NULL);
        zhandle_t *own;
        pid_t child = fork();
        HOLDS(child >= 0);
        if (child == 0) {
            alarm(30);
            HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZINVALIDSTATE);
            HOLDS(turn(zh) == ZINVALIDSTATE);
            HOLDS(zoo_state(zh) == 0);
            HOLDS(zookeeper_close(zh) == ZOK);
            HOLDS(zookeeper_close(zh) == ZINVALIDSTATE);
            own = open_session(NULL, NULL);
            HOLDS(zoo_aexists(own, "/", 0, on_stat, NULL) == ZOK);
            turn_until_told(own, 1);
            HOLDS(zookeeper_close(own) == ZOK);
            /* Another program, so that no memory checker looks for what the parent held. */
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        HOLDS(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZOK);
        turn_until_told(zh, 1);
        HOLDS(zookeeper_close(zh) == ZOK);
    }
}

static void requests_without_a_server(void) {
    zhandle_t *zh = zookeeper_init("127.0.0.1:1", NULL, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    HOLDS(zh != NULL);
    told = 0;
    HOLDS(zoo_aexists(zh, "/", 0, on_stat, NULL) == ZOK);
    HOLDS(zookeeper_close(zh) == ZOK);
    HOLDS(told == 1 && (told_rc == ZCLOSING || told_rc == ZCONNECTIONLOSS));
}

int main(int argc, char **argv) {
    if (argc != 2) return 64;
    server = argv[1];
    alarm(300);
    zoo_set_debug_level((ZooLogLevel)0);
    handles_that_are_none();
    arguments_that_make_no_sense();
    long_data();
    closing_from_inside();
    concurrent_close();
    forked();
    requests_without_a_server();
    puts("all held");
    return 0;
}
