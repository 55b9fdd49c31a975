/* Watches: who is told, of what, in which order; and taking them back. */
#include "every.h"

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)

static void *name(const char *text) { return (void *)text; }

/* The interface declares a pointer to a function's type and takes the function. */
static void_completion_t *declared(void_completion_t function) {
    void_completion_t *pointer;
    memcpy(&pointer, &function, sizeof pointer);
    return pointer;
}

static void fire(zhandle_t *zh) {
    char buffer[32];
    int len = sizeof buffer;
    struct Stat stat;
    struct String_vector strings;
    /* The event comes before the completion of what brought it about. */
    reset_callbacks();
    say("wexists %d", zoo_wexists(zh, ROOT, on_event, name("exists"), &stat));
    zoo_acreate(zh, ROOT, "x", 1, OPEN, 0, on_string, "create");
    expect_callbacks(2);
    say("wget %d", zoo_wget(zh, ROOT, on_event, name("get"), buffer, &len, &stat));
    zoo_aset(zh, ROOT, "y", 1, -1, on_stat, "set");
    expect_callbacks(2);
    say("set again %d", zoo_set(zh, ROOT, "z", 1, -1));
    say("wget_children %d", zoo_wget_children(zh, ROOT, on_event, name("children"), &strings));
    deallocate_String_vector(&strings);
    zoo_acreate(zh, ROOT "/c", "x", 1, OPEN, 0, on_string, "create child");
    expect_callbacks(2);
    say("wget_children2 %d", zoo_wget_children2(zh, ROOT, on_event, name("children2"), &strings, &stat));
    deallocate_String_vector(&strings);
    zoo_adelete(zh, ROOT "/c", -1, on_void, "delete child");
    expect_callbacks(2);
    /* One watcher with one context is told once, however often it was set. */
    say("wexists %d", zoo_wexists(zh, ROOT, on_event, name("both"), &stat));
    len = sizeof buffer;
    say("wget %d", zoo_wget(zh, ROOT, on_event, name("both"), buffer, &len, &stat));
    zoo_aset(zh, ROOT, "w", 1, -1, on_stat, "set");
    expect_callbacks(2);
    /* The default watcher, by number. */
    len = sizeof buffer;
    say("get with a watch %d", zoo_get(zh, ROOT, 1, buffer, &len, &stat));
    zoo_aset(zh, ROOT, "v", 1, -1, on_stat, "set");
    expect_callbacks(2);
    say("set_watcher %d", zoo_set_watcher(zh, on_event) == on_event);
}

static void order(zhandle_t *zh) {
    char buffer[32];
    int len = sizeof buffer;
    struct String_vector strings;
    struct Stat stat;
    reset_callbacks();
    say("first %d", zoo_wget(zh, ROOT, on_event, name("first"), buffer, &len, &stat));
    len = sizeof buffer;
    say("second %d", zoo_wget(zh, ROOT, on_event, name("second"), buffer, &len, &stat));
    say("third %d", zoo_wexists(zh, ROOT, on_event, name("third"), &stat));
    say("fourth %d", zoo_wget_children(zh, ROOT, on_event, name("fourth"), &strings));
    deallocate_String_vector(&strings);
    zoo_adelete(zh, ROOT, -1, on_void, "delete");
    expect_callbacks(5);
    say("wexists of nothing %d", zoo_wexists(zh, ROOT, on_event, name("missing"), &stat));
    say("aexists %d", zoo_awexists(zh, ROOT, on_event, name("asynchronous"), on_stat, "awexists"));
    expect_callbacks(1);
    zoo_acreate(zh, ROOT, NULL, -1, OPEN, 0, on_string, "create");
    expect_callbacks(3);
    zoo_awget(zh, ROOT, on_event, name("awget"), on_data, "awget");
    zoo_awget_children(zh, ROOT, on_event, name("awget_children"), on_strings, "awget_children");
    zoo_awget_children2(zh, ROOT, on_event, name("awget_children2"), on_strings_stat, "awget_children2");
    expect_callbacks(3);
    zoo_acreate(zh, ROOT "/c", NULL, -1, OPEN, 0, on_string, "create child");
    expect_callbacks(3);
    zoo_adelete(zh, ROOT "/c", -1, on_void, "delete child");
    zoo_adelete(zh, ROOT, -1, on_void, "delete");
    expect_callbacks(3);
}

