/* What was called, and how it ended. */
#define COVER_C
#include "every.h"

#define FUNCTIONS_MAX 256
#define CODES_MAX 32

struct covered {
    char name[64];
    int codes[CODES_MAX];
    int count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct covered table[FUNCTIONS_MAX];
static int functions;

static struct covered *find(const char *name, size_t len) {
    int at;
    for (at = 0; at < functions; at++)
        if (strlen(table[at].name) == len && memcmp(table[at].name, name, len) == 0) return &table[at];
    if (functions == FUNCTIONS_MAX || len >= sizeof table->name) return NULL;
    memcpy(table[functions].name, name, len);
    return &table[functions++];
}

void cover(const char *function) {
    pthread_mutex_lock(&lock);
    if (find(function, strlen(function)) == NULL) abort();
    pthread_mutex_unlock(&lock);
}

static void note(struct covered *covered, int rc) {
    int at;
    for (at = 0; at < covered->count; at++)
        if (covered->codes[at] == rc) return;
    if (covered->count < CODES_MAX) covered->codes[covered->count++] = rc;
}

int cover_rc(const char *function, int rc) {
    struct covered *covered;
    pthread_mutex_lock(&lock);
    covered = find(function, strlen(function));
    if (covered == NULL) abort();
    note(covered, rc);
    pthread_mutex_unlock(&lock);
    return rc;
}

void cover_told(const char *words, int rc) {
    char name[64];
    int at;
    /* What begins otherwise is the words of something else. */
    if (words == NULL || words[0] != 'a') return;
    snprintf(name, sizeof name, "zoo_%.*s", (int)strcspn(words, " "), words);
    pthread_mutex_lock(&lock);
    for (at = 0; at < functions; at++)
        if (strcmp(table[at].name, name) == 0) note(&table[at], rc);
    pthread_mutex_unlock(&lock);
}

static int by_name(const void *left, const void *right) {
    return strcmp(((const struct covered *)left)->name, ((const struct covered *)right)->name);
}

static int downwards(const void *left, const void *right) { return *(const int *)right - *(const int *)left; }

void cover_print(void) {
    int at, code;
    pthread_mutex_lock(&lock);
    qsort(table, (size_t)functions, sizeof *table, by_name);
    for (at = 0; at < functions; at++) {
        qsort(table[at].codes, (size_t)table[at].count, sizeof *table[at].codes, downwards);
        printf("covered %s", table[at].name);
        for (code = 0; code < table[at].count; code++) printf(" %d", table[at].codes[code]);
        putchar('\n');
    }
    pthread_mutex_unlock(&lock);
}
