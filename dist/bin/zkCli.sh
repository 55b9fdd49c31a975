#!/usr/bin/env bash
# The shell: zkCli.sh [-server host:port] [options] [command], with the commands and options of ZooKeeper's own.
# `zkCli.sh --help` has them all.
#
# CLIENT_JVMFLAGS and the like are not looked at: there is no Java machine.

# shellcheck source=zkEnv.sh
. "$(dirname -- "$(readlink -f -- "$0")")/zkEnv.sh"

if [ ! -x "$ZOA" ]; then
    echo "There is no program $ZOA." >&2
    exit 1
fi
exec "$ZOA" shell "$@"
