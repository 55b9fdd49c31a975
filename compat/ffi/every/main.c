/* every host:port [part...]; without parts, all but those that need servers of their own. */
#include "every.h"

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"plain", plain},     {"arguments", arguments}, {"nodes", nodes},           {"async", nodes_async},
    {"watches", watches}, {"multis", multis},       {"identities", identities}, {"sessions", sessions},
    {"losses", losses},   {"closing", closing},     {"errors", errors},         {"jute", jute_all},
    {"reconfigs", reconfigs}, {"readonly", readonly},
};
#define SPECIAL 2

static int is_wanted(size_t part, int argc, char **argv) {
    int at;
    for (at = 2; at < argc; at++)
        if (strcmp(argv[at], parts[part].name) == 0) return 1;
    return argc <= 2 && part < sizeof parts / sizeof *parts - SPECIAL;
}

int main(int argc, char **argv) {
    size_t at;
    if (argc < 2) {
        fprintf(stderr, "every host:port [part...]\n");
        return 64;
    }
    /* What was said before a crash is seen. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    set_server(argv[1]);
    zoo_set_debug_level((ZooLogLevel)0);
    for (at = 0; at < sizeof parts / sizeof *parts; at++) {
        if (!is_wanted(at, argc, argv)) continue;
        say("== %s", parts[at].name);
        parts[at].run();
    }
    say("== end");
    cover_print();
    return 0;
}
