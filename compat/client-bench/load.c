/*
 * Load on libzookeeper_mt, to set beside examples/load.rs of zoa-client.
 *
 *   load host:port get|set depth connections seconds
 *
 * Each connection keeps `depth` requests under way by the asynchronous API: the completion of one sends the
 * next. Prints one line: operations, seconds, CPU seconds of this process, all within the measured time.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define DATA_LEN 100

struct connection {
    zhandle_t *handle;
    volatile unsigned long done;
    char path[64];
};

static char data[DATA_LEN];
static int is_set;
static volatile int is_over;

static void fail(const char *what, int rc) {
    fprintf(stderr, "%s: %s\n", what, zerror(rc));
    exit(1);
}

static void send_next(struct connection *connection);

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *context) {
    (void)value;
    (void)len;
    (void)stat;
    struct connection *connection = (struct connection *)context;
    if (is_over) return;
    if (rc != ZOK) fail("get", rc);
    connection->done++;
    send_next(connection);
}

static void on_stat(int rc, const struct Stat *stat, const void *context) {
    (void)stat;
    struct connection *connection = (struct connection *)context;
    if (is_over) return;
    if (rc != ZOK) fail("set", rc);
    connection->done++;
    send_next(connection);
}

static void send_next(struct connection *connection) {
    int rc = is_set
        ? zoo_aset(connection->handle, connection->path, data, DATA_LEN, -1, on_stat, connection)
        : zoo_aget(connection->handle, connection->path, 0, on_data, connection);
    if (rc != ZOK) fail("send", rc);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_now(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static unsigned long sum(struct connection *connections, int count) {
    unsigned long done = 0;
    for (int at = 0; at < count; at++) done += connections[at].done;
    return done;
}

static void nap(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "load host:port get|set depth connections seconds\n");
        return 2;
    }
    is_set = strcmp(argv[2], "set") == 0;
    int depth = atoi(argv[3]), count = atoi(argv[4]);
    double seconds = atof(argv[5]);
    memset(data, 'x', DATA_LEN);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    struct connection *connections = calloc((size_t)count, sizeof *connections);
    for (int at = 0; at < count; at++) {
        struct connection *connection = &connections[at];
        connection->handle = zookeeper_init(argv[1], NULL, 30000, NULL, NULL, 0);
        if (connection->handle == NULL) fail("init", ZSYSTEMERROR);
        snprintf(connection->path, sizeof connection->path, "/client-bench-%d", at);
        int rc = zoo_create(connection->handle, connection->path, data, DATA_LEN, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
        if (rc != ZOK && rc != ZNODEEXISTS) fail("create", rc);
    }
    for (int at = 0; at < count; at++) {
        for (int sent = 0; sent < depth; sent++) send_next(&connections[at]);
    }
    nap(0.3);
    unsigned long before = sum(connections, count);
    double start = seconds_now(), cpu_start = cpu_now();
    nap(seconds);
    unsigned long done = sum(connections, count) - before;
    double took = seconds_now() - start, cpu = cpu_now() - cpu_start;
    is_over = 1;
    printf("%lu %.6f %.6f\n", done, took, cpu);
    fflush(stdout);
    /* The sessions are closed in order; what is under way then is not counted. */
    for (int at = 0; at < count; at++) zookeeper_close(connections[at].handle);
    return 0;
}
