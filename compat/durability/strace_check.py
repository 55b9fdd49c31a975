#!/usr/bin/env python3
"""Shows, by the kernel's own account, that no write is acknowledged before it is durable.

The server runs under strace while a client does single writes one at a time. For each write the trace must
show, between the request's arrival and the first byte of its reply, one of:
  - a completed write with this request's bytes to a file of the data directory opened O_DSYNC or O_SYNC
    (or pwritev2 with RWF_DSYNC);
  - a completed write with these bytes to such a file, and then a completed fdatasync or fsync of that file.
Exit 1 when one write is not covered. What the disk does with a completed sync is not looked at.

  strace_check.py                           target/release/zoa
  strace_check.py --server 3.9              the original
  strace_check.py --server 3.9 --set forceSync=no    must fail
"""

import argparse
import pathlib
import re
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parents[1] / "peer")]
import peer  # noqa: E402
import shutil  # noqa: E402
import wire  # noqa: E402

OPENS = ("openat", "open", "creat", "openat2")
WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
SYNCS = ("fdatasync", "fsync")
READS = ("read", "readv", "recvfrom", "recvmsg")
SENDS = ("write", "writev", "sendto", "sendmsg", "sendmmsg")
# What would write past this script's eyes.
UNSEEN = ("io_uring_setup", "io_submit", "msync")
TRACED = sorted(set(OPENS + WRITES + SYNCS + READS + SENDS + UNSEEN + ("close",)))
STRING_LEN_MAX = 70000

CALL = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$", re.S)
RESULT = re.compile(r"\)\s*=\s*(-?\d+|0x[0-9a-f]+|\?)[^=]*$")
DESCRIPTOR = re.compile(r"^(\d+)<(.*?)>(?:,|\)|$)")


class Call:
    """One system call: when it began and ended (numbers of lines), and what strace printed of it."""

    def __init__(self, name, text, began):
        self.name, self.text, self.began = name, text, began
        self.ended, self.result = None, None

    def finish(self, text, line):
        self.text += text
        self.ended = line
        found = RESULT.search(self.text)
        self.result = int(found.group(1), 0) if found and found.group(1) != "?" else None

    def succeeded(self):
        return self.ended is not None and self.result is not None and self.result >= 0

    def descriptor(self):
        """(number, path) of the first argument."""
        found = DESCRIPTOR.match(self.text)
        return (int(found.group(1)), found.group(2)) if found else (None, "")


def read_calls(trace):
    """The trace as calls in the order in which they began."""
    calls, open_calls = [], {}
    with open(trace, encoding="latin-1") as lines:
        for number, line in enumerate(lines):
            found = CALL.match(line)
            if not found:
                continue
            process, name, rest = found.groups()
            unfinished = rest.rstrip().endswith("<unfinished ...>")
            text = rest.rstrip().removesuffix("<unfinished ...>").rstrip()
            if "resumed>" in line[:60]:
                call = open_calls.pop(process, None)
                if call is not None:
                    call.finish(text, number)
                continue
            call = Call(name, "", number)
            calls.append(call)
            if unfinished:
                call.text = text
                open_calls[process] = call
            else:
                call.finish(text, number)
    return calls


def durable_descriptors(calls):
    """Marks each write with whether its descriptor was opened to sync by itself."""
    flags, durable = {}, set()
    for call in calls:
        if call.name in OPENS and call.succeeded():
            flags[call.result] = "O_DSYNC" in call.text or "O_SYNC" in call.text
        elif call.name == "close":
            flags.pop(call.descriptor()[0], None)
        elif call.name in WRITES and (flags.get(call.descriptor()[0]) or "RWF_DSYNC" in call.text):
            durable.add(call)
    return durable


