/**
 * @file
 * Buffers of jute, and the shape of its archives.
 *
 * The archives' functions are not exported by the shared libraries, neither the original's in Debian nor these; their
 * structs are here because programs name them.
 */
#ifndef ZOA_RECORDIO_H
#define ZOA_RECORDIO_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes with their length; a length of -1 stands for null, which is not the same as empty. */
struct buffer {
    int32_t len;
    char *buff;
};

/** Frees a string and sets it to NULL. */
void deallocate_String(char **s);

/** Frees the bytes of a buffer, and sets it to NULL and 0. */
void deallocate_Buffer(struct buffer *b);

/** Something that records are read from. */
struct iarchive {
    int (*start_record)(struct iarchive *ia, const char *tag);
    int (*end_record)(struct iarchive *ia, const char *tag);
    int (*start_vector)(struct iarchive *ia, const char *tag, int32_t *count);
    int (*end_vector)(struct iarchive *ia, const char *tag);
    int (*deserialize_Bool)(struct iarchive *ia, const char *name, int32_t *value);
    int (*deserialize_Int)(struct iarchive *ia, const char *name, int32_t *value);
    int (*deserialize_Long)(struct iarchive *ia, const char *name, int64_t *value);
    int (*deserialize_Buffer)(struct iarchive *ia, const char *name, struct buffer *value);
    int (*deserialize_String)(struct iarchive *ia, const char *name, char **value);
    void *priv;
};

/** Something that records are written to. */
struct oarchive {
    int (*start_record)(struct oarchive *oa, const char *tag);
    int (*end_record)(struct oarchive *oa, const char *tag);
    int (*start_vector)(struct oarchive *oa, const char *tag, const int32_t *count);
    int (*end_vector)(struct oarchive *oa, const char *tag);
    int (*serialize_Bool)(struct oarchive *oa, const char *name, const int32_t *value);
    int (*serialize_Int)(struct oarchive *oa, const char *name, const int32_t *value);
    int (*serialize_Long)(struct oarchive *oa, const char *name, const int64_t *value);
    int (*serialize_Buffer)(struct oarchive *oa, const char *name, const struct buffer *value);
    int (*serialize_String)(struct oarchive *oa, const char *name, char **value);
    void *priv;
};

/** Turns a number into the byte order of the wire, or back. */
int64_t zoo_htonll(int64_t v);

#ifdef __cplusplus
}
#endif

#endif
