/* Sessions: events, states, ids, expiry, refused identities, lost connections, closing. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "every.h"

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)

static void *name(const char *text) { return (void *)text; }

static void no_log(const char *message) { (void)message; }

/* No watch can be taken back. */
static void removals_without(const char *what, zhandle_t *zh) {
    say("%s: remove %d", what, zoo_remove_watches(zh, "/", ZWATCHTYPE_ANY, on_event, NULL, 0));
    say("%s: remove all %d", what, zoo_remove_all_watches(zh, "/", ZWATCHTYPE_ANY, 0));
    say("%s: aremove %d", what, zoo_aremove_watches(zh, "/", ZWATCHTYPE_ANY, on_event, NULL, 0, NULL, NULL));
    say("%s: aremove all %d", what, zoo_aremove_all_watches(zh, "/", ZWATCHTYPE_ANY, 0, NULL, NULL));
}

static void over(const char *what, zhandle_t *zh) {
    struct Stat stat;
    say("%s: unrecoverable %d", what, is_unrecoverable(zh));
    say("%s: exists %d", what, zoo_wexists(zh, "/", NULL, NULL, &stat));
    say("%s: aexists %d", what, zoo_awexists(zh, "/", NULL, NULL, on_stat, "never"));
    say("%s: create %d", what, zoo_create(zh, ROOT, NULL, -1, OPEN, 0, NULL, 0));
    say("%s: auth %d", what, zoo_add_auth(zh, "digest", "a:b", 3, on_void, "never"));
    say("%s: reconfig %d", what, zoo_areconfig(zh, NULL, "1", NULL, -1, on_data, "never"));
    say("%s: servers %d", what, zoo_set_servers(zh, server()));
    removals_without(what, zh);
}

void sessions(void) {
    clientid_t id;
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char chrooted[64];
    char buffer[16];
    int rc;
    int room = sizeof buffer;
    zhandle_t *zh;
    zhandle_t *other;
    struct proxy *proxy;
    reset_callbacks();
    zh = zookeeper_init2(server(), on_event, TIMEOUT_MS, NULL, name("context"), ZOO_NO_LOG_CLIENTENV, no_log);
    expect_callbacks(1);
    say("state %d unrecoverable %d", zoo_state(zh), is_unrecoverable(zh));
    say("timeout %d", zoo_recv_timeout(zh));
    say("id %d", zoo_client_id(zh)->client_id != 0);
    say("context %s", (const char *)zoo_get_context(zh));
    zoo_set_context(zh, name("another context"));
    say("context %s", (const char *)zoo_get_context(zh));
    say("watcher %d", zoo_set_watcher(zh, on_quiet) == on_event);
    say("watcher %d", zoo_set_watcher(zh, on_event) == on_quiet);
    say("log callback %d", zoo_get_log_callback(zh) == no_log);
    zoo_set_log_callback(zh, NULL);
    say("log callback %d", zoo_get_log_callback(zh) == NULL);
    say("server %d", strcmp(zoo_get_current_server(zh), server()));
    say("host %d", zookeeper_get_connected_host(zh, (struct sockaddr *)&address, &len) != NULL);
    say("port %d", ntohs(((struct sockaddr_in *)&address)->sin_port) == atoi(strchr(server(), ':') + 1));
    say("delay %d %d", zoo_set_servers_resolution_delay(zh, 1000), zoo_set_servers_resolution_delay(zh, -2));
    say("servers %d %d %d", zoo_set_servers(zh, NULL), zoo_set_servers(zh, "bad"), zoo_set_servers(zh, server()));
    zoo_deterministic_conn_order(1);
    zoo_cycle_next_server(zh);
    say("lock %d", zoo_lock_auth(zh));
    say("unlock %d", zoo_unlock_auth(zh));
    memcpy(&id, zoo_client_id(zh), sizeof id);
    say("close %d", zookeeper_close(zh));
    /* The session has ended: attaching again is told so. */
    reset_callbacks();
    zh = zookeeper_init(server(), on_event, TIMEOUT_MS, &id, name("ended"), ZOO_NO_LOG_CLIENTENV);
    expect_callbacks(1);
    over("ended", zh);
    say("close %d", zookeeper_close(zh));
    /* A living session attached to by its id, while its first client has no way to the server. */
    proxy = proxy_start();
    zh = connect_to(proxy_address(proxy), on_quiet, NULL);
    say("ephemeral %d", zoo_create(zh, ROOT, NULL, -1, OPEN, ZOO_EPHEMERAL, NULL, 0));
    memcpy(&id, zoo_client_id(zh), sizeof id);
    proxy_cut(proxy);
    reset_callbacks();
    other = zookeeper_init(server(), on_event, TIMEOUT_MS, &id, name("again"), ZOO_NO_LOG_CLIENTENV);
    expect_callbacks(1);
    say("same id %d", zoo_client_id(other)->client_id == id.client_id);
    say("delete %d", zoo_delete(other, ROOT, -1));
    say("close %d", zookeeper_close(other));
    zookeeper_close(zh);
    proxy_stop(proxy);
    /* A chroot. */
    zh = connect_to(server(), on_quiet, NULL);
    say("create %d", zoo_create(zh, ROOT, "root", 4, OPEN, 0, NULL, 0));
    snprintf(chrooted, sizeof chrooted, "%s%s", server(), ROOT);
    reset_callbacks();
    other = connect_to(chrooted, on_event, name("chroot"));
    expect_callbacks(1);
    say("get / %d %.4s", zoo_wget(other, "/", on_event, name("root"), buffer, &room, NULL), buffer);
    zoo_acreate(other, "/c", NULL, -1, OPEN, 0, on_string, "create");
    expect_callbacks(1);
    /* The event is told by another thread: which of the two speaks first is nobody's promise. */
    rc = zoo_set(other, "/", "more", 4, -1);
    expect_callbacks(1);
    say("set / %d", rc);
    zoo_async(other, "/c", on_string, "sync");
    zoo_adelete(other, "/c", -1, on_void, "delete");
    expect_callbacks(2);
    say("close %d", zookeeper_close(other));
    say("delete %d", zoo_delete(zh, ROOT, -1));
    say("close %d", zookeeper_close(zh));
    /* An identity that the server refuses ends the session; what waits ends with it. */
    reset_callbacks();
    zh = connect_to(server(), on_event, name("refused"));
    expect_callbacks(1);
    zoo_add_auth(zh, "no such scheme", "x", 1, on_void, "add_auth");
    expect_callbacks(2);
    say("state %d", zoo_state(zh));
    over("refused", zh);
    say("close %d", zookeeper_close(zh));
}