class Trace:
    """The calls that matter, by kind."""

    def __init__(self, calls, data, client_port):
        self.durable = durable_descriptors(calls)
        on_client = [call for call in calls if f":{client_port}]" in call.descriptor()[1]]
        self.arrivals = [call for call in on_client if call.name in READS and call.succeeded()]
        self.replies = [call for call in on_client if call.name in SENDS]
        in_data = [call for call in calls if call.descriptor()[1].startswith(str(data)) and call.succeeded()]
        self.writes = [call for call in in_data if call.name in WRITES and call.result > 0]
        self.syncs = [call for call in in_data if call.name in SYNCS]
        self.unseen = {call.name for call in calls if call.name in UNSEEN and call.succeeded()}

    def judge(self, marker):
        """How one write was made durable in time; None when it was not. An unseen request raises."""
        arrived = next((call.ended for call in self.arrivals if marker in call.text), None)
        if arrived is None:
            raise peer.PeerError(f"the trace does not show the arrival of {marker}")
        replied = next((call.began for call in self.replies if call.began > arrived), None)
        if replied is None:
            raise peer.PeerError(f"the trace does not show a reply to {marker}")
        for write in self.writes:
            if not (arrived < write.began and write.ended < replied and marker in write.text):
                continue
            if write in self.durable:
                return "O_DSYNC"
            path = write.descriptor()[1]
            for sync in self.syncs:
                if write.ended < sync.began and sync.ended < replied and sync.descriptor()[1] == path:
                    return sync.name
        return None


def traced_argv(argv, trace):
    return ["strace", "-f", "-qq", "-yy", "-s", str(STRING_LEN_MAX), "-e", f"trace={','.join('?' + name for name in TRACED)}",
            "-e", "signal=none", "-o", str(trace), *argv]


def write_one_at_a_time(port, count):
    """Does the writes; returns their markers and the client's port."""
    connection = wire.Connection(("127.0.0.1", port), timeout_s=60)
    connection.connect(timeout_ms=40000)
    _, error, _ = connection.call("create", wire.create("/strace", b"begin"))
    if error:
        raise peer.PeerError(f"creating /strace: error {error}")
    markers = []
    for number in range(count):
        marker = f"strace-marker-{number:06}-end"
        _, error, _ = connection.call("setData", wire.text("/strace") + wire.buffer(marker.encode()) + wire.i32(-1))
        if error:
            raise peer.PeerError(f"write {number}: error {error}")
        markers.append(marker)
    client_port = connection.socket.getsockname()[1]
    connection.close()
    return markers, client_port


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(peer.TARGET / "release/zoa"), help="3.9, 3.8 or the path of a zoa program")
    parser.add_argument("--writes", type=int, default=1000)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a line of zoo.cfg")
    parser.add_argument("--keep-trace", metavar="FILE", help="copy the trace there")
    return parser.parse_args()


def main():
    args = parse()
    if shutil.which("strace") is None:
        peer.apt_install("strace")
    with tempfile.TemporaryDirectory(dir=peer.scratch()) as folder:
        data, trace = pathlib.Path(folder).resolve() / "data", pathlib.Path(folder) / "trace"
        server = peer.any_server(args.server, peer.free_port(), data, peer.pairs(args.set), log=peer.COMPAT / "strace-check.log")
        server.argv = traced_argv(server.argv, trace)
        peer.say(f"{args.writes} writes, one at a time, to {args.server} under strace")
        with server:
            markers, client_port = write_one_at_a_time(server.port, args.writes)
        if args.keep_trace:
            shutil.copy(trace, args.keep_trace)
        seen = Trace(read_calls(trace), data, client_port)
    if seen.unseen:
        raise peer.PeerError(f"the server uses {seen.unseen}, which this check does not see through")
    verdicts = [seen.judge(marker) for marker in markers]
    ways = {way: verdicts.count(way) for way in set(verdicts) if way}
    late = [marker for marker, way in zip(markers, verdicts) if way is None]
    print(f"{len(markers)} writes: made durable before the reply by {ways or 'nothing'}; {len(late)} not durable in time")
    if late:
        print(f"first not durable in time: {', '.join(late[:5])}")
        return 1
    return 0


if __name__ == "__main__":
    peer.exit_with(main)
