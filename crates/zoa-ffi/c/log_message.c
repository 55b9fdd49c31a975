/*
 * log_message: the one exported function with a variable number of arguments, which Rust cannot define.
 *
 * It formats and hands over; src/log.rs decides what becomes of the line.
 */
#include <stdarg.h>
#include <stdio.h>

#define TEXT_LEN 4096

typedef void (*log_callback_fn)(const char *message);

extern void zoa_log_text(log_callback_fn callback, int level, int line, const char *function, const char *text);

__attribute__((format(printf, 5, 6))) void log_message(
    log_callback_fn callback, int level, int line, const char *function, const char *format, ...) {
    char text[TEXT_LEN];
    va_list arguments;

    if (format == NULL) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    zoa_log_text(callback, level, line, function, text);
}
