#!/usr/bin/env bash
# Settings shared by the scripts beside it. Read by them, not run by itself.
#
# From the environment, all optional, with the names ZooKeeper users know:
#   ZOOCFGDIR      folder of the configuration          (../conf, else /etc/zookeeper)
#   ZOOCFG         file in it                           (zoo.cfg)
#   ZOO_LOG_DIR    folder for log files                 (../logs)
#   ZOOPIDFILE     file for the process id              (zookeeper_server.pid in dataDir)
#   SERVER_JVMFLAGS, JVMFLAGS                           (their -Dkey=value words are passed on)
#   ZOO_DATADIR_AUTOCREATE_DISABLE                      (non-empty: never create a missing dataDir)
# conf/zookeeper-env.sh and conf/java.env are sourced when they exist.
# Its own: ZOA, the program (zoa in this folder).

ZOOBINDIR=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
ZOOKEEPER_PREFIX=$(dirname -- "$ZOOBINDIR")

if [ -z "${ZOOCFGDIR:-}" ]; then
    ZOOCFGDIR=/etc/zookeeper
    [ -d "$ZOOKEEPER_PREFIX/conf" ] && ZOOCFGDIR=$ZOOKEEPER_PREFIX/conf
fi

for settings in "$ZOOCFGDIR/zookeeper-env.sh" "$ZOOCFGDIR/java.env"; do
    # shellcheck source=/dev/null
    [ -f "$settings" ] && . "$settings"
done
unset settings

ZOOCFG=${ZOOCFG:-zoo.cfg}
ZOO_LOG_DIR=${ZOO_LOG_DIR:-$ZOOKEEPER_PREFIX/logs}
ZOA=${ZOA:-$ZOOBINDIR/zoa}

# A file name alone is one in ZOOCFGDIR; a path is taken as it is.
config_path() {
    case $1 in
        */*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$ZOOCFGDIR/$1" ;;
    esac
}