static void removals(zhandle_t *zh) {
    char buffer[32];
    int len = sizeof buffer;
    struct Stat stat;
    say("create %d", zoo_create(zh, ROOT, NULL, -1, OPEN, 0, NULL, 0));
    say("none %d", zoo_remove_watches(zh, ROOT, ZWATCHTYPE_ANY, on_event, name("nobody"), 0));
    say("wget %d", zoo_wget(zh, ROOT, on_event, name("removed"), buffer, &len, &stat));
    say("of children %d", zoo_remove_watches(zh, ROOT, ZWATCHTYPE_CHILD, on_event, name("removed"), 0));
    say("of another %d", zoo_remove_watches(zh, ROOT, ZWATCHTYPE_DATA, on_event, name("another"), 0));
    say("of data %d", zoo_remove_watches(zh, ROOT, ZWATCHTYPE_DATA, on_event, name("removed"), 0));
    say("again %d", zoo_remove_watches(zh, ROOT, ZWATCHTYPE_DATA, on_event, name("removed"), 0));
    say("bad path %d", zoo_remove_watches(zh, "bad", ZWATCHTYPE_DATA, on_event, name("removed"), 0));
    say("no path %d", zoo_remove_watches(zh, NULL, ZWATCHTYPE_DATA, on_event, name("removed"), 0));
    say("set %d", zoo_set(zh, ROOT, "silent", 6, -1));
    say("wexists %d", zoo_wexists(zh, ROOT, on_event, name("one"), &stat));
    len = sizeof buffer;
    say("wget %d", zoo_wget(zh, ROOT, on_event, name("two"), buffer, &len, &stat));
    say("all %d", zoo_remove_all_watches(zh, ROOT, ZWATCHTYPE_ANY, 0));
    say("set %d", zoo_set(zh, ROOT, "silent", 6, -1));
    say("wexists %d", zoo_wexists(zh, ROOT, on_event, name("local"), &stat));
    say("locally %d", zoo_remove_watches(zh, ROOT, ZWATCHTYPE_ANY, on_event, name("local"), 1));
    say("set %d", zoo_set(zh, ROOT, "silent", 6, -1));
    reset_callbacks();
    say("wexists %d", zoo_wexists(zh, ROOT, on_event, name("late"), &stat));
    say("aremove %d", zoo_aremove_watches(zh, ROOT, ZWATCHTYPE_ANY, on_event, name("late"), 0,
                                          declared(on_void), "aremove"));
    expect_callbacks(1);
    say("wexists %d", zoo_wexists(zh, ROOT, on_event, name("later"), &stat));
    say("aremove_all %d", zoo_aremove_all_watches(zh, ROOT, ZWATCHTYPE_DATA, 0, declared(on_void),
                                                  "aremove_all_watches"));
    expect_callbacks(1);
    say("no handle %d", zoo_aremove_watches(NULL, ROOT, ZWATCHTYPE_ANY, on_event, NULL, 0, NULL, NULL));
    say("no handle %d", zoo_remove_all_watches(NULL, ROOT, ZWATCHTYPE_ANY, 0));
    say("no handle %d", zoo_aremove_all_watches(NULL, ROOT, ZWATCHTYPE_ANY, 0, NULL, NULL));
    say("none at all %d", zoo_remove_all_watches(zh, ROOT, ZWATCHTYPE_ANY, 0));
    say("none at all %d", zoo_aremove_all_watches(zh, ROOT, ZWATCHTYPE_ANY, 0, declared(on_void), "aremove_all_watches of none"));
    expect_callbacks(1);
    say("aremove none %d", zoo_aremove_watches(zh, ROOT, ZWATCHTYPE_ANY, on_event, name("late"), 0,
                                               declared(on_void), "never"));
    say("delete %d", zoo_delete(zh, ROOT, -1));
}

void watches(void) {
    zhandle_t *zh;
    reset_callbacks();
    zh = connect_to(server(), on_event, name("default"));
    expect_callbacks(1);
    fire(zh);
    say("delete %d", zoo_delete(zh, ROOT, -1));
    say("create %d", zoo_create(zh, ROOT, NULL, -1, OPEN, 0, NULL, 0));
    order(zh);
    removals(zh);
    say("close %d", zookeeper_close(zh));
}
