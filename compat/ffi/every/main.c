/* every host:port [part...] */
#include "every.h"

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"plain", plain},     {"arguments", arguments}, {"nodes", nodes},           {"async", nodes_async},
    {"watches", watches}, {"multis", multis},       {"identities", identities}, {"sessions", sessions},
    {"losses", losses},   {"closing", closing},
};

static int is_wanted(const char *name, int argc, char **argv) {
    int at;
    for (at = 2; at < argc; at++)
        if (strcmp(argv[at], name) == 0) return 1;
    return argc <= 2;
}

int main(int argc, char **argv) {
    size_t at;
    if (argc < 2) {
        fprintf(stderr, "every host:port [part...]\n");
        return 64;
    }
    set_server(argv[1]);
    zoo_set_debug_level((ZooLogLevel)0);
    for (at = 0; at < sizeof parts / sizeof *parts; at++) {
        if (!is_wanted(parts[at].name, argc, argv)) continue;
        say("== %s", parts[at].name);
        parts[at].run();
    }
    say("== end");
    return 0;
}
