"""The original's own shell, zkCli.sh, fed its commands one by one; what it prints is what is seen.

Two versions: Debian's zkCli.sh 3.8.0, and the class it starts from the 3.9.5 jars. Times, session ids and zxids
are taken out of what is kept, since they never repeat.
"""

import pathlib
import queue
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peer"))
import peer  # noqa: E402

# A name and the commands of one step. Each command's output is compared with the original's.
SCRIPT = [
    ("create", ["create /test 1", "create /test 2", "create -s /test/s- x", "create -e /test/e e", "create -e -s /test/es- e",
                "create /a/b/c x", "create bad", "create /test/s-0000000000/d 'two words'", "create -t 60000 /ttl x"]),
    ("get", ["get /test", "get -s /test", "get /absent", "get -w /test"]),
    ("ls", ["ls /", "ls -R /test", "ls -s /test", "ls -w /test", "ls /absent"]),
    ("stat", ["stat /test", "stat -w /test", "stat /absent"]),
    ("set", ["set /test foo", "set -s /test bar", "set -v 0 /test x", "set -v 2 /test y", "set /absent x"]),
    ("delete", ["delete /test", "delete -v 9 /test/e", "delete /test/e", "delete /absent", "create /deep", "create /deep/er", "create /deep/er/est", "deleteall /deep",
                "ls /", "deleteall /absent", "create /batch", "create /batch/1", "create /batch/2", "deleteall /batch -b 1"]),
    ("acl", ["getAcl /test", "getAcl -s /test", "create /private s auth:ann:secret:cdrwa", "addauth digest ann:secret", "create /private s auth:ann:secret:cdrwa", "getAcl /private",
             "setAcl /test world:anyone:r", "set /test no", "getAcl /test", "setAcl -R /private auth::cdrwa", "setAcl /private bad:acl", "setAcl -v 9 /private world:anyone:cdrwa",
             "whoami"]),
    ("watches", ["create /w 0", "addWatch /w", "set /w 1", "create /w/child 1", "set /w/child 2", "removewatches /w", "set /w 3", "addWatch -m PERSISTENT /w", "create /w/child2",
                 "set /w/child2 3", "removewatches /w", "removewatches /absent"]),
    ("queries", ["sync /", "sync /absent", "getEphemerals", "getEphemerals /test", "getEphemerals /none", "getAllChildrenNumber /", "getAllChildrenNumber /absent", "version"]),
    ("config", ["config", "config -s", "reconfig -add 2=localhost:2888:3888;2181"]),
    ("quota", ["setquota -n 2 /w", "listquota /w", "delquota /w", "listquota /test"]),
    ("after_the_restart", ["get -s /test", "getEphemerals", "set /w 4", "ls /"]),
    ("containers", ["create /later", "create -c /later/container", "deleteall /later"]),
    ("other", ["nosuch", "history", "printwatches", "create", "ls", "get -x /", "addauth nosuch scheme", "ls /", "close", "ls /", "quit"]),
]
LATER_S = {"watches": 0.4, "set": 0.4}  # how long events that belong to a step's commands may take


class Shell:
    """One zkCli process; `say` returns what it prints for one command."""

    def __init__(self, version, hosts):
        begin = [str(peer.ZKCLI)] if version == "3.8" else ["java", "-cp", peer.classpath("3.9"), "-Dlog4j2.level=OFF", "org.apache.zookeeper.ZooKeeperMain"]
        self.process = subprocess.Popen([*begin, "-server", hosts, "-timeout", "4000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self.lines, self.marks = queue.Queue(), 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def say(self, command, later_s):
        """The answer, up to the answer of a command that follows it."""
        self.marks += 1
        mark = f"mark{self.marks}end"
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        time.sleep(later_s)
        if command != "quit":
            self.process.stdin.write(f"{mark}\n")
            self.process.stdin.flush()
        return self._until(mark, command)

    def _until(self, mark, command):
        answer, deadline = [], time.monotonic() + 30
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise peer.PeerError(f"zkCli gave no answer to `{command}` within 30 s") from None
            if line is None or mark in line:
                return answer
            answer.append(line)


NOISE = re.compile(r"^\s*$|^SLF4J|^log4j|^Connecting to|^Welcome|^JLine|JVM|^WATCHER::$|^\d{4}-\d\d-\d\d |^\[zk: |^\tat |^\d+ - ")
USERS = ("digest: ", "ip: ")
CHANGES = [
    (re.compile(r"^(c|m)time = .*"), r"\1time = ..."), (re.compile(r"^(c|m|p|zx)(Z?)xid = 0x[0-9a-f]+"), r"\1\2xid = ..."),
    (re.compile(r"ephemeralOwner = 0x[1-9a-f][0-9a-f]+"), "ephemeralOwner = a session"),
    (re.compile(r" zxid: -?\d+"), ""), (re.compile(r"127\.0\.0\.1:\d+"), "HOST"), (re.compile(r"clientPort[^ ]*:\d+"), "clientPort"),
    (re.compile(r"ip: [0-9.]+"), "ip: IP"),
]


def normal(lines):
    """The lines that a user reads, without what differs from run to run."""
    kept = []
    for line in lines:
        # The mark is a command unknown to the shell: it prints its whole help first.
        if line.startswith("ZooKeeper -server host:port"):
            break
        if NOISE.search(line):
            continue
        for pattern, text in CHANGES:
            line = pattern.sub(text, line)
        kept.append(line)
    # Another thread prints the events, and the original lists users in the order of a hash table.
    return sorted(kept, key=lambda line: (line.startswith("WatchedEvent"), line if line.startswith(USERS) else ""))


def play(version):
    def played(world, day):
        shell = Shell(version, world.hosts)
        try:
            for name, commands in SCRIPT:
                if name == "after_the_restart":
                    world.restart()
                    time.sleep(4)
                for number, command in enumerate(commands):
                    day.seen[f"{name} {number:02} {command}"] = " | ".join(normal(shell.say(command, LATER_S.get(name, 0.05))))
                day.passed.append(name)
            shell.process.wait(timeout=20)
            day.seen["exit code"] = shell.process.returncode
        except (peer.PeerError, BrokenPipeError, subprocess.TimeoutExpired) as error:
            day.failed.append(f"{name} {error}")
        finally:
            shell.process.kill()
    return played


def prepare(version):
    return lambda work: peer.install(version)
