#!/usr/bin/env python3
"""Three real servers: founded, killed, wiped, restarted, under load; nothing that was acknowledged may be lost.

  run.py [--program PATH] [--short] [--kills N] [SCENARIO ...]

`--original` runs Debian's ZooKeeper instead, where a scenario makes sense for it: leader-killed and rolling, for the times.

Scenarios: founding, leader-killed, all-killed, wiped, two-wiped, given-up, rolling, growing. Prints one line a scenario; exit code 1 when
something that must hold does not. `--short` is what `cargo xtask test` runs.
"""

import argparse
import functools
import os
import pathlib
import signal
import statistics
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ensemble  # noqa: E402
import wire  # noqa: E402
from ensemble import Ensemble, Failure, Load, await_that, check_everywhere, peer, require  # noqa: E402


def founding(cluster, options):
    """Two of three empty servers do nothing by themselves; with the third they found once. Then each takes writes."""
    first, second, third = cluster.servers
    first.start()
    second.start()
    time.sleep(1 if options.short else 5)
    require(first.mode() is None and second.mode() is None, "two of three empty servers serve")
    third.start()
    begun = time.monotonic()
    cluster.await_serving()
    took_ms = (time.monotonic() - begun) * 1000
    clusters = set()
    for server in cluster.servers:
        text = (server.data / "metadata").read_text()
        clusters.add(next(line for line in text.splitlines() if line.startswith("cluster ")))
    require(len(clusters) == 1, f"several clusters were founded: {clusters}")
    for server in cluster.servers:
        connection = wire.Connection(("127.0.0.1", server.port))
        connection.connect()
        _, error, _ = connection.call("create", wire.create(f"/through-{server.number}"))
        require(error == 0, f"a write through server {server.number} says {error}")
        connection.close()
    for server in cluster.servers:
        connection = wire.Connection(("127.0.0.1", server.port))
        connection.connect()
        connection.call("sync", wire.text("/"))
        for number in (1, 2, 3):
            _, error, _ = connection.call("exists", wire.text(f"/through-{number}") + wire.boolean(False))
            require(error == 0, f"server {server.number} does not see /through-{number}")
        connection.close()
    return f"serving {took_ms:.0f} ms after the last of three was started"


def leader_killed(cluster, options):
    """kill -9 of the leader under load, again and again."""
    cluster.start()
    cluster.await_serving()
    gaps = []
    with Load(cluster) as load:
        for _ in range(options.kills):
            load.await_writes()
            leader = cluster.leader()
            begun = time.monotonic()
            leader.end()
            load.await_writes()
            gaps.append(load.longest_gap_ms(begun, time.monotonic()))
            leader.start()
            cluster.await_serving()
        load.stop()
        require(load.lost_sessions() == 0, f"{load.lost_sessions()} sessions were lost")
        count = check_everywhere(cluster, load)
    return f"{options.kills} leaders killed, {count} acknowledged writes, 0 lost; {summary(gaps)} without a write"


def summary(gaps):
    gaps = sorted(gaps)
    p99 = gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))]
    return f"median {statistics.median(gaps):.0f} ms, p99 {p99:.0f} ms, least {gaps[0]:.0f} ms"


def all_killed(cluster, options):
    """kill -9 of all servers at once under load."""
    cluster.start()
    cluster.await_serving()
    with Load(cluster) as load:
        for _ in range(options.kills):
            load.await_writes()
            for server in cluster.servers:
                server.process.kill()
            for server in cluster.servers:
                server.end()
            cluster.start()
            cluster.await_serving()
            load.await_writes()
        load.stop()
        count = check_everywhere(cluster, load)
    return f"{options.kills} times all killed, {count} acknowledged writes, 0 lost, {load.lost_sessions()} sessions lost"


def wiped(cluster, options):
    """A server whose disk is gone joins again under its old myid, and is whole."""
    cluster.start()
    leader = cluster.await_serving()
    victim = next(server for server in cluster.servers if server is not leader)
    with Load(cluster) as load:
        load.await_writes(2000)
        victim.end()
        victim.wipe()
        load.await_writes()
        victim.start()
        begun = time.monotonic()
        cluster.await_serving(patience_s=60)
        took_ms = (time.monotonic() - begun) * 1000
        load.await_writes()
        # It must vote again: the ensemble lives on with it and one other.
        deadline = time.monotonic() + 30
        while not cluster.leader().log_says("takes the place of"):
            require(time.monotonic() < deadline, "the wiped server was not given its place again")
            time.sleep(0.1)
        time.sleep(1)
        other = next(server for server in cluster.servers if server not in (victim, cluster.leader()))
        other.end()
        load.await_writes()
        other.start()
        cluster.await_serving()
        load.stop()
        count = check_everywhere(cluster, load)
    return f"serving again {took_ms:.0f} ms after its start with an empty disk; {count} acknowledged writes, 0 lost"


def write_and_end_all(cluster):
    """Starts the servers, has them written to until all have everything, and ends them; what was written, and the servers."""
    cluster.start()
    cluster.await_serving()
    with Load(cluster) as load:
        load.await_writes(1000)
        # The writers stop before the end.
        load.stop()
        check_everywhere(cluster, load)
    for server in cluster.servers:
        server.end()
    return load, *cluster.servers


