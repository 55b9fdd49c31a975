#!/usr/bin/env python3
"""Captures golden frames from the original ZooKeeper 3.9 into crates/zoa-proto/testdata/golden.

A recording proxy stands between the original server and two clients: the original's own command line
client, whose requests are thus the original's bytes, and a raw client for what that one never sends.
Run again only to add frames: session ids, times and passwords differ from run to run.

  capture.py            writes NNN-name.hex files and their list, README.md
"""

import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parents[1] / "peer")]
import peer  # noqa: E402
import wire  # noqa: E402
from wire import acls, boolean, buffer, create, i32, i64, sub_operations, text, vector  # noqa: E402

GOLDEN = peer.ROOT / "crates/zoa-proto/testdata/golden"
FRAME_LEN_KEPT_MAX = 2000


class Frame:
    """One recorded frame, length in front included."""

    def __init__(self, direction, op, bytes_, note):
        self.direction, self.op, self.bytes, self.note = direction, op, bytes_, note


class Recorder:
    """Names each frame of one connection: a reply gets the op of the request it answers."""

    def __init__(self, client):
        self.client = client
        self.frames = []
        self.lock = threading.Lock()
        self.label = ""

    def connection(self):
        return {"connected": [False, False], "pending": []}

    def seen(self, state, from_client, frame):
        with self.lock:
            side = 0 if from_client else 1
            if not state["connected"][side]:
                state["connected"][side] = True
                direction, op = ("connect-request" if from_client else "connect-response"), "connect"
            elif from_client:
                op = wire.NAMES.get(struct.unpack(">i", frame[8:12])[0], "unknown")
                direction = "request"
                state["pending"].append(op)
            elif struct.unpack(">i", frame[4:8])[0] == -1:
                direction, op = "event", "notification"
            else:
                direction, op = "reply", state["pending"].pop(0)
            self.frames.append(Frame(direction, op, frame, f"{self.client}: {self.label}"))


class Proxy:
    """Passes bytes between clients and the server, and every whole frame to the recorder."""

    def __init__(self, server_port, recorder):
        self.server_port, self.recorder = server_port, recorder
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.server_port))
            state = self.recorder.connection()
            self.open.append((client, server))
            for source, target, from_client in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pump, args=(source, target, state, from_client), daemon=True).start()

    def pump(self, source, target, state, from_client):
        kept = b""
        try:
            while True:
                more = source.recv(65536)
                if not more:
                    break
                kept += more
                while len(kept) >= 4 and len(kept) >= 4 + struct.unpack(">i", kept[:4])[0]:
                    length = 4 + struct.unpack(">i", kept[:4])[0]
                    frame, kept = kept[:length], kept[length:]
                    self.recorder.seen(state, from_client, frame)
                    target.sendall(frame)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Breaks every connection, as a network does; clients come back by themselves."""
        pairs, self.open = self.open, []
        for client, server in pairs:
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


# What the original's command line client is told: (label, line).
CLI = [
    ("create", "create /cli data"),
    ("create null data", "create /cli/null"),
    ("create ephemeral", "create -e /cli/eph e"),
    ("create sequential", "create -s /cli/seq- s"),
    ("create ephemeral sequential", "create -s -e /cli/es- es"),
    ("create container", "create -c /cli/container c"),
    ("create ttl", "create -t 100000 /cli/ttl t"),
    ("create with acl", "create /cli/acl a world:anyone:cdrwa,digest:bob:zAvNYCWMuUUbm8JHuBbSqVUyUwY=:r,ip:127.0.0.1/8:cdrwa"),
    ("create that exists", "create /cli again"),
    ("create without parent", "create /nowhere/x x"),
    ("create below ephemeral", "create /cli/eph/x x"),
    ("getData", "get /cli"),
    ("getData null", "get /cli/null"),
    ("getData missing", "get /missing"),
    ("getData watch", "get -s -w /cli"),
    ("exists", "stat /cli"),
    ("exists missing watch", "stat -w /cli/later"),
    ("getChildren", "ls /cli"),
    ("getChildren2 watch", "ls -s -w /cli"),
    ("setData fires", "set /cli changed"),
    ("setData wrong version", "set -v 99 /cli x"),
    ("create fires two", "create /cli/later now"),
    ("getACL", "getAcl /cli/acl"),
    ("setACL", "setAcl /cli/null world:anyone:cdrwa"),
    ("setACL denied later", "create /cli/locked l"),
    ("setACL to nobody", "setAcl /cli/locked digest:nobody:zAvNYCWMuUUbm8JHuBbSqVUyUwY=:cdrwa"),
    ("getData denied", "get /cli/locked"),
    ("auth", "addauth digest bob:secret"),
    ("whoAmI", "whoami"),
    ("sync", "sync /cli"),
    ("addWatch persistent", "addWatch -m PERSISTENT /cli"),
    ("addWatch recursive", "addWatch -m PERSISTENT_RECURSIVE /cli"),
    ("fires persistent", "create /cli/p p"),
    ("delete fires", "delete /cli/p"),
    ("delete not empty", "delete /cli"),
    ("delete missing", "delete /missing"),
    ("getEphemerals", "getEphemerals /cli"),
    ("getAllChildrenNumber", "getAllChildrenNumber /"),
    ("reconfig refused", "reconfig -remove 3"),
    ("getData config", "config"),
    ("before the cut: watch", "get -w /cli/null"),
    ("before the cut: watch children", "ls -w /cli/acl"),
    ("before the cut: watch missing", "stat -w /cli/absent"),
    (None, None),  # the proxy cuts here: the client re-attaches and sends its watches
    ("after the cut", "stat /cli"),
    ("removeWatches", "removewatches /cli -a"),
    ("removeWatches none", "removewatches /nothing -a"),
    ("closeSession", "quit"),
]


def record_cli(server_port):
    """Drives the original's shell through the proxy, a line at a time."""
    recorder = Recorder("java client 3.9.5")
    proxy = Proxy(server_port, recorder)
    argv = ["java", "-Dlog4j2.level=OFF", "-Djline.terminal=dumb", "-cp", peer.classpath("3.9"),
            "org.apache.zookeeper.ZooKeeperMain", "-timeout", "60000", "-server", f"127.0.0.1:{proxy.port}"]
    recorder.label = "connect"
    shell = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    wait_until(lambda: any(f.direction == "connect-response" for f in recorder.frames), "the shell to connect")
    for label, line in CLI:
        if line is None:
            recorder.label = "re-attach after a cut"
            proxy.cut()
            wait_until(lambda: any(f.op.startswith("setWatches") and f.direction == "reply" for f in recorder.frames), "setWatches")
            continue
        recorder.label = label
        shell.stdin.write(line + "\n")
        shell.stdin.flush()
        settle(recorder)
    shell.stdin.close()
    shell.wait(timeout=20)
    return recorder.frames


