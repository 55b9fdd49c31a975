#!/usr/bin/env bash
# Starts, stops and asks a Zoarium server with the commands, messages, streams and exit codes that
# ZooKeeper users and their tools know.
#
#   zkServer.sh [--config DIR] {start|start-foreground|stop|restart|status|version|print-cmd} [CONFIG]
#
# Where it does more than the original: `start` waits until the server answers on its client port, and
# tells on the terminal why it did not; `stop` waits until the process is gone; neither takes another
# program that happens to have the recorded process id for the server. It prints no line about JMX,
# which only a Java program has.

set -u

if [ "${1:-}" = --config ]; then
    ZOOCFGDIR=${2:-}
    if [ ! -d "$ZOOCFGDIR" ]; then
        echo "Error: $ZOOCFGDIR is not a folder." >&2
        exit 1
    fi
    shift 2
fi

# shellcheck source=zkEnv.sh
. "$(dirname -- "$(readlink -f -- "$0")")/zkEnv.sh"

command=${1:-}
config=$(config_path "${2:-$ZOOCFG}")
start_wait_s=${ZOO_START_WAIT:-60}
stop_wait_s=${ZOO_STOP_WAIT:-30}
out_file=$ZOO_LOG_DIR/zookeeper-${USER:-$(id -un)}-server-${HOSTNAME:-localhost}.out

# The last value of a key in the configuration, which has the syntax of Java properties.
config_value() {
    [ -f "$config" ] || return 0
    sed -n "s/^[[:space:]]*$1[[:space:]]*[=:][[:space:]]*//p" "$config" | tr -d '\r' | sed 's/[[:space:]]*$//' | tail -n 1
}

# What stands behind the ; of this server's own entry: server.N=host:port:port;[address:]port
own_client_entry() {
    local data_dir dynamic id
    data_dir=$(config_value dataDir)
    dynamic=$(config_value dynamicConfigFile)
    id=$(cat "$data_dir/myid" 2>/dev/null) || return 0
    cat "$config" "$dynamic" 2>/dev/null | tr -d '\r' | sed -n "s/^[[:space:]]*server\.${id}[[:space:]]*=[^;]*;//p" | tail -n 1
}

# Sets client_port, client_address and client_ssl.
find_client_port() {
    local entry
    client_ssl=false
    client_port=$(config_value clientPort)
    client_address=$(config_value clientPortAddress)
    if [ -z "$client_port" ]; then
        entry=$(own_client_entry)
        entry=${entry%%;*}
        client_port=${entry##*:}
        [ "$entry" != "$client_port" ] && client_address=${entry%:*}
    fi
    if [ -z "$client_port" ]; then
        client_port=$(config_value secureClientPort)
        client_address=$(config_value secureClientPortAddress)
        [ -n "$client_port" ] && client_ssl=true
    fi
    case ${client_address:-} in
        '' | 0.0.0.0 | '::' | '[::]') client_address=localhost ;;
        *) client_address=${client_address#[} client_address=${client_address%]} ;;
    esac
}

# Sends a four-letter word to the client port and prints the answer. Fails when nothing listens.
ask() {
    # shellcheck disable=SC2016 # the inner shell expands them
    timeout 5 bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit 1
        printf %s "$3" >&3 && cat <&3' zkServer "$client_address" "$client_port" "$1" 2>/dev/null
}

is_listening() {
    # shellcheck disable=SC2016 # the inner shell expands them
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' zkServer "$client_address" "$client_port" 2>/dev/null
}

pid_file() {
    printf '%s\n' "${ZOOPIDFILE:-$(config_value dataDir)/zookeeper_server.pid}"
}

# Whether process $1 lives and is our program, not one that was given the same number since.
is_server() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null || return 1
    [ ! -r "/proc/$1/cmdline" ] || tr '\0' ' ' <"/proc/$1/cmdline" | grep -q -e "$(basename -- "$ZOA")"
}

# Sets server_command: what runs the server, word by word.
build_command() {
    local word words
    server_command=("$ZOA" serve "$config")
    read -ra words <<<"${SERVER_JVMFLAGS:-} ${JVMFLAGS:-}"
    [ -n "${ZOO_DATADIR_AUTOCREATE_DISABLE:-}" ] && words+=(-Dzookeeper.datadir.autocreate=false)
    for word in "${words[@]}"; do
        case $word in -D?*) server_command+=("$word") ;; esac
    done
}

