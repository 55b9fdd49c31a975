#!/usr/bin/env python3
"""Gives the same command lines to the original's zkCli.sh and to ours, and compares what they print.

Three shells: Debian's zkCli.sh 3.8.0, the class it starts from the 3.9 jars, and `zoa shell`. Each has an empty
server of its own of the same kind, so that versions, zxids and sequences are the same, and each line's stdout,
stderr and events are compared apart. Times and session ids, which never repeat, are taken out.

A difference must be in differences.toml with its reason; an entry there that no line needs is an error too.
Not a test of the server: that is compat/clients.

  run.py                  our server, target/release/zoa
  run.py --against 3.8    only that one of the originals
  run.py --program P      the program that shell and server are taken from
  run.py --server 3.9     the original server instead of ours
  run.py --docs           also writes the list of differences into docs/shell.md
  run.py --show           prints what every shell said
"""

import argparse
import os
import pathlib
import re
import selectors
import shutil
import subprocess
import sys
import threading
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402

WORK = peer.COMPAT / "shell-transcripts"
LINES = HERE / "lines.txt"
DIFFERENCES = HERE / "differences.toml"
DOCS = peer.ROOT / "docs/shell.md"
EVENTS_S = 0.25  # how long the events of a line may take
ANSWER_S = 30
VERSIONS = ["3.8", "3.9"]
USAGE = "ZooKeeper -server host:port"  # the help, which every unknown command prints, begins so


class Line:
    """One line of lines.txt: its part, its kind (one of ` ~$!`) and its text."""

    def __init__(self, part, kind, text):
        self.part, self.kind, self.text = part, kind, text

    def name(self):
        return f"{self.text!r} ({self.part})"


def read_lines():
    lines, part = [], ""
    for text in LINES.read_text().splitlines():
        if text.startswith("== "):
            part = text[3:]
        elif text and not text.startswith("#"):
            kind = text[0] if text[:2] in ("~ ", "$ ", "! ") else " "
            lines.append(Line(part, kind, text[2:] if kind != " " else text))
    return lines


class Answer:
    """What one line made a shell print, and the exit code if it ended."""

    def __init__(self, out, err, code=None):
        self.out, self.events = split_events(out)
        self.err, self.code = err, code

    def parts(self):
        return {"stdout": self.out, "stderr": self.err, "events": self.events, "exit code": "" if self.code is None else str(self.code)}


# The two halves of an event may come with two answers.
EVENT = re.compile(r"\n(?:WATCHER::|(WatchedEvent [^\n]*))\n")
NEVER_THE_SAME = [
    (re.compile(r"(?m)^(c|m)time = \w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ \d{4}$"), r"\1time = TIME"),
    (re.compile(r"(?m)^ephemeralOwner = 0x[1-9a-f][0-9a-f]+$"), "ephemeralOwner = SESSION"),
    (re.compile(r"session id 0x[0-9a-f]+|sessionid:0x[0-9a-f]+"), "SESSION"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), "HOST"),
    (re.compile(r"(?m)^(\tat |\t\.\.\. \d+ more).*\n|(^|(?<=\"main\" ))(SLF4J|log4j).*\n"), ""),
    (re.compile(r"(?m)^\d{4}-\d\d-\d\d .*\n"), ""),
]


def split_events(out):
    """Events come from another thread, anywhere between the lines of the answer."""
    events = [event for event in EVENT.findall(out) if event]
    return EVENT.sub("", out), "".join(f"{event}\n" for event in events)


def normal(text):
    for pattern, replacement in NEVER_THE_SAME:
        text = pattern.sub(replacement, text)
    return text