def wait_until(condition, what, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise peer.PeerError(f"waited {timeout_s} s for {what}")
        time.sleep(0.05)


def settle(recorder, quiet_s=0.4):
    """Returns when no frame has come for a while."""
    count, since = -1, time.monotonic()
    while time.monotonic() - since < quiet_s:
        if len(recorder.frames) != count:
            count, since = len(recorder.frames), time.monotonic()
        time.sleep(0.02)


CREATE, DELETE, SET, CHECK, CREATE2, TTL, CONTAINER = 1, 2, 5, 13, 15, 21, 19
DIGEST_ID = "bob:zAvNYCWMuUUbm8JHuBbSqVUyUwY="
DENIED_ACL = [(31, "digest", DIGEST_ID)]


def version(path, number=-1):
    return text(path) + i32(number)


def set_data(path, data, number=-1):
    return text(path) + buffer(data) + i32(number)


def read(path, watch=False):
    return text(path) + boolean(watch)


def watches(zxid, *lists):
    return i64(zxid) + b"".join(vector(paths, text) for paths in lists)


# What the raw client sends: (label, op, body). Events it causes are recorded as they come.
RAW = [
    ("create", "create", create("/raw", b"data")),
    ("create empty data", "create", create("/raw/empty", b"")),
    ("create null data", "create", create("/raw/null", None)),
    ("create2", "create2", create("/raw/two", b"2")),
    ("create2 sequential with a path that ends in a slash", "create2", create("/raw/", b"", flags=2)),
    ("create utf-8 name", "create", create("/raw/\u00e4\u4e2d\u6587", "\u6c34".encode())),
    ("create bad flags", "create", create("/raw/flags", flags=77)),
    ("create invalid acl", "create", create("/raw/noacl", acl=[])),
    ("create null acl", "create", create("/raw/nullacl", acl=None)),
    ("create bad path", "create", create("/raw//x")),
    ("createContainer", "createContainer", create("/raw/container", flags=4)),
    ("createTTL", "createTTL", create("/raw/ttl", flags=5) + i64(60000)),
    ("createTTL sequential", "createTTL", create("/raw/ttl-", flags=6) + i64(60000)),
    ("createTTL bad ttl", "createTTL", create("/raw/ttl0", flags=5) + i64(0)),
    ("deleteContainer not empty", "deleteContainer", text("/raw")),
    ("check outside multi, in a session of its own", None, None),
    ("exists missing", "exists", read("/missing")),
    ("exists null path", "exists", text(None) + boolean(False)),
    ("exists short body", "exists", b"\0\0"),
    ("getChildren missing", "getChildren", read("/missing")),
    ("getChildren", "getChildren", read("/raw")),
    ("getChildren of a leaf", "getChildren", read("/raw/empty")),
    ("getChildren2", "getChildren2", read("/raw")),
    ("getData empty", "getData", read("/raw/empty")),
    ("getACL", "getACL", text("/raw")),
    ("setACL bad version", "setACL", text("/raw") + acls(wire.OPEN_ACL) + i32(5)),
    ("setACL invalid", "setACL", text("/raw") + acls([(31, "nosuch", "x")]) + i32(-1)),
    ("setACL", "setACL", text("/raw/two") + acls([(31, "world", "anyone"), (1, "digest", DIGEST_ID)]) + i32(0)),
    ("getACL with a digest", "getACL", text("/raw/two")),
    ("delete bad version", "delete", version("/raw/two", 7)),
    ("delete", "delete", version("/raw/two", 0)),
    ("delete root", "delete", version("/")),
    ("sync missing path", "sync", text("/not/there")),
    ("multi good", "multi", sub_operations([
        (CREATE, create("/m", b"1")), (CREATE2, create("/m/two", b"2")), (CHECK, version("/m", 0)),
        (SET, set_data("/m", b"3", 0)), (CONTAINER, create("/m/c", flags=4)), (TTL, create("/m/t", flags=5) + i64(90000)),
        (DELETE, version("/m/two"))])),
    ("multi failing in the middle", "multi", sub_operations([
        (CREATE, create("/m/gone", b"")), (CHECK, version("/m", 99)), (SET, set_data("/m", b"never")), (DELETE, version("/m"))])),
    ("multi failing first", "multi", sub_operations([(DELETE, version("/missing")), (CREATE, create("/m/x"))])),
    ("multi empty", "multi", sub_operations([])),
    ("multi with a read inside", "multi", sub_operations([(4, read("/m"))])),
    ("multi with an unknown flag", "multi", sub_operations([(CREATE, create("/m/flag", flags=77))])),
    ("multiRead", "multiRead", sub_operations([(4, read("/m")), (8, read("/m")), (4, read("/missing")), (8, read("/missing"))])),
    ("multiRead empty", "multiRead", sub_operations([])),
    ("create denied node", "create", create("/denied", b"", DENIED_ACL)),
    ("getData denied", "getData", read("/denied")),
    ("create denied", "create", create("/denied/x")),
    ("multiRead with a denied part", "multiRead", sub_operations([(4, read("/denied")), (4, read("/m"))])),
    ("auth", "auth", i32(0) + text("digest") + buffer(b"bob:secret")),
    ("whoAmI", "whoAmI", b""),
    ("create with auth scheme", "create", create("/auth", b"", [(31, "auth", "")])),
    ("getACL of auth", "getACL", text("/auth")),
    ("watch data", "getData", read("/m", True)),
    ("watch exists", "exists", read("/m/next", True)),
    ("watch children", "getChildren", read("/m", True)),
    ("fires created and children", "create", create("/m/next", b"")),
    ("fires changed", "setData", set_data("/m", b"4", -1)),
    ("addWatch persistent", "addWatch", text("/m/next") + i32(0)),
    ("addWatch recursive", "addWatch", text("/m") + i32(1)),
    ("addWatch bad mode", "addWatch", text("/m") + i32(9)),
    ("checkWatches", "checkWatches", text("/m") + i32(3)),
    ("checkWatches none", "checkWatches", text("/raw") + i32(3)),
    ("fires deleted", "delete", version("/m/next")),
    ("removeWatches children", "removeWatches", text("/m/next") + i32(1)),
    ("removeWatches persistent", "removeWatches", text("/m/next") + i32(4)),
    ("removeWatches recursive", "removeWatches", text("/m") + i32(5)),
    ("removeWatches any, none left", "removeWatches", text("/m") + i32(3)),
    ("setWatches", "setWatches", watches(1, ["/m", "/missing"], ["/m", "/absent"], ["/m", "/missing"])),
    ("setWatches2", "setWatches2", watches(2**40, ["/m"], ["/absent"], ["/m"], ["/m/p"], ["/m/r"])),
    ("create ephemeral", "create", create("/m/e1", b"", flags=1)),
    ("getEphemerals", "getEphemerals", text("/m")),
    ("getEphemerals all", "getEphemerals", text("")),
    ("getAllChildrenNumber", "getAllChildrenNumber", text("/m")),
    ("getAllChildrenNumber missing", "getAllChildrenNumber", text("/missing")),
    ("create child of ephemeral", "create", create("/m/e1/x")),
    ("reconfig refused", "reconfig", text(None) + text("3") + text(None) + i64(-1)),
    ("sasl token", "sasl", buffer(b"token")),
    ("ping", "ping", b""),
    ("closeSession", "closeSession", b""),
]


def record_raw(server_port):
    recorder = Recorder("raw client")
    proxy = Proxy(server_port, recorder)
    address = ("127.0.0.1", proxy.port)
    handshakes(recorder, address)
    connection = wire.Connection(address)
    recorder.label = "connect"
    connection.connect(timeout_ms=30000)
    for label, op, body in RAW:
        recorder.label = label
        if op is None:
            recorder.label = "check outside multi"
            closing_request(address, recorder, "check", version("/", 0))
            recorder.label = "unknown opcode"
            closing_request(address, recorder, 9999, b"")
            recorder.label = "auth of an unknown scheme"
            closing_request(address, recorder, "auth", i32(0) + text("nosuch") + buffer(b"x"))
            continue
        xid = {"ping": -2, "auth": -4, "setWatches": -8, "setWatches2": -8}.get(op)
        connection.call(op, body, xid)
        settle(recorder, 0.05)
    connection.close()
    return recorder.frames


def handshakes(recorder, address):
    recorder.label = "connect of an old client, without the readOnly byte"
    old = wire.Connection(address)
    old.connect(read_only=None, timeout_ms=12345)
    recorder.label = "re-attach"
    again = wire.Connection(address)
    again.connect(session=old.session, password=old.password, timeout_ms=20000)
    recorder.label = "re-attach with a wrong password"
    # The reference closes the session's other connection before it looks at the password.
    wire.Connection(address).connect(session=old.session, password=b"\x01" * 16)
    again.close()
    recorder.label = "connect with an empty password and read-only allowed"
    wire.Connection(address).connect(password=b"", read_only=True)


def closing_request(address, recorder, op, body):
    """A request after which the server closes."""
    connection = wire.Connection(address)
    connection.connect()
    connection.request(op, body, -4 if op == "auth" else None)
    try:
        while True:
            connection.read_frame()
    except (EOFError, OSError):
        settle(recorder, 0.05)


def kind(frame):
    """What makes a frame worth keeping: two frames of one kind say the same."""
    client, label = frame.note.split(": ", 1)
    if frame.direction.startswith("connect"):
        return frame.direction, len(frame.bytes), frame.bytes[8:12], "re-attach" in label
    if frame.direction == "event":
        return frame.direction, frame.bytes[8:16] == b"\xff" * 8, frame.bytes[20:24]
    if frame.op in ("multi", "multiRead"):
        return frame.direction, frame.op, label
    if frame.direction == "request":
        shape = frame.bytes[-4:] if frame.op.startswith("create") else frame.bytes[-1]
        return frame.direction, frame.op, shape, "null" in label, client
    error, body = frame.bytes[16:20], frame.bytes[20:]
    return frame.direction, frame.op, error, (len(body), body[:4]) if frame.op in ("getData", "getACL", "getChildren") else bool(body)


def chosen(frames):
    """One frame of each kind, none that is long."""
    kept, seen = [], set()
    for frame in frames:
        if len(frame.bytes) <= FRAME_LEN_KEPT_MAX and kind(frame) not in seen:
            seen.add(kind(frame))
            kept.append(frame)
    return kept


def file_name(number, frame):
    label = frame.note.split(": ", 1)[1].lower()
    words = "".join(c if c.isalnum() and c.isascii() else "-" for c in f"{frame.direction}-{frame.op}-{label}")
    return f"{number:03}-" + "-".join(word for word in words.split("-") if word)[:70] + ".hex"


def write(frames):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for old in GOLDEN.glob("*.hex"):
        old.unlink()
    rows = []
    for number, frame in enumerate(frames, 1):
        name = file_name(number, frame)
        digits = frame.bytes.hex()
        lines = [digits[at:at + 64] for at in range(0, len(digits), 64)]
        (GOLDEN / name).write_text(f"# direction={frame.direction} op={frame.op}\n" + "\n".join(lines) + "\n")
        rows.append(f"| {name[:3]} | {frame.direction} | {frame.op} | {frame.note} |")
    (GOLDEN / "README.md").write_text(HEADER + "\n".join(rows) + "\n")


HEADER = """# Golden frames

Bytes captured between the original ZooKeeper 3.9.5 server and its clients by `compat/golden/capture.py`.
Each file is one frame as it was on the wire, *the 4 bytes of length in front included*. First line:
`# direction=... op=...`; the rest is hex. A reply has the op of the request it answers; an event has
`op=notification`. "java client" frames were sent by, or to, the original's own client.

| file | direction | op | what |
|---|---|---|---|
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        port = peer.free_port()
        properties = {"zookeeper.extendedTypesEnabled": "true"}
        with peer.original("3.9", port, pathlib.Path(folder) / "data", properties=properties):
            frames = record_raw(port) + record_cli(port)
    kept = chosen(frames)
    write(kept)
    print(f"{len(kept)} of {len(frames)} frames written to {GOLDEN}")


if __name__ == "__main__":
    try:
        main()
    except peer.PeerError as error:
        sys.exit(f"capture.py: {error}")