def two_wiped(cluster, options):
    """Two of three disks gone at once: refuse, and say what to do; and the operator's way out works."""
    load, survivor, *others = write_and_end_all(cluster)
    for server in others:
        server.wipe()
    cluster.start()
    deadline = time.monotonic() + 40
    while not all(server.log_says("force-new-ensemble") for server in others):
        require(time.monotonic() < deadline, f"the wiped servers do not say what to do; see {others[0].log}")
        modes = [server.mode() for server in cluster.servers]
        require(modes == [None] * 3, f"with two of three disks gone somebody serves: {modes}")
        time.sleep(0.2)
    survivor.end()
    (survivor.data / "force-new-ensemble").touch()
    survivor.start()
    cluster.await_serving(patience_s=60)
    require(not (survivor.data / "force-new-ensemble").exists(), "the marker file is still there")
    count = check_everywhere(cluster, load)
    return f"refused, and said why; then forced: {count} acknowledged writes, 0 lost"


def given_up(cluster, options):
    """Two disks are given up and come back with their data: the new ensemble takes nothing of them, and they none of its clients."""
    load, survivor, *others = write_and_end_all(cluster)
    (survivor.data / "force-new-ensemble").touch()
    survivor.start()
    cluster.await_serving([survivor], patience_s=60)
    client = wire.Connection(("127.0.0.1", survivor.port))
    client.connect()
    zxid, error, _ = client.call("create", wire.create("/only-in-the-new-one"))
    require(error == 0, f"a write through the forced server says {error}")
    for server in others:
        server.start()
    cluster.await_serving(others)
    await_that(lambda: all(server.log_says("different ensembles") for server in cluster.servers), "refusals in all three logs")
    for server in others:
        stranger = wire.Connection(("127.0.0.1", server.port))
        try:
            stranger.connect(last_zxid=zxid)
            require(stranger.session == 0, f"server {server.number}, with old data, takes a client of the new ensemble")
        except (OSError, EOFError, struct.error):
            pass
        stranger.close()
    require(survivor.mode() == "leader", f"the forced server is {survivor.mode()}")
    _, error, _ = client.call("create", wire.create("/still-there"))
    require(error == 0, f"a second write through the forced server says {error}")
    client.close()
    for server in others:
        server.end()
        server.wipe()
        server.start()
    cluster.await_serving(patience_s=60)
    count = check_everywhere(cluster, load)
    return f"old disks refused, and their servers take no client of the new ensemble; then joined empty: {count} writes, 0 lost"


def rolling(cluster, options):
    """Each server in turn is stopped with SIGTERM and started again, under load."""
    cluster.start()
    cluster.await_serving()
    gaps, handovers = [], []
    with Load(cluster) as load:
        for _ in range(options.kills):
            for server in cluster.servers:
                load.await_writes()
                was_leader = server.mode() == "leader"
                begun = time.monotonic()
                server.end(signal.SIGTERM)
                load.await_writes()
                (handovers if was_leader else gaps).append(load.longest_gap_ms(begun, time.monotonic()))
                server.start()
                cluster.await_serving()
        load.stop()
        require(load.lost_sessions() == 0, f"{load.lost_sessions()} sessions were lost")
        count = check_everywhere(cluster, load)
    text = f"{options.kills} rolling restarts, {count} acknowledged writes, 0 lost, 0 sessions lost; followers: {summary(gaps)} without a write"
    return text + (f"; leaders: {summary(handovers)}" if handovers else "")


def growing(cluster, options):
    """A server that was alone, with its data, and two empty ones become an ensemble."""
    first = cluster.servers[0]
    config = first.folder / "zoo.cfg"
    with_lines = config.read_text()
    config.write_text("".join(line for line in with_lines.splitlines(True) if not line.startswith("server.")))
    first.start()
    deadline = time.monotonic() + 20
    while first.mode() != "standalone":
        require(time.monotonic() < deadline, f"the server alone does not serve: {first.mode()}")
        time.sleep(0.05)
    alone = Ensemble.__new__(Ensemble)
    alone.servers = [first]
    with Load(alone, 2) as load:
        load.await_writes(500)
        load.stop()
    first.end(signal.SIGTERM)
    config.write_text(with_lines)
    cluster.start()
    cluster.await_serving(patience_s=60)
    count = check_everywhere(cluster, load)
    return f"{count} writes of the server alone are on all three"


SCENARIOS = {
    "founding": founding, "leader-killed": leader_killed, "all-killed": all_killed, "wiped": wiped, "two-wiped": two_wiped,
    "given-up": given_up, "rolling": rolling, "growing": growing,
}


def server_command(options):
    if options.original:
        os.environ.setdefault("SERVER_JVMFLAGS", "-Dzookeeper.admin.enableServer=false")
        return ["/usr/share/zookeeper/bin/zkServer.sh", "start-foreground"]
    return [str(options.program.resolve()), "serve"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], default=[])
    parser.add_argument("--program", type=pathlib.Path, default=peer.TARGET / "release/zoa")
    parser.add_argument("--original", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--keep", type=pathlib.Path, help="keep the servers' folders here")
    options = parser.parse_args()
    options.kills = options.kills or (2 if options.short else 10)
    assemble = functools.partial(Ensemble, argv=server_command(options))
    names = options.scenarios or SCENARIOS
    chosen = {name: (assemble, functools.partial(SCENARIOS[name], options=options)) for name in names}
    ensemble.run_each("cluster", chosen, options.keep)


if __name__ == "__main__":
    peer.exit_with(main)