class Shell:
    """One shell process; `say` returns the answer to one line."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.selector = selectors.DefaultSelector()
        self.text = {}
        for stream in (self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ)
            self.text[stream] = b""
        self.marks = 0

    def say(self, line, wait_s):
        self._write(line)
        if wait_s:
            time.sleep(wait_s)
        self.marks += 1
        mark = f"mark{self.marks}end".encode()
        self._write(mark.decode())
        err = self._read_until(mark)
        out = self._take(self.process.stdout)
        return Answer(normal(out.decode(errors="replace")), normal(err.decode(errors="replace")), self.process.poll())

    def _write(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which the reading side finds out

    def _read_until(self, mark):
        """stderr up to the help that the mark, an unknown command, prints."""
        stderr, deadline = self.process.stderr, time.monotonic() + ANSWER_S
        while mark not in self.text[stderr] or not self.text[stderr].endswith(b"\n"):
            if not self.selector.get_map():
                self.process.wait()
                return self._take(stderr)
            ready = self.selector.select(max(0, deadline - time.monotonic()))
            if not ready:
                raise peer.PeerError(f"no answer within {ANSWER_S} s")
            for key, _ in ready:
                self._read(key.fileobj)
        self._read(self.process.stdout)
        said = self._take(stderr)
        return said[:said.rindex(USAGE.encode())]

    def _read(self, stream):
        try:
            while more := stream.read(65536):
                self.text[stream] += more
            if more == b"" and stream in self.selector.get_map():
                self.selector.unregister(stream)
        except (BlockingIOError, TypeError):
            pass

    def _take(self, stream):
        said, self.text[stream] = self.text[stream], b""
        return said

    def end(self):
        self.process.kill()
        self.process.wait()


class Kind:
    """One of the three shells, and what it says to every line."""

    def __init__(self, name, argv):
        self.name, self.argv = name, argv
        self.answers = []

    def play(self, server, lines):
        with server:
            hosts = ["-server", f"127.0.0.1:{server.port}"]
            shell = None
            for line in lines:
                if line.kind == "$":
                    self.answers.append(self._one_shot(hosts, line))
                    continue
                if shell is None or line.kind == "!" or shell.process.poll() is not None:
                    shell = self._start(shell, hosts)
                self.answers.append(shell.say(line.text, EVENTS_S if line.kind == "~" else 0))
            shell.end()

    def _start(self, before, hosts):
        if before is not None:
            before.end()
        shell = Shell([*self.argv, *hosts])
        shell.say("printwatches", EVENTS_S)
        return shell

    def _one_shot(self, hosts, line):
        words = line.text.replace("{hosts}", hosts[1]).split()
        done = subprocess.run([*self.argv, *hosts, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S)
        return Answer(normal(done.stdout.decode(errors="replace")), normal(done.stderr.decode(errors="replace")), done.returncode)


def kinds(program, versions):
    """The originals asked for, and ours."""
    originals = {"3.8": kind_3_8, "3.9": kind_3_9}
    return [*(originals[version]() for version in versions), Kind("ours", [str(program), "shell"])]


def kind_3_9():
    return Kind("3.9", ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Dlog4j2.level=OFF", "-cp", peer.classpath("3.9"), "org.apache.zookeeper.ZooKeeperMain"])


def kind_3_8():
    peer.install("3.8")
    os.environ["CLIENT_JVMFLAGS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    return Kind("3.8", [str(peer.ZKCLI)])


def play_all(shells, arguments, lines):
    failed = []

    def play(shell):
        data = WORK / f"{shell.name}-{os.getpid()}"
        try:
            name = arguments.server if arguments.server in peer.VERSIONS else arguments.program
            server = peer.any_server(name, peer.free_port(), data, {"tickTime": "500"}, log=WORK / f"{shell.name}-server.log")
            shell.play(server, lines)
        except Exception as error:
            failed.append(f"{shell.name}: at line {len(shell.answers) + 1}, {lines[len(shell.answers) - 1].name()}: {error!r}")
        finally:
            shutil.rmtree(data, ignore_errors=True)

    threads = [threading.Thread(target=play, args=[shell]) for shell in shells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise peer.PeerError("; ".join(failed))


class Listed:
    """The entries of differences.toml, and which of them were needed."""

    def __init__(self):
        self.entries = tomllib.loads(DIFFERENCES.read_text())["difference"]
        for entry in self.entries:
            entry["seen"] = 0

    def explains(self, line, version, theirs, ours):
        """Whether entries explain all that differs: each takes something out of what the original said, or of ours."""
        theirs, ours, used = dict(theirs), dict(ours), []
        for entry in self.entries:
            if version not in entry.get("versions", VERSIONS) or not fits(entry, line):
                continue
            before = (dict(theirs), dict(ours))
            take_out(theirs, entry.get("theirs", {}))
            take_out(ours, entry.get("ours", {}))
            if before != (theirs, ours):
                used.append(entry)
        if theirs != ours:
            return False
        for entry in used:
            entry["seen"] += 1
        return True

    def unneeded(self, versions):
        due = [entry for entry in self.entries if set(entry.get("versions", VERSIONS)) & set(versions)]
        return [entry["what"] for entry in due if not entry["seen"] and not entry.get("sometimes")]


def take_out(said, patterns):
    for stream, pattern in patterns.items():
        said[stream] = re.sub(pattern, "", said[stream], flags=re.M)


def fits(entry, line):
    return line.text in entry["lines"] if "lines" in entry else re.search(entry.get("line", ""), line.text) is not None


def compare(shells, lines, listed):
    """Prints every difference that is not listed; returns how many lines were equal, explained and different."""
    counts = {"equal": 0, "explained": 0, "different": 0}
    *originals, ours = shells
    for number, line in enumerate(lines):
        for original in originals:
            theirs, mine = original.answers[number].parts(), ours.answers[number].parts()
            if theirs == mine:
                counts["equal"] += 1
            elif listed.explains(line, original.name, theirs, mine):
                counts["explained"] += 1
            else:
                counts["different"] += 1
                tell(line, original.name, theirs, mine)
    return counts


def tell(line, version, theirs, ours):
    print(f"DIFFERS from {version}: {line.name()}")
    for stream in theirs:
        if theirs[stream] != ours[stream]:
            print(f"    {stream} there: {theirs[stream]!r}\n    {stream} ours:  {ours[stream]!r}")


def docs_section(listed, lines, counts):
    rows = [f"| {entry['what']} | {', '.join(entry.get('versions', VERSIONS))} | {entry['kind']} | {entry['why']} |" for entry in listed.entries]
    return "\n".join([
        f"{len(lines)} command lines went to each of the three shells: {counts['equal']} of {2 * len(lines)} answers are equal,",
        f"{counts['explained']} differ as listed here, {counts['different']} differ otherwise.", "",
        "| what differs | from | kind | why |", "|---|---|---|---|", *rows])


def write_docs(section):
    begin, end = "<!-- differences: written by compat/shell-transcripts/run.py --docs -->", "<!-- end of differences -->"
    before, rest = DOCS.read_text().split(begin)
    DOCS.write_text(f"{before}{begin}\n{section}\n{end}{rest.split(end)[1]}")


def show(shells, lines):
    for number, line in enumerate(lines):
        print(f"> {line.kind} {line.text}")
        for shell in shells:
            for stream, text in shell.answers[number].parts().items():
                if text:
                    print(f"  {shell.name} {stream}: {text!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(peer.TARGET / "release/zoa"))
    parser.add_argument("--server", default="ours", choices=("ours", *peer.VERSIONS))
    parser.add_argument("--against", action="append", choices=peer.VERSIONS)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    lines = read_lines()
    versions = arguments.against or list(peer.VERSIONS)
    shells = kinds(arguments.program, versions)
    begin = time.monotonic()
    play_all(shells, arguments, lines)
    if arguments.show:
        show(shells, lines)
    listed = Listed()
    counts = compare(shells, lines, listed)
    unneeded = listed.unneeded(versions) if arguments.server == "ours" else []
    for what in unneeded:
        print(f"in differences.toml and not seen, take it out: {what}")
    print(f"{len(lines)} command lines in {time.monotonic() - begin:.0f} s: {counts['equal']} answers equal, "
          f"{counts['explained']} explained, {counts['different']} different")
    if arguments.docs:
        write_docs(docs_section(listed, lines, counts))
    return 1 if counts["different"] or unneeded else 0


if __name__ == "__main__":
    peer.exit_with(main)
