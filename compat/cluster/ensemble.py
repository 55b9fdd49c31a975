"""An ensemble of real processes on the loopback, and writers that keep account of what was acknowledged to them.

Not a test: those are run one by one with `run_each`. Each server has a folder of its own with `zoo.cfg`, `data` and `server.log`; nothing
outlives the value.
"""

import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peer"))
import peer  # noqa: E402
import wire  # noqa: E402

NODE_EXISTS, NO_NODE = -110, -101


class Failure(Exception):
    """Something that must hold does not."""


def require(condition, what):
    if not condition:
        raise Failure(what)


def await_that(holds, what, patience_s=30):
    deadline = time.monotonic() + patience_s
    while not holds():
        require(time.monotonic() < deadline, f"not within {patience_s} s: {what}")
        time.sleep(0.05)


def run_each(title, scenarios, keep=None):
    """Runs scenarios, `{name: (assemble, run)}`: `assemble` makes an ensemble in a folder, `run` uses it and says how it went.

    A line for each; what the servers logged last for one that fails, and an error in the end. The folders stay in `keep`, if given."""
    failed = []
    for name, (assemble, run) in scenarios.items():
        with tempfile.TemporaryDirectory(dir=peer.scratch(), prefix=f"{title}-{name}-") as folder:
            begun = time.monotonic()
            with assemble(keep / name if keep else pathlib.Path(folder)) as cluster:
                try:
                    outcome, last_words = run(cluster), []
                except Exception as failure:  # Whatever it is, the others run, and what the servers said is told.
                    failed.append(name)
                    outcome = f"FAILED: {told(failure)}"
                    last_words = [line for server in cluster.servers for line in server.last_words()]
            print(f"{title} {name}: {outcome} ({time.monotonic() - begun:.0f} s)", *last_words, sep="\n  ", flush=True)
    if failed:
        raise peer.PeerError(f"failed: {', '.join(failed)}")


def told(failure):
    """What does not hold; of what nobody foresaw also where it happened."""
    if isinstance(failure, Failure):
        return str(failure)
    return "".join(traceback.format_exception(failure)).rstrip()


class Server:
    """One process; `number` is its myid."""

    def __init__(self, ensemble, number):
        self.ensemble, self.number = ensemble, number
        self.folder = ensemble.folder / str(number)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = peer.free_port()
        self.process = None

    def prepare(self, settings, lines):
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "myid").write_text(f"{self.number}\n")
        own = {"dataDir": self.data, "clientPort": self.port, "clientPortAddress": "127.0.0.1"}
        text = "".join(f"{key}={value}\n" for key, value in {**settings, **own}.items())
        (self.folder / "zoo.cfg").write_text(text + "".join(lines))

    def add_settings(self, settings):
        """Further lines of its zoo.cfg; of two with one key the last counts."""
        with open(self.folder / "zoo.cfg", "a") as config:
            config.writelines(f"{key}={value}\n" for key, value in settings.items())

    def start(self):
        with open(self.log, "a") as log:
            command = [*self.ensemble.argv, str(self.folder / "zoo.cfg")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, how=signal.SIGKILL, patience_s=20):
        """Ends the process and waits until it is gone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(patience_s)
            self.process = None

    def wipe(self):
        """Takes the disk away: what is left is what an operator gives a new one."""
        shutil.rmtree(self.data)
        self.data.mkdir()
        (self.data / "myid").write_text(f"{self.number}\n")

    def word(self, word):
        """What it answers to a four-letter word; empty when it does not."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(word.encode())
                got = b""
                while more := connection.recv(65536):
                    got += more
                return got.decode(errors="replace")
        except OSError:
            return ""

    def mode(self):
        for line in self.word("srvr").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return None

    def mntr(self):
        """What it answers to mntr, by key."""
        return dict(line.split("\t", 1) for line in self.word("mntr").splitlines())

    def log_says(self, words):
        return words in self.log.read_text(errors="replace")

    def last_words(self):
        """The end of its log, for who looks for the reason of a failure."""
        lines = self.log.read_text(errors="replace").splitlines()[-15:] if self.log.exists() else []
        return [f"server {self.number}:", *(f"  {line}" for line in lines)]


