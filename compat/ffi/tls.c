/*
 * TLS: one session over it, with small and long data, asked by both libraries' ways; and sessions that must not come to be.
 *
 *   tls host:port cert MODE      MODE: works, or the code that an asynchronous request ends with
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define LONG 900000
#define PATH "/tls"

static int told, told_rc, told_len;
static zhandle_t *zh;

static void on_string(int rc, const char *value, const void *data) {
    (void)value;
    (void)data;
    told_rc = rc;
    told++;
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    (void)stat;
    if (rc == ZOK && len > 0 && (value[0] != 't' || value[len - 1] != 't')) exit(4);
    told_len = len;
    on_string(rc, value, data);
}

static void on_void(int rc, const void *data) { on_string(rc, NULL, data); }

/* Waits, or turns the loop, until so many were told. */
static void wait_told(int count) {
    int turns;
    for (turns = 0; turns < 4000 && told < count; turns++) {
#ifdef THREADED
        usleep(5000);
#else
        struct pollfd waiting = {-1, POLLIN, 0};
        struct timeval tv = {0, 0};
        int interest = 0;
        zookeeper_interest(zh, &waiting.fd, &interest, &tv);
        if (interest & ZOOKEEPER_WRITE) waiting.events |= POLLOUT;
        poll(&waiting, 1, tv.tv_sec || tv.tv_usec > 5000 ? 5 : (int)(tv.tv_usec / 1000));
        zookeeper_process(zh, ZOOKEEPER_READ | ZOOKEEPER_WRITE);
#endif
    }
    if (told < count) {
        printf("%d of %d were told\n", told, count);
        exit(3);
    }
}

int main(int argc, char **argv) {
    static char text[LONG];
    int at;
    if (argc != 4) return 64;
    memset(text, 't', sizeof text);
    zh = zookeeper_init_ssl(argv[1], argv[2], NULL, 10000, NULL, NULL, ZOO_NO_LOG_CLIENTENV);
    if (zh == NULL) {
        printf("no handle\n");
        return 2;
    }
    zoo_acreate(zh, PATH, "t", 1, &ZOO_OPEN_ACL_UNSAFE, 0, on_string, NULL);
    wait_told(1);
    if (strcmp(argv[3], "works") != 0) {
        printf("%d\n", told_rc);
        zookeeper_close(zh);
        return told_rc != atoi(argv[3]);
    }
    while (told_rc == ZCONNECTIONLOSS || told_rc == ZSSLCONNECTIONERROR) return 1;
    zoo_aget(zh, PATH, 0, on_data, NULL);
    for (at = 0; at < 6; at++) zoo_aset(zh, PATH, text, LONG, -1, NULL, NULL);
    for (at = 0; at < 6; at++) zoo_aget(zh, PATH, 0, on_data, NULL);
    zoo_adelete(zh, PATH, -1, on_void, NULL);
    wait_told(9);
    printf("%d bytes, %d, close %d\n", told_len, told_rc, zookeeper_close(zh));
    return told_rc != ZOK || told_len != LONG;
}
