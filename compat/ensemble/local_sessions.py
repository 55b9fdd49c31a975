"""Sessions that one server of three knows, until they want an ephemeral. Not a program: `run.py` has the scenario."""

import struct

import wire
from certified import UNPROVEN
from ensemble import NO_NODE, await_that, require


def attach(server, session=None):
    """A connection with a new session, or with that of another connection."""
    connection = wire.Connection(("127.0.0.1", server.port))
    if session is None:
        connection.connect(timeout_ms=20000)
    else:
        connection.connect(session=session.session, password=session.password, timeout_ms=20000)
    return connection


def known(server):
    """How many sessions a server knows for itself, and how many all know."""
    counts = server.mntr()
    return int(counts["zk_local_sessions"]), int(counts["zk_global_sessions"])


def create(connection, path, flags=0):
    _, error, _ = connection.call("create", wire.create(path, b"x", flags=flags))
    require(error == 0, f"create {path} says {error}")


def owner(server, path):
    """The session of an ephemeral, as this server sees it after a sync; nothing when there is no such znode."""
    connection = attach(server)
    connection.call("sync", wire.text("/"))
    _, error, stat = connection.call("exists", wire.text(path) + wire.boolean(False))
    connection.call("closeSession")
    connection.close()
    require(error in (0, NO_NODE), f"exists {path} says {error}")
    return None if error else struct.unpack(">q", stat[44:52])[0]


def is_over(connection):
    """Whether the server has ended this connection."""
    try:
        connection.call("ping", xid=-2)
    except (EOFError, OSError):
        return True
    return False


def local_sessions(cluster):
    """At a follower and at the leader: local, refused elsewhere, upgraded by an ephemeral, then at home everywhere."""
    cluster.start()
    leader = cluster.await_serving()
    require(not any(server.log_says(UNPROVEN) for server in cluster.servers), "a server on the loopback warns of an open door")
    followers = [server for server in cluster.servers if server is not leader]
    for home, other in ((followers[0], leader), (leader, followers[1]), (followers[0], followers[1])):
        upgrade(cluster, home, other)
    outlives_its_server(cluster, followers[0], followers[1])
    return "local until the first ephemeral; refused elsewhere before it, moved and kept alive after it, over with its own end"


def upgrade(cluster, home, other):
    path = f"/{home.number}-{other.number}"
    session = attach(home)
    require(known(home) == (1, 0), f"server {home.number} knows {known(home)} sessions, local and replicated, not one local")
    create(session, path)
    _, error, answer = session.call("getData", wire.text(path) + wire.boolean(False))
    require(error == 0 and answer[4:5] == b"x", f"a local session reads {answer[:5]!r}, {error}")
    # As of ZooKeeper: the other server knows nothing of it, nor does its leader.
    refused = attach(other, session)
    require((refused.session, refused.timeout_ms) == (0, 0), f"server {other.number} takes a session that is local at {home.number}")
    require(not is_over(session), "a local session is over because somebody asked for it elsewhere")
    create(session, f"{path}/e", flags=1)
    require(owner(other, f"{path}/e") == session.session, f"the owner of {path}/e is not the session that was local")
    await_that(lambda: all(known(server) == (0, 1) for server in cluster.servers), "one replicated session and no local one", 5)
    moved = attach(other, session)
    require(moved.session == session.session, f"server {other.number} refuses a session after its upgrade")
    await_that(lambda: is_over(session), f"server {home.number} ends the connection of a session that has moved", 2)
    create(moved, f"{path}/f", flags=1)
    require(owner(home, f"{path}/f") == moved.session, "an ephemeral after the move has another owner")
    moved.call("closeSession")
    for server in cluster.servers:
        left = [name for name in ("e", "f") if owner(server, f"{path}/{name}") is not None]
        require(not left, f"server {server.number} has ephemerals of a session that was closed: {left}")


def outlives_its_server(cluster, home, other):
    """What is replicated lives on without the server where it began; what is local does not."""
    upgraded, local = attach(home), attach(home)
    create(upgraded, "/outlives", flags=1)
    create(local, "/local")
    home.end()
    moved = attach(other, upgraded)
    require(moved.session == upgraded.session, "an upgraded session is lost with the server where it began")
    require(owner(other, "/outlives") == moved.session, "the ephemeral of a session that moved is gone")
    require(attach(other, local).session == 0, "a local session outlives its server")
    moved.call("closeSession")
    home.start()
    cluster.await_serving()
    require(owner(home, "/outlives") is None, "a session was closed and its ephemeral is there")
    require(owner(home, "/local") is not None, "what a local session has written is gone")
