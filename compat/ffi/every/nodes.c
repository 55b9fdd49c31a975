/* Every synchronous and asynchronous operation, with success and with each error it is documented to give. */
#include "every.h"

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)
#define SEQUENCE ROOT "/s-"

static void make(zhandle_t *zh, const char *path, const char *value) {
    int rc = zoo_create(zh, path, value, value ? (int)strlen(value) : -1, OPEN, 0, NULL, 0);
    if (rc != ZOK) {
        say("create %s: %d", path, rc);
        fail("make");
    }
}

static void creates(zhandle_t *zh) {
    char path[64] = "untouched";
    struct Stat stat;
    struct ACL_vector none = {0, NULL};
    struct ACL bad_entry = {31, {(char *)"bogus", (char *)"nobody"}};
    struct ACL_vector bad = {1, &bad_entry};
    int rc = zoo_create(zh, ROOT, "root", 4, OPEN, 0, path, sizeof path);
    say("create %d %s", rc, path);
    rc = zoo_create(zh, ROOT, "root", 4, OPEN, 0, path, sizeof path);
    say("create again %d %s", rc, path);
    say("create under nothing %d", zoo_create(zh, ROOT "/no/child", "x", 1, OPEN, 0, NULL, 0));
    say("create bad path %d", zoo_create(zh, "no-slash", "x", 1, OPEN, 0, NULL, 0));
    say("create bad path %d", zoo_create(zh, "/a//b", "x", 1, OPEN, 0, NULL, 0));
    say("create bad path %d", zoo_create(zh, "/a/", "x", 1, OPEN, 0, NULL, 0));
    say("create bad path %d", zoo_create(zh, "/a/..", "x", 1, OPEN, 0, NULL, 0));
    say("create bad path %d", zoo_create(zh, "", "x", 1, OPEN, 0, NULL, 0));
    say("create no path %d", zoo_create(zh, NULL, "x", 1, OPEN, 0, NULL, 0));
    say("create no acl %d", zoo_create(zh, ROOT "/a", "x", 1, NULL, 0, NULL, 0));
    say("create empty acl %d", zoo_create(zh, ROOT "/a", "x", 1, &none, 0, NULL, 0));
    say("create bad acl %d", zoo_create(zh, ROOT "/a", "x", 1, &bad, 0, NULL, 0));
    say("create bad mode %d", zoo_create(zh, ROOT "/a", "x", 1, OPEN, 77, NULL, 0));
    rc = zoo_create(zh, ROOT "/cut", "x", 1, OPEN, 0, path, 5);
    say("create little room %d %s", rc, path);
    rc = zoo_create(zh, SEQUENCE, NULL, -1, OPEN, ZOO_SEQUENCE, path, sizeof path);
    say("create sequence %d %.*s", rc, (int)strlen(SEQUENCE), path);
    zoo_delete(zh, path, -1);
    rc = zoo_create(zh, ROOT "/e", "mine", 4, OPEN, ZOO_EPHEMERAL, path, sizeof path);
    say("create ephemeral %d %s", rc, path);
    say("create under ephemeral %d", zoo_create(zh, ROOT "/e/c", "x", 1, OPEN, 0, NULL, 0));
    rc = zoo_create2(zh, ROOT "/two", "", 0, OPEN, 0, path, sizeof path, &stat);
    say("create2 %s", path);
    say_stat("create2", rc, &stat);
    say("create2 again %d", zoo_create2(zh, ROOT "/two", "", 0, OPEN, 0, path, sizeof path, &stat));
    rc = zoo_create2(zh, ROOT "/box", NULL, -1, OPEN, ZOO_CONTAINER, path, sizeof path, &stat);
    say("container %d %s", rc, path);
    rc = zoo_create2_ttl(zh, SEQUENCE, NULL, -1, OPEN, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 100000, path, sizeof path, &stat);
    say("ttl sequence %d %.*s", rc, (int)strlen(SEQUENCE), path);
    zoo_delete(zh, path, -1);
    say("ttl 0 %d", zoo_create_ttl(zh, ROOT "/t", "x", 1, OPEN, ZOO_PERSISTENT_WITH_TTL, 0, path, sizeof path));
    say("ttl too long %d",
        zoo_create_ttl(zh, ROOT "/t", "x", 1, OPEN, ZOO_PERSISTENT_WITH_TTL, 0x7fffffffffffffffLL, path, sizeof path));
    say("ttl of a plain one %d", zoo_create_ttl(zh, ROOT "/t", "x", 1, OPEN, 0, 1000, path, sizeof path));
    say("ttl2 of a plain one %d", zoo_create2_ttl(zh, ROOT "/t", "x", 1, OPEN, 0, 1000, path, sizeof path, &stat));
    say("ttl2 0 %d",
        zoo_create2_ttl(zh, ROOT "/t", "x", 1, OPEN, ZOO_PERSISTENT_WITH_TTL, 0, path, sizeof path, &stat));
}

