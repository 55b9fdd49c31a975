#!/usr/bin/env python3
"""Ensembles of real processes, as an operator has them.

  run.py [--program PATH] [SCENARIO ...]
  run.py --original words              the words of ZooKeeper 3.9.5, kept in words.json, against which ours are held

Scenarios: reconfig and moved (other servers by reconfig, and the files that it leaves), seven (of which three and four die), words (what
four-letter words say), dev (`zoa dev --nodes 3`), certified (TLS between the servers), places (dataLogDir, quorumListenOnAllIPs),
local-sessions. Prints one line a scenario; exit code 1 when something that must hold does not. What kills, disks and load do to an ensemble
is in compat/cluster.
"""

import argparse
import functools
import json
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))
import ensemble  # noqa: E402
import wire  # noqa: E402
from certified import certified  # noqa: E402
from dev import dev  # noqa: E402
from ensemble import Ensemble, Load, await_that, check_everywhere, outlast_restart, peer, require  # noqa: E402
from local_sessions import local_sessions  # noqa: E402
from places import places  # noqa: E402

SUPER = {"reconfigEnabled": "true", "DigestAuthenticationProvider.superDigest": "super:D/InIHSb7yEEbrWz8b9l71RjZJU="}


def super_user(server):
    connection = wire.Connection(("127.0.0.1", server.port))
    connection.connect()
    _, error, _ = connection.call("auth", wire.i32(0) + wire.text("digest") + wire.buffer(b"super:test"), xid=-4)
    require(error == 0, f"the super user is refused: {error}")
    return connection


def reconfig(server, joining=None, leaving=None):
    """Changes the servers; returns the version of the lines."""
    connection = super_user(server)
    body = wire.text(joining) + wire.text(leaving) + wire.text(None) + wire.i64(-1)
    _, error, answer = connection.call("reconfig", body)
    connection.close()
    require(error == 0, f"reconfig joining {joining} leaving {leaving} says {error}")
    (length,) = struct.unpack(">i", answer[:4])
    return re.search(r"version=(\w+)$", answer[4:4 + length].decode()).group(1)


def lines_of(server):
    """The server lines that it would start with, by its zoo.cfg."""
    text = (server.folder / "zoo.cfg").read_text()
    named = re.findall(r"^dynamicConfigFile=(.*)$", text, re.M)
    text += "\n" + "".join(pathlib.Path(path).read_text() for path in named)
    return dict(re.findall(r"^server\.(\d+)=(.*)$", text, re.M))


def place_of(server):
    """Host, quorum and election port of its own line."""
    return ":".join(lines_of(server)[str(server.number)].split(";")[0].split(":")[:3])


def named_everywhere(servers, version, numbers):
    def holds():
        files = [server.folder / f"zoo.cfg.dynamic.{version}" for server in servers]
        return all(path.exists() for path in files) and all(set(lines_of(server)) == numbers for server in servers)
    await_that(holds, f"zoo.cfg of all names {sorted(numbers)} in zoo.cfg.dynamic.{version}")


def add_fourth(cluster):
    """An empty server that knows the others and itself, and is started."""
    fourth = ensemble.Server(cluster, 4)
    own = f"server.4=127.0.0.1:{peer.free_port()}:{peer.free_port()}"
    lines = [f"server.{number}={line}\n" for number, line in lines_of(cluster.servers[0]).items()]
    fourth.prepare(cluster.settings, [*lines, own + "\n"])
    cluster.servers.append(fourth)
    fourth.start()
    await_that(lambda: fourth.mode() is not None, "the fourth server follows before it has a vote")
    return fourth, own


def reconfig_rewrites(cluster):
    """A server joins, another leaves: all files follow, and each server starts from them."""
    cluster.start()
    first = cluster.await_serving()
    by_hand = (first.folder / "zoo.cfg").read_text()
    fourth, own = add_fourth(cluster)
    version = reconfig(first, joining=f"{own};127.0.0.1:{fourth.port}")
    named_everywhere(cluster.servers, version, {"1", "2", "3", "4"})
    require((first.folder / "zoo.cfg.bak").read_text() == by_hand, "zoo.cfg.bak is not what was there before")
    require("clientPort=" in (fourth.folder / "zoo.cfg").read_text(), "the client port is gone")
    # One sleeps through the next: it starts from an old file, and follows what the ensemble has decided.
    sleeper = cluster.servers[1]
    sleeper.end()
    other = next(server for server in cluster.servers if server not in (sleeper, fourth))
    version = reconfig(cluster.leader(), leaving=str(other.number))
    staying = [server for server in cluster.servers if server not in (sleeper, other)]
    numbers = {str(server.number) for server in (*staying, sleeper)}
    named_everywhere(staying, version, numbers)
    require(set(lines_of(other)) == {"1", "2", "3", "4"}, "the file of a server that was taken out does not name it any more")
    require(set(lines_of(sleeper)) != numbers, "a server that is down has written something")
    sleeper.start()
    named_everywhere([sleeper], version, numbers)
    other.end()
    cluster.servers.remove(other)
    with Load(cluster, 3) as load:
        load.await_writes(100)
        count = outlast_restart(cluster, load)
    return f"all files followed two reconfigs, one of them late; restarted from them; {count} acknowledged writes, 0 lost"


