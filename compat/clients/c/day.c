/* One day of a C user of libzookeeper_mt. The lines it speaks are told at the head of ../run.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static const char *hosts;
static char failure[512];
static volatile int expired, events, changed;
static char last_event[128];
static char seen_events[512];

static void state_changed(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh; (void)path; (void)context;
    if (type == ZOO_SESSION_EVENT && state == ZOO_EXPIRED_SESSION_STATE)
        expired = 1;
}

static void seen(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh; (void)state; (void)context;
    if (type == ZOO_SESSION_EVENT)
        return;
    snprintf(last_event, sizeof last_event, "%d %s", type, path);
    strncat(seen_events, last_event, sizeof seen_events - strlen(seen_events) - 1);
    strncat(seen_events, ";", sizeof seen_events - strlen(seen_events) - 1);
    if (type == ZOO_CHANGED_EVENT && strcmp(path, "/watched") == 0)
        changed++;
    events++;
}

/* Notes the first failure of a step. */
static int want(int got, int wanted, const char *what)
{
    if (got != wanted && failure[0] == 0)
        snprintf(failure, sizeof failure, "%s: %s (%d), wanted %s", what, zerror(got), got, zerror(wanted));
    return got == wanted;
}

static int holds(int condition, const char *what)
{
    if (!condition && failure[0] == 0)
        snprintf(failure, sizeof failure, "%s", what);
    return condition;
}

static void step_ends(const char *name)
{
    if (failure[0])
        printf("not ok %s %s\n", name, failure);
    else
        printf("ok %s\n", name);
    failure[0] = 0;
}

static void ask(const char *what)
{
    char line[16] = "";
    printf("do %s\n", what);
    holds(fgets(line, sizeof line, stdin) && strcmp(line, "done\n") == 0, "the runner could not");
}

static void wait_until(volatile int *what, int value, const char *name)
{
    for (int i = 0; i < 1500 && *what < value; i++)
        usleep(20000);
    holds(*what >= value, name);
}

static zhandle_t *connect_client(void)
{
    zhandle_t *zh = zookeeper_init(hosts, state_changed, 4000, NULL, NULL, 0);
    for (int i = 0; zh && i < 1000 && zoo_state(zh) != ZOO_CONNECTED_STATE; i++)
        usleep(20000);
    holds(zh && zoo_state(zh) == ZOO_CONNECTED_STATE, "not connected after 20 s");
    return zh;
}

static int make(zhandle_t *zh, const char *path, int flags, char *made, int size)
{
    return zoo_create(zh, path, "one", 3, &ZOO_OPEN_ACL_UNSAFE, flags, made, size);
}

static void crud(zhandle_t *zh)
{
    char path[64], data[16];
    int size = sizeof data;
    struct Stat stat;
    struct String_vector children;
    want(make(zh, "/day", 0, path, sizeof path), ZOK, "create");
    want(make(zh, "/day", 0, path, sizeof path), ZNODEEXISTS, "create again");
    want(zoo_get(zh, "/day", 0, data, &size, &stat), ZOK, "get");
    printf("saw data %.*s %d %d %d\n", size, data, stat.version, stat.dataLength, stat.numChildren);
    want(zoo_set(zh, "/day", "two", 3, 0), ZOK, "set");
    want(zoo_set(zh, "/day", "x", 1, 0), ZBADVERSION, "set with an old version");
    want(make(zh, "/day/a", 0, path, sizeof path), ZOK, "create a child");
    want(zoo_delete(zh, "/day", -1), ZNOTEMPTY, "delete a parent");
    want(zoo_get_children(zh, "/day", 0, &children), ZOK, "children");
    printf("saw children %d %s\n", children.count, children.data[0]);
    deallocate_String_vector(&children);
    want(zoo_delete(zh, "/day/a", 0), ZOK, "delete");
    want(zoo_delete(zh, "/day", -1), ZOK, "delete");
    want(zoo_exists(zh, "/day", 0, &stat), ZNONODE, "exists");
    want(make(zh, "/later", 0, path, sizeof path), ZOK, "create");
    printf("saw container %s\n", zerror(make(zh, "/later/container", ZOO_CONTAINER, path, sizeof path)));
    printf("saw ttl %s\n", zerror(zoo_create_ttl(zh, "/ttl", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 60000, path, sizeof path)));
    step_ends("crud");
}

