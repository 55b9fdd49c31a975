/* Lines, callbacks that make lines, and waiting for them. */
#include "every.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int callbacks;
static const char *address;

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    vprintf(format, arguments);
    putchar('\n');
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

void fail(const char *what) {
    say("FAILED: %s", what);
    fflush(stdout);
    _exit(2);
}

void note_callback(void) {
    pthread_mutex_lock(&lock);
    callbacks++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void reset_callbacks(void) {
    pthread_mutex_lock(&lock);
    callbacks = 0;
    pthread_mutex_unlock(&lock);
}

void expect_callbacks(int count) {
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 15;
    pthread_mutex_lock(&lock);
    while (callbacks < count && rc == 0) rc = pthread_cond_timedwait(&changed, &lock, &until);
    rc = callbacks;
    callbacks = 0;
    pthread_mutex_unlock(&lock);
    if (rc != count) {
        say("%d callbacks were due, %d came", count, rc);
        fail("callbacks");
    }
}

const char *server(void) { return address; }

void set_server(const char *given) { address = given; }

void wait_state(zhandle_t *zh, int state) {
    int waits;
    for (waits = 0; waits < 2000; waits++) {
        if (zoo_state(zh) == state) return;
        usleep(5000);
    }
    say("state %d was due, it is %d", state, zoo_state(zh));
    fail("state");
}

zhandle_t *connect_to(const char *hosts, watcher_fn watcher, void *context) {
    zhandle_t *zh = zookeeper_init(hosts, watcher, TIMEOUT_MS, NULL, context, ZOO_NO_LOG_CLIENTENV);
    if (zh == NULL) fail("zookeeper_init");
    wait_state(zh, ZOO_CONNECTED_STATE);
    return zh;
}

void on_event(zhandle_t *zh, int type, int state, const char *path, void *context) {
    say("%s: event %d state %d path '%s'%s", (const char *)context, type, state, path ? path : "(null)",
        zh ? "" : " without a handle");
    note_callback();
}

void on_quiet(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    (void)context;
}

void say_stat(const char *what, int rc, const struct Stat *stat) {
    if (rc != ZOK || stat == NULL) {
        say("%s: %d%s", what, rc, stat ? " with a stat" : "");
        return;
    }
    say("%s: %d version %d cversion %d aversion %d owner %s length %d children %d order %d%d", what, rc, stat->version,
        stat->cversion, stat->aversion, stat->ephemeralOwner == 0 ? "none" : "a session", stat->dataLength,
        stat->numChildren, stat->czxid <= stat->mzxid, stat->ctime <= stat->mtime);
}

void on_void(int rc, const void *data) {
    cover_told((const char *)data, rc);
    say("%s: %d", (const char *)data, rc);
    note_callback();
}

void on_stat(int rc, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    say_stat((const char *)data, rc, stat);
    note_callback();
}

void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    say("%s: %d %s '%.*s' %d", (const char *)data, rc, value ? "data" : "no data", len > 0 ? len : 0,
        value ? value : "", len);
    say_stat((const char *)data, rc, stat);
    note_callback();
}

static int compare(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void say_strings(const char *what, int rc, const struct String_vector *strings) {
    char line[4096] = "";
    char *sorted[64];
    int at;
    if (strings == NULL) {
        say("%s: %d no strings", what, rc);
        return;
    }
    for (at = 0; at < strings->count && at < 64; at++) sorted[at] = strings->data[at];
    /* Servers give children in no order. */
    qsort(sorted, (size_t)at, sizeof *sorted, compare);
    for (at = 0; at < strings->count && at < 64; at++) {
        strcat(line, " ");
        strcat(line, sorted[at]);
    }
    say("%s: %d %d strings:%s", what, rc, strings->count, line);
}

void on_strings(int rc, const struct String_vector *strings, const void *data) {
    cover_told((const char *)data, rc);
    say_strings((const char *)data, rc, strings);
    note_callback();
}

void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    say_strings((const char *)data, rc, strings);
    say_stat((const char *)data, rc, stat);
    note_callback();
}

void on_string(int rc, const char *value, const void *data) {
    cover_told((const char *)data, rc);
    say("%s: %d %s", (const char *)data, rc, value ? value : "(null)");
    note_callback();
}

void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data) {
    cover_told((const char *)data, rc);
    say("%s: %d %s", (const char *)data, rc, value ? value : "(null)");
    say_stat((const char *)data, rc, stat);
    note_callback();
}

void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data) {
    int at;
    cover_told((const char *)data, rc);
    say("%s: %d %d entries", (const char *)data, rc, acl ? acl->count : -1);
    for (at = 0; acl && at < acl->count; at++)
        say("  %s:%s %d", acl->data[at].id.scheme, acl->data[at].id.id, acl->data[at].perms);
    say_stat((const char *)data, rc, stat);
    note_callback();
}
