/* A way to the server that can be cut and frozen: one thread, one connection at a time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "every.h"

struct proxy {
    pthread_t thread;
    int listener;
    char address[32];
    volatile int is_over;
    volatile int is_cut;
    volatile int is_frozen;
};

static int dial(void) {
    struct sockaddr_in to;
    char host[64];
    const char *colon = strchr(server(), ':');
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    snprintf(host, sizeof host, "%.*s", (int)(colon - server()), server());
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    inet_pton(AF_INET, host, &to.sin_addr);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("the proxy finds no server");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int copy(int from, int to) {
    char bytes[16384];
    ssize_t len = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    ssize_t sent = 0;
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
    while (sent < len) {
        ssize_t more = send(to, bytes + sent, (size_t)(len - sent), MSG_NOSIGNAL);
        if (more <= 0) return 0;
        sent += more;
    }
    return len > 0;
}

static void *run(void *data) {
    struct proxy *proxy = (struct proxy *)data;
    while (!proxy->is_over) {
        struct pollfd waiting = {0, POLLIN, 0};
        struct pollfd ends[2];
        int client;
        int other;
        waiting.fd = proxy->listener;
        if (poll(&waiting, 1, 10) <= 0) continue;
        client = accept(proxy->listener, NULL, NULL);
        if (client < 0) continue;
        if (proxy->is_cut) {
            close(client);
            continue;
        }
        other = dial();
        ends[0].fd = client;
        ends[1].fd = other;
        ends[0].events = ends[1].events = POLLIN;
        while (!proxy->is_over && !proxy->is_cut) {
            if (proxy->is_frozen) {
                usleep(10000);
                continue;
            }
            ends[0].revents = ends[1].revents = 0;
            poll(ends, 2, 10);
            if (ends[0].revents && !copy(client, other)) break;
            if (ends[1].revents && !copy(other, client)) break;
        }
        close(client);
        close(other);
    }
    return NULL;
}

struct proxy *proxy_start(void) {
    struct proxy *proxy = (struct proxy *)calloc(1, sizeof *proxy);
    struct sockaddr_in here;
    socklen_t len = sizeof here;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(proxy->listener, (struct sockaddr *)&here, sizeof here) != 0) fail("bind");
    listen(proxy->listener, 8);
    getsockname(proxy->listener, (struct sockaddr *)&here, &len);
    snprintf(proxy->address, sizeof proxy->address, "127.0.0.1:%d", ntohs(here.sin_port));
    pthread_create(&proxy->thread, NULL, run, proxy);
    return proxy;
}

const char *proxy_address(struct proxy *proxy) { return proxy->address; }

/* Drops the connection there is; refuses further ones until it is called again. */
void proxy_cut(struct proxy *proxy) { proxy->is_cut = !proxy->is_cut; }

void proxy_freeze(struct proxy *proxy, int is_frozen) { proxy->is_frozen = is_frozen; }

void proxy_stop(struct proxy *proxy) {
    proxy->is_over = 1;
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    free(proxy);
}
