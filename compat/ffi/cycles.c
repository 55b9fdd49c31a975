/*
 * Opens and closes sessions with traffic, and looks whether memory, threads or descriptors pile up.
 *
 *   cycles host:port count
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define OPEN (&ZOO_OPEN_ACL_UNSAFE)

static volatile int told;

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    (void)context;
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    (void)rc;
    (void)value;
    (void)len;
    (void)stat;
    (void)data;
    __sync_fetch_and_add(&told, 1);
}

static int count_entries(const char *folder) {
    int count = 0;
    DIR *entries = opendir(folder);
    while (readdir(entries) != NULL) count++;
    closedir(entries);
    return count;
}

static long resident_kb(void) {
    long pages = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (fscanf(file, "%ld %ld", &all, &pages) != 2) exit(2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void cycle(const char *server) {
    char path[64];
    char buffer[16];
    int len = sizeof buffer, waits, rc;
    struct String_vector strings;
    zhandle_t *zh = zookeeper_init(server, on_event, 6000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    if (zh == NULL) exit(3);
    rc = zoo_create(zh, "/cycle-", "data", 4, OPEN, ZOO_EPHEMERAL | ZOO_SEQUENCE, path, sizeof path);
    for (waits = 0; rc == ZCONNECTIONLOSS && waits < 100; waits++) {
        usleep(10000);
        rc = zoo_create(zh, "/cycle-", "data", 4, OPEN, ZOO_EPHEMERAL | ZOO_SEQUENCE, path, sizeof path);
    }
    if (rc != ZOK) exit(4);
    if (zoo_wget(zh, path, on_event, zh, buffer, &len, NULL) != ZOK) exit(5);
    if (zoo_get_children(zh, "/", 1, &strings) != ZOK) exit(6);
    deallocate_String_vector(&strings);
    zoo_aget(zh, path, 0, on_data, NULL);
    zoo_aset(zh, path, "x", 1, -1, NULL, NULL);
    if (zookeeper_close(zh) != ZOK) exit(7);
}

int main(int argc, char **argv) {
    int count, at, threads, descriptors;
    long before = 0;
    if (argc != 3) return 64;
    count = atoi(argv[2]);
    zoo_set_debug_level((ZooLogLevel)0);
    for (at = 0; at < count / 10; at++) cycle(argv[1]);
    before = resident_kb();
    threads = count_entries("/proc/self/task");
    descriptors = count_entries("/proc/self/fd");
    for (; at < count; at++) cycle(argv[1]);
    printf("%d cycles: %+ld KB, %+d threads, %+d descriptors, %d of %d told\n", count, resident_kb() - before,
           count_entries("/proc/self/task") - threads, count_entries("/proc/self/fd") - descriptors, told, count);
    return resident_kb() - before > 2048 || count_entries("/proc/self/task") != threads ||
           count_entries("/proc/self/fd") != descriptors || told != count;
}
