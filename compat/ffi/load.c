/*
 * Load on one session, to set two builds of libzookeeper_mt side by side.
 *
 *   load host:port sync|async get|set depth seconds
 *
 * sync: `depth` threads, each in a synchronous call. async: `depth` requests under way, the completion of one sends
 * the next. Prints operations, seconds and CPU seconds of this process, all within the measured time.
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
#define DEPTH_MAX 1024
#define PATH "/ffi-load"

static char data[DATA_LEN];
static int is_set;
static volatile int is_over;
static zhandle_t *zh;

struct lane {
    pthread_t thread;
    volatile unsigned long done;
    char padding[128];
};

static struct lane lanes[DEPTH_MAX];

static void fail(const char *what, int rc) {
    fprintf(stderr, "%s: %s\n", what, zerror(rc));
    _exit(1);
}

static void send_next(struct lane *lane);

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *context) {
    struct lane *lane = (struct lane *)context;
    (void)value;
    (void)len;
    (void)stat;
    if (is_over) return;
    if (rc != ZOK) fail("get", rc);
    lane->done++;
    send_next(lane);
}

static void on_stat(int rc, const struct Stat *stat, const void *context) {
    struct lane *lane = (struct lane *)context;
    (void)stat;
    if (is_over) return;
    if (rc != ZOK) fail("set", rc);
    lane->done++;
    send_next(lane);
}

static void send_next(struct lane *lane) {
    int rc = is_set ? zoo_aset(zh, PATH, data, DATA_LEN, -1, on_stat, lane) : zoo_aget(zh, PATH, 0, on_data, lane);
    /* The measured time may end between the completion's look and this. */
    if (rc != ZOK && !is_over) fail("send", rc);
}

static void *run_sync(void *context) {
    struct lane *lane = (struct lane *)context;
    char buffer[DATA_LEN];
    while (!is_over) {
        int len = DATA_LEN;
        struct Stat stat;
        int rc = is_set ? zoo_set(zh, PATH, data, DATA_LEN, -1) : zoo_get(zh, PATH, 0, buffer, &len, &stat);
        if (rc != ZOK) fail("call", rc);
        lane->done++;
    }
    return NULL;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static unsigned long sum(int depth) {
    unsigned long all = 0;
    int at;
    for (at = 0; at < depth; at++) all += lanes[at].done;
    return all;
}

int main(int argc, char **argv) {
    int depth, is_sync, at, rc;
    double seconds, began, cpu_began;
    unsigned long before, after;
    if (argc != 6) {
        fprintf(stderr, "load host:port sync|async get|set depth seconds\n");
        return 64;
    }
    is_sync = strcmp(argv[2], "sync") == 0;
    is_set = strcmp(argv[3], "set") == 0;
    depth = atoi(argv[4]);
    seconds = atof(argv[5]);
    if (depth < 1 || depth > DEPTH_MAX) return 64;
    memset(data, 'x', sizeof data);
    zoo_set_debug_level((ZooLogLevel)0);
    zh = zookeeper_init(argv[1], NULL, 30000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    if (zh == NULL) fail("init", ZSYSTEMERROR);
    rc = zoo_create(zh, PATH, data, DATA_LEN, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    if (rc != ZOK && rc != ZNODEEXISTS) fail("create", rc);
    for (at = 0; at < depth; at++) {
        if (is_sync) pthread_create(&lanes[at].thread, NULL, run_sync, &lanes[at]);
        else send_next(&lanes[at]);
    }
    usleep(300000);
    before = sum(depth);
    began = now();
    cpu_began = cpu();
    usleep((useconds_t)(seconds * 1e6));
    after = sum(depth);
    printf("%lu %.6f %.6f\n", after - before, now() - began, cpu() - cpu_began);
    fflush(stdout);
    is_over = 1;
    if (is_sync)
        for (at = 0; at < depth; at++) pthread_join(lanes[at].thread, NULL);
    zookeeper_close(zh);
    return 0;
}
