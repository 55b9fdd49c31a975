/* multi: results, rooms and codes of each operation, in success and in failure; and who one is. */
#include "every.h"

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)
#define COUNT 5

struct rooms {
    zoo_op_t ops[COUNT];
    zoo_op_result_t results[COUNT];
    char path[2][32];
    struct Stat stat;
};

static void prepare(struct rooms *rooms, int version) {
    memset(rooms, 0, sizeof *rooms);
    zoo_create_op_init(&rooms->ops[0], ROOT "/a", "1", 1, OPEN, 0, rooms->path[0], sizeof rooms->path[0]);
    zoo_create_op_init(&rooms->ops[1], ROOT "/b", NULL, -1, OPEN, ZOO_EPHEMERAL, rooms->path[1], 7);
    zoo_set_op_init(&rooms->ops[2], ROOT "/a", "22", 2, version, &rooms->stat);
    zoo_check_op_init(&rooms->ops[3], ROOT "/a", 1);
    zoo_delete_op_init(&rooms->ops[4], ROOT "/b", -1);
}

static void tell(const char *what, int rc, const struct rooms *rooms) {
    int at;
    say("%s: %d", what, rc);
    for (at = 0; at < COUNT; at++)
        say("  %d: err %d value %s stat %s", at, rooms->results[at].err,
            rooms->results[at].value ? rooms->results[at].value : "(null)",
            rooms->results[at].stat ? "given" : "(null)");
    say("  paths %s %s length %d", rooms->path[0], rooms->path[1], rooms->stat.dataLength);
}

void multis(void) {
    struct rooms rooms;
    zoo_op_t odd;
    zoo_op_result_t result;
    int rc;
    zhandle_t *zh = connect_to(server(), on_quiet, NULL);
    say("create %d", zoo_create(zh, ROOT, NULL, -1, OPEN, 0, NULL, 0));
    prepare(&rooms, 0);
    tell("multi", zoo_multi(zh, COUNT, rooms.ops, rooms.results), &rooms);
    prepare(&rooms, 0);
    tell("multi that exists", zoo_multi(zh, COUNT, rooms.ops, rooms.results), &rooms);
    zoo_delete(zh, ROOT "/a", -1);
    prepare(&rooms, 3);
    tell("multi of a bad version", zoo_multi(zh, COUNT, rooms.ops, rooms.results), &rooms);
    prepare(&rooms, 0);
    reset_callbacks();
    rc = zoo_amulti(zh, COUNT, rooms.ops, rooms.results, on_void, "amulti");
    expect_callbacks(1);
    say("amulti %d", rc);
    tell("amulti", ZOK, &rooms);
    prepare(&rooms, 0);
    rc = zoo_amulti(zh, COUNT, rooms.ops, rooms.results, on_void, "amulti that fails");
    expect_callbacks(1);
    say("amulti %d", rc);
    tell("amulti that fails", ZOK, &rooms);
    say("nothing %d", zoo_multi(zh, 0, rooms.ops, rooms.results));
    memset(&result, 0, sizeof result);
    zoo_delete_op_init(&odd, "bad", -1);
    say("bad path %d", zoo_multi(zh, 1, &odd, &result));
    zoo_delete_op_init(&odd, ROOT "/nothing", -1);
    say("delete nothing %d %d", zoo_multi(zh, 1, &odd, &result), result.err);
    zoo_check_op_init(&odd, ROOT, 7);
    say("check %d %d", zoo_multi(zh, 1, &odd, &result), result.err);
    zoo_create2_op_init(&odd, ROOT "/two", NULL, -1, OPEN, 0, NULL, 0);
    say("create2 %d", zoo_multi(zh, 1, &odd, &result));
    odd.type = 77;
    say("unknown %d", zoo_multi(zh, 1, &odd, &result));
    zoo_delete(zh, ROOT "/a", -1);
    say("delete %d", zoo_delete(zh, ROOT, -1));
    say("close %d", zookeeper_close(zh));
}

/* Said when the completion has come: which of the two would be first else is a race. */
static void log_in(zhandle_t *zh) {
    int rc = zoo_add_auth(zh, "digest", "me:secret", 9, on_void, "auth");
    expect_callbacks(1);
    say("auth %d", rc);
}

void identities(void) {
    char path[64];
    zhandle_t *zh = connect_to(server(), on_quiet, NULL);
    reset_callbacks();
    say("creator without identity %d", zoo_create(zh, ROOT, NULL, -1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
    log_in(zh);
    say("auth without completion %d", zoo_add_auth(zh, "digest", "also:me", 7, NULL, NULL));
    say("auth without scheme %d", zoo_add_auth(zh, NULL, "me:secret", 9, on_void, "never"));
    say("creator %d", zoo_create(zh, ROOT, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, path, sizeof path));
    zoo_aget_acl(zh, ROOT, on_acl, "acl");
    expect_callbacks(1);
    say("set %d", zoo_set(zh, ROOT, "y", 1, -1));
    say("close %d", zookeeper_close(zh));
    zh = connect_to(server(), on_quiet, NULL);
    say("another reads %d", zoo_set(zh, ROOT, "z", 1, -1));
    zoo_aget_acl(zh, ROOT, on_acl, "acl");
    expect_callbacks(1);
    log_in(zh);
    say("delete %d", zoo_delete(zh, ROOT, -1));
    say("close %d", zookeeper_close(zh));
}
