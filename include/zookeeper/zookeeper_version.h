/**
 * @file
 * The version of ZooKeeper whose C interface this is; `zoo_version_str()` says it at run time.
 */
#ifndef ZOA_ZOOKEEPER_VERSION_H
#define ZOA_ZOOKEEPER_VERSION_H

#define ZOO_VERSION "3.9.5"
#define ZOO_MAJOR_VERSION 3
#define ZOO_MINOR_VERSION 9
#define ZOO_PATCH_VERSION 5

/** Defined where the library is Zoarium's. */
#define ZOO_IS_ZOARIUM 1

#endif