fail_start() {
    echo "FAILED TO START"
    printf '%s\n' "$@" >&2
    exit 1
}

start() {
    local file pid
    printf 'Starting zookeeper ... '
    file=$(pid_file)
    pid=$(cat "$file" 2>/dev/null)
    if is_server "$pid"; then
        echo "already running as process $pid."
        exit 1
    fi
    [ -f "$config" ] || fail_start "There is no configuration $config. Copy zoo_sample.cfg beside it and set dataDir."
    [ -x "$ZOA" ] || fail_start "There is no program $ZOA."
    if [ -n "$client_port" ] && is_listening; then
        fail_start "Another process listens on $client_address:$client_port already."
    fi
    mkdir -p -- "$ZOO_LOG_DIR" "$(dirname -- "$file")" || fail_start "Cannot write to these folders."
    build_command
    nohup "${server_command[@]}" --log-dir "$ZOO_LOG_DIR" >"$out_file" 2>&1 </dev/null &
    pid=$!
    if ! echo -n "$pid" >"$file"; then
        kill "$pid"
        fail_start "Cannot write the process id to $file."
    fi
    await_start "$pid" "$file"
}

# Waits until the server answers on its client port, or is gone.
await_start() {
    local deadline=$((SECONDS + start_wait_s))
    while is_alive "$1"; do
        if [ -z "$client_port" ] || { is_listening && is_alive "$1"; }; then
            echo "STARTED"
            return
        fi
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "STARTED"
            echo "Process $1 runs, but does not answer on port $client_port after $start_wait_s s; see $ZOO_LOG_DIR." >&2
            return
        fi
        sleep 0.05
    done
    rm -f -- "$2"
    fail_start "It ended at once. The last lines of $out_file:" "$(tail -n 15 -- "$out_file")"
}

# A child that has ended but was not waited for still answers kill -0; its state says so.
is_alive() {
    kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

stop() {
    local file pid deadline
    printf 'Stopping zookeeper ... '
    file=$(pid_file)
    if [ ! -f "$file" ]; then
        echo "no zookeeper to stop (could not find file $file)"
        return
    fi
    pid=$(cat "$file")
    if is_server "$pid"; then
        kill "$pid" || exit 1
        deadline=$((SECONDS + stop_wait_s))
        while is_alive "$pid"; do
            if [ "$SECONDS" -ge "$deadline" ]; then
                echo "Process $pid did not end within $stop_wait_s s after SIGTERM; it gets SIGKILL." >&2
                kill -KILL "$pid"
                deadline=$((SECONDS + stop_wait_s))
            fi
            sleep 0.05
        done
    fi
    rm -f -- "$file"
    echo "STOPPED"
}

status() {
    local mode
    if [ -z "$client_port" ]; then
        echo "Unable to find either secure or insecure client port in any configs. Terminating."
        exit 1
    fi
    echo "Client port found: $client_port. Client address: $client_address. Client SSL: $client_ssl."
    mode=$(ask srvr | grep '^Mode:')
    if [ -z "$mode" ]; then
        echo "Error contacting service. It is probably not running."
        exit 1
    fi
    echo "$mode"
}

find_client_port
case $command in
    start | start-foreground | stop | restart | status | version | print-cmd) echo "Using config: $config" >&2 ;;
esac
case $command in
    start) start ;;
    start-foreground)
        build_command
        if [ -n "${ZOO_NOEXEC:-}" ]; then
            "${server_command[@]}"
        else
            exec "${server_command[@]}"
        fi
        ;;
    stop) stop ;;
    restart) stop && start ;;
    status) status ;;
    version) "$ZOA" version ;;
    print-cmd)
        build_command
        printf '"%s" ' "${server_command[@]}"
        printf -- '--log-dir "%s" > "%s" 2>&1 < /dev/null\n' "$ZOO_LOG_DIR" "$out_file"
        ;;
    *)
        echo "Usage: $0 [--config <conf-dir>] {start|start-foreground|stop|version|restart|status|print-cmd}" >&2
        ;;
esac