static void reads(zhandle_t *zh) {
    char buffer[64];
    struct Stat stat;
    struct String_vector strings;
    struct ACL_vector acl;
    int len = sizeof buffer;
    int rc = zoo_get(zh, ROOT, 0, buffer, &len, &stat);
    say("get %d %d %.*s", rc, len, len, buffer);
    say_stat("get", rc, &stat);
    len = 2;
    rc = zoo_get(zh, ROOT, 0, buffer, &len, NULL);
    say("get into little room %d %d %.*s", rc, len, len, buffer);
    len = 0;
    rc = zoo_get(zh, ROOT, 0, buffer, &len, NULL);
    say("get into no room %d %d", rc, len);
    len = sizeof buffer;
    rc = zoo_get(zh, ROOT "/box", 0, buffer, &len, NULL);
    say("get null data %d %d", rc, len);
    len = sizeof buffer;
    rc = zoo_get(zh, ROOT "/two", 0, buffer, &len, NULL);
    say("get empty data %d %d", rc, len);
    len = 7;
    rc = zoo_get(zh, ROOT "/nothing", 0, buffer, &len, &stat);
    say("get nothing %d %d", rc, len);
    say("get bad path %d", zoo_get(zh, "bad", 0, buffer, &len, &stat));
    say("get without length %d", zoo_get(zh, ROOT, 0, buffer, NULL, &stat));
    rc = zoo_exists(zh, ROOT, 0, &stat);
    say_stat("exists", rc, &stat);
    say("exists not %d", zoo_exists(zh, ROOT "/nothing", 0, &stat));
    say("exists without stat %d", zoo_exists(zh, ROOT, 0, NULL));
    say("exists bad path %d", zoo_exists(zh, "/a/./b", 0, &stat));
    rc = zoo_get_children(zh, ROOT, 0, &strings);
    say_strings("children", rc, &strings);
    say("free %d", deallocate_String_vector(&strings));
    say("children not wanted %d", zoo_get_children(zh, ROOT, 0, NULL));
    say("children of nothing %d", zoo_get_children(zh, ROOT "/nothing", 0, &strings));
    rc = zoo_get_children2(zh, ROOT, 0, &strings, &stat);
    say_strings("children2", rc, &strings);
    say_stat("children2", rc, &stat);
    deallocate_String_vector(&strings);
    rc = zoo_get_children2(zh, ROOT "/two", 0, &strings, &stat);
    say_strings("children of a leaf", rc, &strings);
    deallocate_String_vector(&strings);
    say("children2 of nothing %d", zoo_get_children2(zh, ROOT "/nothing", 0, &strings, &stat));
    rc = zoo_get_acl(zh, ROOT, &acl, &stat);
    say("acl %d %d %s:%s %d", rc, acl.count, acl.data->id.scheme, acl.data->id.id, acl.data->perms);
    deallocate_ACL_vector(&acl);
    say("acl of nothing %d", zoo_get_acl(zh, ROOT "/nothing", &acl, &stat));
    say("acl not wanted %d", zoo_get_acl(zh, ROOT, NULL, NULL));
}

