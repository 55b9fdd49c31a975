"""`zoa dev --nodes 3`, as who tries it out has it. Not a program: `run.py` has the scenario."""

import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import time

import wire
from ensemble import NODE_EXISTS, Failure, await_that, peer, require

SERVERS = 3
# What it printed in the end, when all serve.
LAST_WORDS = "Ctrl-C stops all."


class Dev:
    """One run; leaving the context ends it, however far it came."""

    def __init__(self, program, port, data):
        command = [program, "dev", "--nodes", str(SERVERS), "--port", str(port), "--data", str(data)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        start_new_session=True)
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()

    def await_words(self, words, patience_s=20):
        deadline = time.monotonic() + patience_s
        while words not in self.said:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536).decode() if ready else ""
            require(more, f"zoa dev does not say {words!r}, but: {self.said}")
            self.said += more

    def servers(self):
        """Of each server that it names: number, address, process."""
        return [(int(n), at, int(pid)) for n, at, pid in re.findall(r"server (\d) +(\S+) +process (\d+)", self.said)]

    def children(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}


def is_running(pid):
    """Not one that has ended and that nobody has asked for."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def free_ports():
    """The first of the ports that a run takes: those for clients, and those that stand 707 and 1707 above."""
    for _ in range(100):
        first = peer.free_port()
        wanted = [first + above + number for above in (0, 707, 1707) for number in range(SERVERS)]
        if all(map(peer.is_free, wanted)):
            return first
    raise Failure("no ports are free")


def connect(address):
    host, port = address.split(":")
    connection = wire.Connection((host, int(port)))
    connection.connect()
    require(connection.session != 0, f"{address} opens no session")
    return connection


def dev(cluster):
    """It starts three, says what to type, serves; one dies; however it ends, no process is left, and the data is there again."""
    program, folder = cluster.argv[0], cluster.folder
    folder.mkdir(parents=True, exist_ok=True)
    port = free_ports()
    ends = {"SIGINT": lambda run: run.process.send_signal(signal.SIGINT), "Ctrl-C": lambda run: os.killpg(run.process.pid, signal.SIGINT),
            "kill -9": lambda run: run.process.kill()}
    written = set()
    for name, end in ends.items():
        with Dev(program, port, folder / "data") as run:
            run.await_words(LAST_WORDS)
            tells_what_to_type(run, port)
            require(znodes(f"127.0.0.1:{port}") >= written, f"after {len(written)} znodes and a restart there are fewer")
            written = serves(run)
            pids = {pid for _, _, pid in run.servers()}
            end(run)
            code = run.process.wait(15)
            require(name == "kill -9" or code == 0, f"zoa dev ends with {code} after {name}")
            await_that(lambda pids=pids: not any(map(is_running, pids)), f"no server is left after {name}", 10)
    return f"served, one killed, gone with {', '.join(ends)}; what was written before was there again"


def tells_what_to_type(run, port):
    addresses = [f"127.0.0.1:{port + number}" for number in range(SERVERS)]
    named = run.servers()
    require([(number, at) for number, at, _ in named] == list(enumerate(addresses, 1)), f"it names other servers: {run.said}")
    require({pid for _, _, pid in named} == run.children(), f"it names other processes than it has, {run.children()}: {run.said}")
    require(f"  zkCli.sh -server {','.join(addresses)}\n" in run.said, f"it does not say what to type: {run.said}")


def serves(run):
    """A write through one is read through another, and they go on when one is killed; returns the znodes that there are then."""
    (number, first, victim), (_, second, _), (_, third, _) = run.servers()
    before = znodes(second)
    require(is_written(first, f"/{len(before)}"), f"a write through {first} fails")
    require(f"{len(before)}" in znodes(third), f"a write through {first} is not seen through {third}")
    os.kill(victim, signal.SIGKILL)
    run.await_words(f"Server {number} ended")
    await_that(lambda: is_written(second, f"/{len(before)}-after"), "two of three take a write", 10)
    return znodes(third)


def is_written(address, path):
    try:
        connection = connect(address)
        _, error, _ = connection.call("create", wire.create(path))
    except (OSError, EOFError, Failure):
        return False
    connection.close()
    return error in (0, NODE_EXISTS)


def znodes(address):
    """Those below the root, after a sync."""
    connection = connect(address)
    connection.call("sync", wire.text("/"))
    _, error, answer = connection.call("getChildren", wire.text("/") + wire.boolean(False))
    connection.close()
    require(error == 0, f"getChildren says {error}")
    (count,), at, names = struct.unpack(">i", answer[:4]), 4, set()
    for _ in range(count):
        (length,) = struct.unpack(">i", answer[at:at + 4])
        names.add(answer[at + 4:at + 4 + length].decode())
        at += 4 + length
    return names