class Ensemble:
    """Servers 1 to `size`; leaving the context ends them all."""

    def __init__(self, folder, argv, size=3, settings=None):
        self.folder, self.argv = pathlib.Path(folder), argv
        settings = {"tickTime": 1000, "initLimit": 10, "syncLimit": 5, "maxClientCnxns": 0, "maxSessionTimeout": 60000,
                    "4lw.commands.whitelist": "*", "snapCount": 5000, **(settings or {})}
        self.settings = settings
        self.servers = [Server(self, number) for number in range(1, size + 1)]
        lines = [f"server.{server.number}=127.0.0.1:{peer.free_port()}:{peer.free_port()}\n" for server in self.servers]
        for server in self.servers:
            server.prepare(settings, lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            if server.process is not None:
                server.process.kill()
        for server in self.servers:
            if server.process is not None:
                server.process.wait()
                server.process = None

    def start(self):
        for server in self.servers:
            server.start()

    def await_serving(self, servers=None, patience_s=30):
        """Waits until these have a mode, and one of them leads; returns that one."""
        servers = servers or self.servers
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            modes = {server: server.mode() for server in servers}
            if None not in modes.values() and "leader" in modes.values():
                return next(server for server, mode in modes.items() if mode == "leader")
            time.sleep(0.02)
        raise Failure(f"not serving after {patience_s} s: { {s.number: s.mode() for s in servers} }; logs in {self.folder}")

    def leader(self):
        return self.await_serving([s for s in self.servers if s.process is not None])


class Writer(threading.Thread):
    """Creates one znode after another in one session, wherever a server takes it, and notes what was acknowledged and when."""

    def __init__(self, ensemble, number, session_timeout_ms=20000):
        super().__init__(daemon=True)
        self.ensemble, self.number, self.session_timeout_ms = ensemble, number, session_timeout_ms
        self.acknowledged, self.times, self.unknown, self.lost_sessions = [], [], 0, 0
        self.session, self.password, self.last_zxid = 0, b"\0" * 16, 0
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        at, count = self.number, 0
        while not self.stopping.is_set():
            server = self.ensemble.servers[at % len(self.ensemble.servers)]
            at += 1
            try:
                connection = wire.Connection(("127.0.0.1", server.port), timeout_s=10)
            except OSError:
                time.sleep(0.002)
                continue
            try:
                self.attach(connection)
                while not self.stopping.is_set():
                    count += 1
                    self.write(connection, f"/w{self.number}-{count}")
            except (OSError, EOFError, struct.error):
                self.unknown += 1
                time.sleep(0.001)
            except Failure as failure:
                self.failure = failure
                return
            finally:
                connection.close()

    def attach(self, connection):
        connection.connect(session=self.session, password=self.password, timeout_ms=self.session_timeout_ms,
                           last_zxid=self.last_zxid)
        if connection.session == 0:
            self.lost_sessions += 1
            self.session, self.password = 0, b"\0" * 16
            raise EOFError("the session is over")
        self.session, self.password = connection.session, connection.password

    def write(self, connection, path):
        zxid, error, _ = connection.call("create", wire.create(path, b"x" * 100))
        require(error == 0, f"create {path} says {error}")
        require(zxid > self.last_zxid, f"zxid {zxid:x} of {path} does not follow {self.last_zxid:x}")
        self.last_zxid = zxid
        self.acknowledged.append(path)
        self.times.append(time.monotonic())


class Load:
    """Writers that write while the context lasts."""

    def __init__(self, ensemble, writers=6):
        self.writers = [Writer(ensemble, number) for number in range(writers)]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for writer in self.writers:
            writer.stopping.set()
        for writer in self.writers:
            writer.join(30)
            require(not writer.is_alive(), "a writer hangs")
        for writer in self.writers:
            if writer.failure:
                raise writer.failure

    def count(self):
        return sum(len(writer.acknowledged) for writer in self.writers)

    def await_writes(self, more=200, patience_s=30):
        target, deadline = self.count() + more, time.monotonic() + patience_s
        while self.count() < target:
            require(time.monotonic() < deadline, f"{more} writes were not acknowledged within {patience_s} s")
            time.sleep(0.01)

    def longest_gap_ms(self, begin, end):
        """The longest time without any acknowledged write."""
        times = sorted(t for writer in self.writers for t in writer.times if begin <= t <= end)
        edges = [begin, *times, end]
        return max(b - a for a, b in zip(edges, edges[1:])) * 1000

    def lost_sessions(self):
        return sum(writer.lost_sessions for writer in self.writers)

    def check_nothing_lost(self, server):
        """Every acknowledged znode is there, as this server sees it after a sync."""
        connection = wire.Connection(("127.0.0.1", server.port), timeout_s=30)
        connection.connect()
        require(connection.session != 0, f"server {server.number} opens no session")
        connection.call("sync", wire.text("/"))
        paths = [path for writer in self.writers for path in writer.acknowledged]
        missing = []
        for some in range(0, len(paths), 500):
            part = paths[some:some + 500]
            sent = {connection.request("exists", wire.text(path) + wire.boolean(False)): path for path in part}
            for _ in part:
                xid, _, error = struct.unpack(">iqi", connection.read_frame()[:16])
                if error:
                    missing.append((sent[xid], error))
        connection.close()
        require(not missing, f"server {server.number} has lost {len(missing)} of {len(paths)} acknowledged writes: {missing[:5]}")
        return len(paths)


def check_everywhere(cluster, load):
    """Every acknowledged znode is on every server; how many there are."""
    for server in cluster.servers:
        count = load.check_nothing_lost(server)
    return count


def outlast_restart(cluster, load):
    """All servers are killed at once and started again, and go on with everything; how many writes there are then."""
    for server in cluster.servers:
        server.end()
    cluster.start()
    cluster.await_serving()
    load.await_writes(100)
    load.stop()
    return check_everywhere(cluster, load)