static void writes(zhandle_t *zh) {
    struct Stat stat;
    struct ACL_vector none = {0, NULL};
    int rc = zoo_set(zh, ROOT, "new", 3, -1);
    say("set %d", rc);
    rc = zoo_set2(zh, ROOT, "newer", 5, 1, &stat);
    say_stat("set2", rc, &stat);
    say("set old version %d", zoo_set2(zh, ROOT, "newest", 6, 1, &stat));
    say("set nothing there %d", zoo_set(zh, ROOT "/nothing", "x", 1, -1));
    say("set bad path %d", zoo_set(zh, "/", NULL, -1, 17));
    rc = zoo_set2(zh, ROOT, NULL, -1, -1, &stat);
    say_stat("set null", rc, &stat);
    say("set acl %d", zoo_set_acl(zh, ROOT "/two", -1, &ZOO_READ_ACL_UNSAFE));
    say("set without permission %d", zoo_set(zh, ROOT "/two", "x", 1, -1));
    say("set acl without permission %d", zoo_set_acl(zh, ROOT "/two", -1, OPEN));
    say("set acl empty %d", zoo_set_acl(zh, ROOT "/cut", -1, &none));
    say("set acl old version %d", zoo_set_acl(zh, ROOT "/cut", 9, OPEN));
    say("set acl of nothing %d", zoo_set_acl(zh, ROOT "/nothing", -1, OPEN));
    say("create without permission %d", zoo_create(zh, ROOT "/two/c", "x", 1, OPEN, 0, NULL, 0));
    say("delete not empty %d", zoo_delete(zh, ROOT, -1));
    say("delete nothing %d", zoo_delete(zh, ROOT "/nothing", -1));
    say("delete old version %d", zoo_delete(zh, ROOT "/cut", 5));
    say("delete bad path %d", zoo_delete(zh, "bad", -1));
    say("delete %d", zoo_delete(zh, ROOT "/cut", 0));
    say("delete ephemeral %d", zoo_delete(zh, ROOT "/e", -1));
    say("delete container %d", zoo_delete(zh, ROOT "/box", -1));
    say("delete two %d", zoo_delete(zh, ROOT "/two", -1));
    say("delete root %d", zoo_delete(zh, ROOT, -1));
}

static void configuration(zhandle_t *zh) {
    char buffer[1024];
    int len = sizeof buffer;
    struct Stat stat;
    int rc = zoo_getconfig(zh, 0, buffer, &len, &stat);
    say("getconfig %d", rc);
    len = sizeof buffer;
    rc = zoo_wgetconfig(zh, on_event, (void *)"config", buffer, &len, &stat);
    say("wgetconfig %d", rc);
    len = sizeof buffer;
    rc = zoo_reconfig(zh, NULL, "7", NULL, -1, buffer, &len, &stat);
    say("reconfig %d", rc);
    say("reconfig without length %d", zoo_reconfig(zh, NULL, "7", NULL, -1, buffer, NULL, &stat));
}

void nodes(void) {
    zhandle_t *zh = connect_to(server(), on_quiet, NULL);
    creates(zh);
    reads(zh);
    writes(zh);
    configuration(zh);
    say("close %d", zookeeper_close(zh));
}

