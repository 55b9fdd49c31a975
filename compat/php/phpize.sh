#!/bin/sh
# Builds, tests and installs the extension as PHP's extensions are, in the folder of its config.m4: phpize.sh
#
# Each command is shown before it runs and must succeed. The server is the one that `make test` looks for.
set -e
"$ZOA_SERVER" dev > "$ZOA_PLACE/server.log" 2>&1 &
server=$!
trap 'kill $server' EXIT
say() {
    printf '\n$ %s\n' "$*"
    "$@"
}
say "$ZOA_PHPIZE"
say ./configure --with-php-config="$ZOA_PHP_CONFIG"
say make
say make test
say make install
say "$ZOA_PHP" -n -d extension=zookeeper.so --ri zookeeper