def moved(cluster):
    """A server gets another quorum port, and is started from the zoo.cfg of before: what the ensemble has decided counts."""
    cluster.start()
    leader = cluster.await_serving()
    mover = next(server for server in cluster.servers if server is not leader)
    before = (mover.folder / "zoo.cfg").read_text()
    place = f"127.0.0.1:{peer.free_port()}:{peer.free_port()}"
    version = reconfig(leader, joining=f"server.{mover.number}={place};127.0.0.1:{mover.port}")
    named_everywhere(cluster.servers, version, {"1", "2", "3"})
    require(place_of(mover) == place, "its own file does not name the new place")
    await_that(lambda: mover.log_says("restart it"), "the server says that it is to be restarted", 10)
    # Right after: its log may not know yet that this is committed, but the file does.
    mover.end()
    mover.start()
    await_that(lambda: mover.mode() is not None, "the server is reached at its new place")
    mover.end(signal.SIGTERM)
    (mover.folder / "zoo.cfg").write_text(before)
    require(place_of(mover) != place, "the file of before is not that")
    mover.start()
    await_that(lambda: mover.mode() is not None, "the server is reached at its new place, though its file is old")
    require(mover.log_says("other addresses than the last reconfig"), "it does not say that its file is old")
    named_everywhere([mover], version, {"1", "2", "3"})
    require(place_of(mover) == place, "the old file was not mended")
    return "a server with an outdated zoo.cfg listens where the last reconfig says, and mends the file"


def seven(cluster):
    """Three of seven dead: it goes on. Four of seven dead: nothing is acknowledged, and nobody is told anything old for long."""
    cluster.start()
    cluster.await_serving(patience_s=60)
    with Load(cluster) as load:
        load.await_writes()
        leader = cluster.leader()
        victims = [leader, *[server for server in cluster.servers if server is not leader][:3]]
        for victim in victims[:3]:
            victim.end()
        load.await_writes()
        alive = [server for server in cluster.servers if server not in victims[:3]]
        cluster.await_serving(alive)
        victims[3].end()
        alive.remove(victims[3])
        await_that(lambda: all(server.mode() is None for server in alive), "three of seven serve nobody", 20)
        count = load.count()
        time.sleep(2)
        require(load.count() == count, "a write was acknowledged by three of seven")
        victims[3].start()
        cluster.await_serving([*alive, victims[3]])
        load.await_writes()
        for victim in victims[:3]:
            victim.start()
        cluster.await_serving(patience_s=60)
        load.stop()
        require(load.lost_sessions() == 0, f"{load.lost_sessions()} sessions were lost")
        count = check_everywhere(cluster, load)
    return f"served with 3 of 7 dead, refused with 4; {count} acknowledged writes, 0 lost, 0 sessions lost"


# Lines of which only the beginning must be there.
COUNTS = ["Zookeeper version", "Latency", "Received", "Sent", "Connections:", "Proposal sizes"]
OTHER_LINES = {
    "srvr": COUNTS, "stat": COUNTS, "envi": ["os.", "user.", "host.name", "zookeeper.version"],
    "conf": ["clientPort", "serverId", "dataDir", "dataLogDir", "dataLogSize", "electionPort", "quorumPort", "server."],
}
# What need not be there: what only a Java program has, and digests of the past (here, that of now).
OWN_LINES = {"envi": ("java.", "jvm.", "os.memory"), "hash": ("",)}
MNTR_SAME = ["server_state", "peer_state", "quorum_size", "learners", "synced_followers", "synced_non_voting_followers", "synced_observers",
             "pending_syncs", "znode_count", "watch_count", "ephemerals_count", "global_sessions", "local_sessions", "snap_count",
             "outstanding_requests"]


def shape(word, text):
    """What of an answer must be the same: numbers, ids, times and ports are taken out."""
    if word == "mntr":
        pairs = dict(line.split("\t", 1) for line in text.splitlines())
        return sorted(f"{key} {pairs['zk_' + key]}" for key in MNTR_SAME if "zk_" + key in pairs)
    lines = []
    for line in text.splitlines():
        begins = next((begin for begin in OTHER_LINES.get(word, []) if line.startswith(begin)), None)
        if line.startswith(OWN_LINES.get(word, "\0")):
            continue
        if begins is not None:
            lines.append(begins)
            continue
        line = re.sub(r"0x[0-9a-f]+", "0x", line)
        line = re.sub(r"\w{3} \w{3} \d\d [\d:]{8} UTC \d{4}", "DATE", line)
        line = re.sub(r"127\.0\.0\.1:\d+", "PEER", line)
        if word in ("stat", "cons", "dirs", "dump"):
            # Who asks is a connection, too, and buckets are as many as the moment makes them.
            if re.match(r" /PEER\[\d\]\(queued=0,recved=[01],sent=0\)$|0 expire", line) or "sessionId: 0x0" in line:
                continue
            line = re.sub(r"(=|: |/)-?\d+(\.\d+)?", r"\1N", re.sub(r"\[\d\]|\(\d+\)/\(\d+\)|^\d+ expire", "#", line))
        lines.append(line)
    return sorted(set(lines)) if word in ("dump", "stat", "cons", "wchc", "wchp") else lines