/* The same by completions: all are sent before the first is waited for, so their order shows. */
void nodes_async(void) {
    zhandle_t *zh = connect_to(server(), on_quiet, NULL);
    int sent = 0;
    reset_callbacks();
    sent += zoo_acreate(zh, ROOT, "root", 4, OPEN, 0, on_string, "acreate") == ZOK;
    sent += zoo_acreate(zh, ROOT, "root", 4, OPEN, 0, on_string, "acreate again") == ZOK;
    sent += zoo_acreate2(zh, ROOT "/two", "2", 1, OPEN, 0, on_string_stat, "acreate2") == ZOK;
    sent += zoo_acreate2(zh, ROOT "/no/two", "2", 1, OPEN, 0, on_string_stat, "acreate2 under nothing") == ZOK;
    sent += zoo_aexists(zh, ROOT, 0, on_stat, "aexists") == ZOK;
    sent += zoo_aexists(zh, ROOT "/nothing", 0, on_stat, "aexists not") == ZOK;
    sent += zoo_aget(zh, ROOT, 0, on_data, "aget") == ZOK;
    sent += zoo_aget(zh, ROOT "/nothing", 0, on_data, "aget nothing") == ZOK;
    sent += zoo_aset(zh, ROOT, "more", 4, 0, on_stat, "aset") == ZOK;
    sent += zoo_aset(zh, ROOT, "more", 4, 0, on_stat, "aset old version") == ZOK;
    sent += zoo_aset(zh, ROOT "/two", NULL, -1, -1, on_stat, "aset null") == ZOK;
    sent += zoo_aget(zh, ROOT "/two", 0, on_data, "aget null") == ZOK;
    sent += zoo_aget_children(zh, ROOT, 0, on_strings, "aget_children") == ZOK;
    sent += zoo_aget_children2(zh, ROOT, 0, on_strings_stat, "aget_children2") == ZOK;
    sent += zoo_aget_children(zh, ROOT "/two", 0, on_strings, "aget_children of a leaf") == ZOK;
    sent += zoo_aget_children(zh, ROOT "/nothing", 0, on_strings, "aget_children of nothing") == ZOK;
    sent += zoo_aget_children2(zh, ROOT "/nothing", 0, on_strings_stat, "aget_children2 of nothing") == ZOK;
    sent += zoo_aget_acl(zh, ROOT, on_acl, "aget_acl") == ZOK;
    sent += zoo_aget_acl(zh, ROOT "/nothing", on_acl, "aget_acl of nothing") == ZOK;
    sent += zoo_aset_acl(zh, ROOT "/two", -1, &ZOO_READ_ACL_UNSAFE, on_void, "aset_acl") == ZOK;
    sent += zoo_aset_acl(zh, ROOT "/two", -1, OPEN, on_void, "aset_acl without permission") == ZOK;
    sent += zoo_async(zh, ROOT, on_string, "async") == ZOK;
    sent += zoo_agetconfig(zh, 0, on_data, "agetconfig") == ZOK;
    sent += zoo_awgetconfig(zh, NULL, NULL, on_data, "awgetconfig") == ZOK;
    sent += zoo_areconfig(zh, NULL, "7", NULL, -1, on_data, "areconfig") == ZOK;
    sent += zoo_adelete(zh, ROOT, -1, on_void, "adelete not empty") == ZOK;
    sent += zoo_adelete(zh, ROOT "/two", -1, on_void, "adelete") == ZOK;
    sent += zoo_adelete(zh, ROOT "/nothing", -1, on_void, "adelete nothing") == ZOK;
    sent += zoo_acreate_ttl(zh, ROOT "/x", NULL, -1, OPEN, 0, -1, on_string, "acreate_ttl") == ZOK;
    sent += zoo_acreate2_ttl(zh, ROOT "/y", NULL, -1, OPEN, 0, -1, on_string_stat, "acreate2_ttl") == ZOK;
    sent += zoo_adelete(zh, ROOT "/x", -1, on_void, "adelete x") == ZOK;
    sent += zoo_adelete(zh, ROOT "/y", -1, on_void, "adelete y") == ZOK;
    sent += zoo_adelete(zh, ROOT, -1, on_void, "adelete root") == ZOK;
    expect_callbacks(sent);
    say("sent %d", sent);
    say("acreate bad path %d", zoo_acreate(zh, "x", NULL, -1, OPEN, 0, on_string, "never"));
    say("acreate bad ttl %d", zoo_acreate_ttl(zh, "/x", NULL, -1, OPEN, ZOO_PERSISTENT_WITH_TTL, 0, on_string, "never"));
    say("acreate2 bad ttl %d", zoo_acreate2_ttl(zh, "/x", NULL, -1, OPEN, 0, 1, on_string_stat, "never"));
    say("adelete bad path %d", zoo_adelete(zh, NULL, -1, on_void, "never"));
    say("aexists bad path %d", zoo_aexists(zh, "x", 0, on_stat, "never"));
    say("aget bad path %d", zoo_aget(zh, "/x/", 0, on_data, "never"));
    say("aset bad path %d", zoo_aset(zh, "x", NULL, -1, -1, on_stat, "never"));
    say("aget_children bad path %d", zoo_aget_children(zh, "", 0, on_strings, "never"));
    say("aget_children2 bad path %d", zoo_aget_children2(zh, "//", 0, on_strings_stat, "never"));
    say("async bad path %d", zoo_async(zh, "x", on_string, "never"));
    say("aget_acl bad path %d", zoo_aget_acl(zh, "x", on_acl, "never"));
    say("aset_acl bad path %d", zoo_aset_acl(zh, "x", -1, OPEN, on_void, "never"));
    say("close %d", zookeeper_close(zh));
    make(zh = connect_to(server(), on_quiet, NULL), ROOT, NULL);
    say("delete %d", zoo_delete(zh, ROOT, 0));
    say("close %d", zookeeper_close(zh));
}
