/*
 * every: a program that calls every function of libzookeeper and prints what it sees.
 *
 * It runs on the original's library and on ours; the driver (../trials.py) compares what both print. So nothing that
 * differs from run to run is printed: no zxids, times, ids or addresses.
 */
#ifndef EVERY_H
#define EVERY_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>
#include <zookeeper/zookeeper_log.h>

/* The original's libraries export these; its headers do not declare them. */
#ifdef __cplusplus
extern "C" {
#endif
extern const int ZOO_SSL_CONNECTING_STATE;
void zoo_create2_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen, const struct ACL_vector *acl,
                         int mode, char *path_buffer, int path_buffer_len);
int zoo_lock_auth(zhandle_t *zh);
int zoo_unlock_auth(zhandle_t *zh);
#ifdef __cplusplus
}
#endif

#include "cover.h"

#define TIMEOUT_MS 6000
#define ROOT "/every"

/* record.c: lines, in the order in which they happen, from whatever thread. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_stat(const char *what, int rc, const struct Stat *stat);
/* Waits until so many callbacks were noted since the last reset. */
void note_callback(void);
void expect_callbacks(int count);
void reset_callbacks(void);
void fail(const char *what) __attribute__((noreturn));
const char *server(void);
void set_server(const char *address);

/* Waits until the session is in this state, for ten seconds. */
void wait_state(zhandle_t *zh, int state);
zhandle_t *connect_to(const char *hosts, watcher_fn watcher, void *context);
/* A watcher that prints; its context is its name. */
void on_event(zhandle_t *zh, int type, int state, const char *path, void *context);
void on_quiet(zhandle_t *zh, int type, int state, const char *path, void *context);

/* Completions that print; their data is what was asked. */
void on_void(int rc, const void *data);
void on_stat(int rc, const struct Stat *stat, const void *data);
void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data);
void on_strings(int rc, const struct String_vector *strings, const void *data);
void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat, const void *data);
void on_string(int rc, const char *value, const void *data);
void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data);
void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data);
void say_strings(const char *what, int rc, const struct String_vector *strings);

/* proxy.c: a way to the server that can be cut and frozen. */
struct proxy;
struct proxy *proxy_start(void);
const char *proxy_address(struct proxy *proxy);
void proxy_cut(struct proxy *proxy);
void proxy_freeze(struct proxy *proxy, int is_frozen);
void proxy_stop(struct proxy *proxy);

/* The parts; each begins and ends with an empty ROOT. */
void plain(void);
void jute_all(void);
void arguments(void);
void nodes(void);
void nodes_async(void);
void watches(void);
void multis(void);
void identities(void);
void sessions(void);
void losses(void);
void closing(void);
void errors(void);
/* These two need servers of their own, and run only when they are named. */
void reconfigs(void);
void readonly(void);

#endif