def words(cluster):
    """Each word on a leader, a follower and an observer says what the original's says; zkServer.sh status, too."""
    for server in cluster.servers:
        config = server.folder / "zoo.cfg"
        config.write_text(re.sub(r"(?m)^(server\.4=.*)$", r"\1:observer", config.read_text()))
    cluster.start()
    cluster.await_serving(patience_s=90)
    servers = {server.mode(): server for server in reversed(cluster.servers)}
    require(set(servers) == {"leader", "follower", "observer"}, f"the servers are {sorted(servers)}")
    clients = []
    for role in sorted(servers):
        clients.append(client := wire.Connection(("127.0.0.1", servers[role].port)))
        client.connect()
        client.call("create", wire.create(f"/{role}", b"x", flags=1))
        client.call("getData", wire.text("/zookeeper") + wire.boolean(True))
        client.call("exists", wire.text("/none") + wire.boolean(True))
    for client in clients:
        client.call("sync", wire.text("/"))
    time.sleep(1)
    said = {f"{role} {word}": servers[role].word(word) for role in sorted(servers) for word in WORDS}
    found = {key: shape(key.split()[1], text) for key, text in said.items()}
    keys = {role: sorted(line.split("\t")[0] for line in said[f"{role} mntr"].splitlines()) for role in servers}
    if cluster.argv[0] == "java":
        KEPT.write_text(json.dumps({"shapes": found, "mntr": keys}, indent=1, sort_keys=True) + "\n")
        return f"kept in {KEPT}"
    kept = json.loads(KEPT.read_text())
    different = [f"{key}: {kept['shapes'][key]} of the original, {found[key]} here" for key in found if found[key] != kept["shapes"][key]]
    for role in servers:
        more = set(keys[role]) - set(kept["mntr"][role])
        different += [f"{role} mntr: keys that the original has not: {sorted(more)}"] if more else []
        status = zk_server_status(servers[role])
        different += [] if f"Mode: {role}\n" in status else [f"zkServer.sh status of the {role} says {status!r}"]
    require(not different, "\n    ".join(["words differ:", *different]))
    return f"{len(found)} answers as the original's, mntr with {sum(map(len, keys.values()))} keys of its {sum(map(len, kept['mntr'].values()))}"


def zk_server_status(server):
    script = peer.ROOT / "dist/bin/zkServer.sh"
    done = subprocess.run([str(script), "status", str(server.folder / "zoo.cfg")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.stdout + done.stderr


WORDS = "mntr srvr stat conf cons dump isro ruok wchs wchc wchp dirs hash envi".split()
KEPT = pathlib.Path(__file__).resolve().parent / "words.json"
SCENARIOS = {"reconfig": (reconfig_rewrites, 3, SUPER), "moved": (moved, 3, SUPER), "seven": (seven, 7, {"syncLimit": 3}),
             "words": (words, 4, {"admin.enableServer": "false", "tickTime": 2000}), "dev": (dev, 0, {}),
             "certified": (certified, 3, {"quorumListenOnAllIPs": "true"}),
             "places": (places, 3, {"quorumListenOnAllIPs": "true", "snapCount": 1000}),
             "local-sessions": (local_sessions, 3, {"localSessionsEnabled": "true", "localSessionsUpgradingEnabled": "true"})}


def original():
    """The command that runs ZooKeeper 3.9.5 with a zoo.cfg."""
    peer.install("3.9")
    return ["java", "-Xmx300m", "-XX:+UseSerialGC", "-Dlog4j2.level=ERROR", "-cp", peer.classpath("3.9"),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], default=[])
    parser.add_argument("--program", type=pathlib.Path, default=peer.TARGET / "release/zoa")
    parser.add_argument("--original", action="store_true", help="ZooKeeper 3.9.5 in the place of Zoarium, for words")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the servers' folders here")
    options = parser.parse_args()
    command = original() if options.original else [str(options.program.resolve()), "serve"]
    chosen = {}
    for name in options.scenarios or SCENARIOS:
        run, size, settings = SCENARIOS[name]
        chosen[name] = (functools.partial(Ensemble, argv=command, size=size, settings=settings), run)
    ensemble.run_each("ensemble", chosen, options.keep)


if __name__ == "__main__":
    peer.exit_with(main)
