"""A raw ZooKeeper connection for the Python checks: writes requests, reads frames, hides nothing.

Not a client library: no reconnect, no threads, no retries. It knows the byte layout of the protocol on
its own, apart from the crates, so that an error in the crates cannot hide itself.
"""

import socket
import struct

OPS = {
    "create": 1, "delete": 2, "exists": 3, "getData": 4, "setData": 5, "getACL": 6, "setACL": 7, "getChildren": 8,
    "sync": 9, "ping": 11, "getChildren2": 12, "check": 13, "multi": 14, "create2": 15, "reconfig": 16,
    "checkWatches": 17, "removeWatches": 18, "createContainer": 19, "deleteContainer": 20, "createTTL": 21,
    "multiRead": 22, "auth": 100, "setWatches": 101, "sasl": 102, "getEphemerals": 103,
    "getAllChildrenNumber": 104, "setWatches2": 105, "addWatch": 106, "whoAmI": 107, "closeSession": -11,
}
NAMES = {number: name for name, number in OPS.items()}
RESERVED_XIDS = {-1: "notification", -2: "ping", -4: "auth", -8: "setWatches"}

OPEN_ACL = [(31, "world", "anyone")]


def i32(value):
    return struct.pack(">i", value)


def i64(value):
    return struct.pack(">q", value)


def boolean(value):
    return b"\x01" if value else b"\x00"


def buffer(value):
    return i32(-1) if value is None else i32(len(value)) + value


def text(value):
    return buffer(None if value is None else value.encode())


def vector(items, encode):
    return i32(-1) if items is None else i32(len(items)) + b"".join(map(encode, items))


def acls(items):
    return vector(items, lambda acl: i32(acl[0]) + text(acl[1]) + text(acl[2]))


def create(path, data=b"", acl=OPEN_ACL, flags=0):
    return text(path) + buffer(data) + acls(acl) + i32(flags)


def sub_operations(operations):
    """The framing of multi and multiRead: [(type, record)]."""
    framed = b"".join(i32(kind) + boolean(False) + i32(-1) + record for kind, record in operations)
    return framed + i32(-1) + boolean(True) + i32(-1)


def connect_request(session=0, password=b"\0" * 16, timeout_ms=10000, last_zxid=0, read_only=False):
    """`read_only=None` leaves the byte out, as old clients do."""
    body = i32(0) + i64(last_zxid) + i32(timeout_ms) + i64(session) + buffer(password)
    return body if read_only is None else body + boolean(read_only)


class Connection:
    """One socket. `frames` are bodies without the length in front."""

    def __init__(self, address, timeout_s=10):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.xid = 0
        self.session, self.password, self.timeout_ms = 0, b"", 0

    def close(self):
        self.socket.close()

    def send_frame(self, body):
        self.socket.sendall(i32(len(body)) + body)

    def read_exactly(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise EOFError("the server closed the connection")
            got += more
        return got

    def read_frame(self):
        (length,) = struct.unpack(">i", self.read_exactly(4))
        return self.read_exactly(length)

    def connect(self, **options):
        """Opens or attaches a session; returns the answer's body."""
        self.send_frame(connect_request(**options))
        body = self.read_frame()
        _, self.timeout_ms, self.session = struct.unpack(">iiq", body[:16])
        self.password = body[20:36]
        return body

    def request(self, op, body=b"", xid=None):
        """Sends one request without waiting; returns its xid."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.send_frame(i32(xid) + i32(op if isinstance(op, int) else OPS[op]) + body)
        return xid

    def call(self, op, body=b"", xid=None):
        """Sends one request and returns (zxid, error, body) of its reply. Events before it are dropped, and so is what a server that
        stops says last, which looks like the reply to a ping."""
        sent = self.request(op, body, xid)
        while True:
            frame = self.read_frame()
            got, zxid, error = struct.unpack(">iqi", frame[:16])
            if got == sent:
                return zxid, error, frame[16:]
            if got not in (-1, -2):
                raise ValueError(f"reply of xid {got}, expected {sent}")
