#!/usr/bin/env bash
# Stands where ZooKeeper users look for a shell. This version has none of its own yet, so it says which
# other clients do; every ZooKeeper client works. It runs no command, and its exit code says so.

server=localhost:2181
if [ "${1:-}" = -server ] && [ -n "${2:-}" ]; then
    server=$2
fi

cat >&2 <<END
Zoarium has no shell of its own yet. Any ZooKeeper client will do:

  Debian, Ubuntu   apt-get install zookeeper
                   /usr/share/zookeeper/bin/zkCli.sh -server $server
  Python           pip install kazoo
                   python -c 'from kazoo.client import KazooClient as K; z = K("$server"); z.start(); print(z.get_children("/"))'
  no client        printf srvr | nc ${server%%:*} ${server##*:}
END
exit 1
