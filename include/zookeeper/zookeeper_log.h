/**
 * @file
 * Logging into the library's log: the same lines, levels, stream and callbacks.
 *
 * @code
 * LOG_WARN(LOGCALLBACK(zh), "no node %s yet", path);
 * LOG_INFO(LOGSTREAM, "to the stream of zoo_set_log_stream()");
 * @endcode
 */
#ifndef ZOA_ZOOKEEPER_LOG_H
#define ZOA_ZOOKEEPER_LOG_H

#include "zookeeper.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How much is logged; set it by zoo_set_debug_level(). */
extern ZOOAPI ZooLogLevel logLevel;

/** The function of a session that its lines go to, NULL for none. */
#define LOGCALLBACK(_zh) zoo_get_log_callback(_zh)
/** In the place of a function: the stream. */
#define LOGSTREAM NULL

#define ZOA_LOG(_cb, _level, ...) \
    do { \
        if (logLevel >= (_level)) log_message((_cb), (_level), __LINE__, __func__, __VA_ARGS__); \
    } while (0)
#define LOG_ERROR(_cb, ...) ZOA_LOG(_cb, ZOO_LOG_LEVEL_ERROR, __VA_ARGS__)
#define LOG_WARN(_cb, ...) ZOA_LOG(_cb, ZOO_LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_INFO(_cb, ...) ZOA_LOG(_cb, ZOO_LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_DEBUG(_cb, ...) ZOA_LOG(_cb, ZOO_LOG_LEVEL_DEBUG, __VA_ARGS__)

/** Writes one line; the macros above are shorter. A line is cut after 4095 characters. */
ZOOAPI void log_message(log_callback_fn callback, ZooLogLevel level, int line, const char *function, const char *format,
                        ...)
#ifdef __GNUC__
    __attribute__((format(printf, 5, 6)))
#endif
    ;

/** The stream that lines go to where there is no function: that of zoo_set_log_stream(), or stderr. */
ZOOAPI FILE *zoo_get_log_stream(void);

#ifdef __cplusplus
}
#endif

#endif
