#!/bin/sh
# Runs a command where PHP may be changed and port 2181 is free: apart.sh COMMAND...
#
# Started in a network and in mounts of its own. Each of $ZOA_FOLDERS is a copy then, kept below $ZOA_PLACE; /tmp/zookeeper is empty.
set -e
ip link set lo up
number=0
for folder in $ZOA_FOLDERS; do
    number=$((number + 1))
    place="$ZOA_PLACE/$number"
    mkdir -p "$place" "$folder"
    cp -a "$folder/." "$place"
    mount --bind "$place" "$folder"
done
mkdir -p "$ZOA_PLACE/data" /tmp/zookeeper
mount --bind "$ZOA_PLACE/data" /tmp/zookeeper
exec "$@"
