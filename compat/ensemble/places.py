"""Where servers keep what they have, and where they listen. Not a program: `run.py` has the scenario."""

import socket

from certified import UNPROVEN, quorum_port
from ensemble import Load, await_that, outlast_restart, require


def kinds(folder):
    """Of the files below, how the names end: `.seg` has a part of the log, `.snap` is a snapshot (docs/formats)."""
    return {path.suffix for path in folder.rglob("*") if path.is_file()}


def places(cluster):
    """Logs in dataLogDir and snapshots in dataDir, on each of three; each listens on all addresses, and says that nobody is proven there."""
    for server in cluster.servers:
        server.add_settings({"dataLogDir": server.folder / "log"})
    cluster.start()
    cluster.await_serving()
    for server in cluster.servers:
        # An address of this machine that no server line names.
        socket.create_connection(("127.0.0.2", quorum_port(server)), 5).close()
        require(server.log_says(UNPROVEN), f"server {server.number} says nothing of a quorum port that is open to all")
    with Load(cluster, 3) as load:
        # Beyond snapCount.
        load.await_writes(1500)
        await_that(lambda: all(".snap" in kinds(server.data) for server in cluster.servers), "each has a snapshot in dataDir", 10)
        look_at_files(cluster)
        count = outlast_restart(cluster, load)
        look_at_files(cluster)
    return f"logs in dataLogDir, snapshots in dataDir; restarted from them; {count} acknowledged writes, 0 lost"


def look_at_files(cluster):
    for server in cluster.servers:
        data, log = kinds(server.data), kinds(server.folder / "log")
        told = f"server {server.number} has {sorted(log)} in dataLogDir and {sorted(data)} in dataDir"
        require(".seg" in log and ".snap" not in log, told)
        require(".snap" in data and ".seg" not in data, told)