static void watch(zhandle_t *zh, zhandle_t *other)
{
    char path[64], data[16];
    int size = sizeof data;
    struct Stat stat;
    struct String_vector children;
    want(make(zh, "/watched", 0, path, sizeof path), ZOK, "create");
    want(zoo_wget(zh, "/watched", seen, NULL, data, &size, &stat), ZOK, "get");
    want(zoo_wget_children(zh, "/watched", seen, NULL, &children), ZOK, "children");
    want(zoo_wexists(zh, "/absent", seen, NULL, &stat), ZNONODE, "exists");
    want(zoo_set(other, "/watched", "1", 1, -1), ZOK, "set");
    want(make(other, "/watched/a", 0, path, sizeof path), ZOK, "create");
    want(make(other, "/absent", 0, path, sizeof path), ZOK, "create");
    wait_until(&events, 3, "three events");
    printf("saw events %s\n", seen_events);
    want(zoo_wget(zh, "/watched", seen, NULL, data, &size, &stat), ZOK, "get");
    want(zoo_remove_watches(zh, "/watched", ZWATCHTYPE_ANY, seen, NULL, 0), ZOK, "remove watches");
    step_ends("watch");
}

static void ephemerals(zhandle_t *zh, zhandle_t *other)
{
    char path[64];
    struct Stat stat;
    want(make(zh, "/seq-", ZOO_EPHEMERAL | ZOO_SEQUENCE, path, sizeof path), ZOK, "create");
    printf("saw sequence %s\n", path);
    want(zoo_exists(other, path, 0, &stat), ZOK, "exists");
    holds(stat.ephemeralOwner == zoo_client_id(zh)->client_id, "another owner");
    zhandle_t *third = connect_client();
    want(make(third, "/gone", ZOO_EPHEMERAL, path, sizeof path), ZOK, "create");
    want(zookeeper_close(third), ZOK, "close");
    want(zoo_exists(other, "/gone", 0, &stat), ZNONODE, "an ephemeral of a closed session");
    step_ends("ephemeral_and_sequence");
}

static void transaction(zhandle_t *zh)
{
    char path[64];
    struct Stat stat;
    zoo_op_t ops[3];
    zoo_op_result_t results[3];
    zoo_create_op_init(&ops[0], "/multi", "m", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
    zoo_check_op_init(&ops[1], "/multi", 0);
    zoo_set_op_init(&ops[2], "/multi", "n", 1, 0, &stat);
    want(zoo_multi(zh, 3, ops, results), ZOK, "multi");
    printf("saw multi %s %d\n", path, stat.version);
    zoo_create_op_init(&ops[0], "/multi/x", "m", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
    zoo_delete_op_init(&ops[1], "/multi", 9);
    zoo_check_op_init(&ops[2], "/multi", 0);
    want(zoo_multi(zh, 3, ops, results), ZBADVERSION, "multi with a wrong version");
    printf("saw multi_errors %d %d %d\n", results[0].err, results[1].err, results[2].err);
    want(zoo_exists(zh, "/multi/x", 0, &stat), ZNONODE, "half a multi");
    step_ends("transaction");
}

static void restart(zhandle_t *zh, zhandle_t *other)
{
    char path[64], data[16];
    int size = sizeof data, result = ZCONNECTIONLOSS;
    struct Stat stat;
    int changed_before = changed;
    int64_t session = zoo_client_id(zh)->client_id;
    want(make(zh, "/survivor", ZOO_EPHEMERAL, path, sizeof path), ZOK, "create");
    want(zoo_wget(zh, "/watched", seen, NULL, data, &size, &stat), ZOK, "get");
    ask("restart");
    for (int i = 0; i < 1000 && result != ZOK; i++, usleep(20000))
        result = zoo_exists(zh, "/survivor", 0, &stat);
    want(result, ZOK, "the ephemeral after the restart");
    holds(stat.ephemeralOwner == session && zoo_client_id(zh)->client_id == session, "another session");
    for (int i = 0; i < 1000 && zoo_set(other, "/watched", "after", 5, -1) != ZOK; i++)
        usleep(20000);
    wait_until(&changed, changed_before + 1, "the event after the restart");
    step_ends("restart_keeps_session");
}

static void expiry(zhandle_t *zh)
{
    char path[64];
    struct Stat stat;
    want(make(zh, "/mortal", ZOO_EPHEMERAL, path, sizeof path), ZOK, "create");
    expired = 0;
    ask("expire");
    wait_until(&expired, 1, "the news of the expiry");
    zhandle_t *next = connect_client();
    want(zoo_exists(next, "/mortal", 0, &stat), ZNONODE, "an ephemeral of an expired session");
    zookeeper_close(next);
    step_ends("session_expiry");
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    hosts = arguments[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zhandle_t *zh = connect_client(), *other = connect_client();
    printf("saw timeout_ms %d\n", zoo_recv_timeout(zh));
    step_ends("connect");
    crud(zh);
    watch(zh, other);
    ephemerals(zh, other);
    transaction(zh);
    restart(zh, other);
    expiry(zh);
    return 0;
}