void losses(void) {
    struct proxy *proxy = proxy_start();
    char buffer[16];
    int len = sizeof buffer;
    int rc;
    struct Stat stat;
    zhandle_t *zh;
    zhandle_t *direct = connect_to(server(), on_quiet, NULL);
    say("create %d", zoo_create(direct, ROOT, "x", 1, OPEN, 0, NULL, 0));
    reset_callbacks();
    zh = connect_to(proxy_address(proxy), on_event, name("default"));
    expect_callbacks(1);
    say("wget %d", zoo_wget(zh, ROOT, on_event, name("watch"), buffer, &len, &stat));
    /* Both watchers are told of the loss and of the return; what happened between is told after it. */
    proxy_cut(proxy);
    expect_callbacks(2);
    say("set meanwhile %d", zoo_set(direct, ROOT, "y", 1, -1));
    proxy_cut(proxy);
    expect_callbacks(3);
    say("still there %d", zoo_exists(zh, ROOT, 0, &stat));
    /* Requests under way when the server falls silent end with the loss. */
    proxy_freeze(proxy, 1);
    say("aget %d", zoo_aget(zh, ROOT, 0, on_data, "aget into silence"));
    say("aset %d", zoo_aset(zh, ROOT, "z", 1, -1, on_stat, "aset into silence"));
    expect_callbacks(3);
    proxy_freeze(proxy, 0);
    expect_callbacks(1);
    wait_state(zh, ZOO_CONNECTED_STATE);
    /* A loss with a synchronous request under way. */
    proxy_freeze(proxy, 1);
    rc = zoo_wget(zh, ROOT, NULL, NULL, buffer, &len, &stat);
    expect_callbacks(1);
    say("get into silence %d", rc);
    proxy_freeze(proxy, 0);
    expect_callbacks(1);
    say("close %d", zookeeper_close(zh));
    proxy_stop(proxy);
    say("delete %d", zoo_delete(direct, ROOT, -1));
    say("close %d", zookeeper_close(direct));
}

static void on_nothing(int rc, const struct Stat *stat, const void *data) {
    (void)rc;
    (void)stat;
    (void)data;
}

static void on_closing(int rc, const struct Stat *stat, const void *data) {
    (void)stat;
    say("close from inside: %d close %d", rc, zookeeper_close((zhandle_t *)data));
    note_callback();
}

void closing(void) {
    struct proxy *proxy = proxy_start();
    zhandle_t *zh;
    zh = connect_to(proxy_address(proxy), on_quiet, NULL);
    proxy_freeze(proxy, 1);
    /* Whether the original tells of these depends on a race of its threads; ../safety.c looks at it. */
    zoo_aexists(zh, "/", 0, on_nothing, "pending at close");
    say("close %d", zookeeper_close(zh));
    reset_callbacks();
    proxy_freeze(proxy, 0);
    proxy_stop(proxy);
    zh = connect_to(server(), on_quiet, NULL);
    zoo_aexists(zh, "/", 0, on_closing, zh);
    expect_callbacks(1);
    /* Never connected. */
    zh = zookeeper_init("127.0.0.1:1", on_quiet, TIMEOUT_MS, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    say("never connected %d", zoo_state(zh) != ZOO_CONNECTED_STATE);
    say("close %d", zookeeper_close(zh));
}
