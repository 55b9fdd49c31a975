#!/usr/bin/env python3
"""Takes the clients that ZooKeeper users have today, each in its own language, through a day with one server.

Each program below a language's folder uses its client as its documentation says: connect, create, read,
write, watch, ephemerals, transactions; then the server is killed and started again under it, and then its
session expires. A program writes lines: `ok NAME`, `not ok NAME WHY`, `saw NAME VALUE` (compared between the
original server and ours), `do restart` and `do expire`; it is answered `done`.

Not a test of the clients: what also fails against the original is shown, and counted as failed all the same.

  run.py                        against Zoarium; exit 1 when a step fails, or a value differs from the
                                original's, without an entry in expected.toml
  run.py --original             against ZooKeeper 3.9; keeps what was seen in seen.json
  run.py --only kazoo --only go
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402
from clients import CLIENTS, Missing  # noqa: E402
from gate import Gate  # noqa: E402

WORK = peer.COMPAT / "clients"
SEEN = HERE / "seen.json"
EXPECTED = HERE / "expected.toml"
SETTINGS = {"tickTime": "500", "maxSessionTimeout": "20000", "initLimit": "10", "syncLimit": "5"}
CLIENT_TIME_S = 150


class World:
    """One server, the gate in front of it, and what clients may ask for."""

    def __init__(self, name, original, program):
        self.original, self.name = original, name
        data = WORK / "data" / f"{name}-{os.getpid()}"
        self.log = WORK / f"{name}-{'original' if original else 'zoa'}-server.log"
        self.log.unlink(missing_ok=True)
        self.data = data
        port = peer.free_port()
        self.server = peer.any_server("3.9" if original else program, port, data, SETTINGS, log=self.log)

    def __enter__(self):
        self.server.start()
        self.gate = Gate(self.server.port)
        return self

    def __exit__(self, *_):
        self.gate.shut()
        self.server.stop()

    @property
    def hosts(self):
        return f"127.0.0.1:{self.gate.port}"

    def restart(self):
        self.gate.shut()
        self.server.stop()
        self.server.start()
        self.gate.open()

    def expire(self):
        """Cuts all clients off until no session of theirs holds a znode."""
        self.gate.shut()
        deadline = time.monotonic() + 60
        while "zk_ephemerals_count\t0\n" not in peer.four_letter_word(self.server.port, "mntr"):
            if time.monotonic() > deadline:
                raise peer.PeerError("ephemerals are still there 60 s after their clients were cut off")
            time.sleep(0.1)
        self.gate.open()


class Day:
    """What came of one client."""

    def __init__(self):
        self.passed, self.failed, self.seen = [], [], {}

    def take(self, line):
        """Keeps one line of the program; returns what it asks for."""
        kind, _, rest = line.partition(" ")
        if kind == "ok":
            self.passed.append(rest)
        elif line.startswith("not ok "):
            self.failed.append(line[len("not ok "):])
        elif kind == "saw":
            name, _, value = rest.partition(" ")
            self.seen[name] = value
        elif kind == "do":
            return rest
        return None


def converse(process, world, day):
    for line in process.stdout:
        wish = day.take(line.rstrip("\n"))
        if wish is not None:
            {"restart": world.restart, "expire": world.expire}[wish]()
            process.stdin.write("done\n")
            process.stdin.flush()


def run_program(client, argv, world, day):
    """Runs a program that speaks the lines of this script's head."""
    log = WORK / f"{client.name}-{'original' if world.original else 'zoa'}.log"
    with open(log, "w") as errors:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace")
        timer = threading.Timer(CLIENT_TIME_S, process.kill)
        timer.start()
        try:
            converse(process, world, day)
        except (OSError, peer.PeerError) as error:
            day.failed.append(f"conversation {error}")
            process.kill()
        code = process.wait()
        timer.cancel()
    if code != 0:
        day.failed.append(f"exit {code} (its messages: {log})")
    for name in client.steps:
        if name not in day.passed and not any(f.split(" ")[0] == name for f in day.failed):
            day.failed.append(f"{name} was not reached")


def run_client(client, arguments):
    """The day of one client; None with a reason when it cannot be had here."""
    day = Day()
    client.prepare(WORK)
    with World(client.name, arguments.original, arguments.server) as world:
        if client.play is not None:
            client.play(world, day)
        else:
            run_program(client, client.argv(WORK, world.hosts), world, day)
    return day


def differences(name, day):
    kept = json.loads(SEEN.read_text()).get(name, {}) if SEEN.exists() else {}
    return [f"{key}: {day.seen.get(key)} here, {kept.get(key)} by the original"
            for key in sorted(set(kept) | set(day.seen)) if kept.get(key) != day.seen.get(key)]


def keep(name, day):
    kept = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    kept[name] = day.seen
    SEEN.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def judge(client, day, original):
    """Prints what went wrong; returns whether all of it is listed in expected.toml, and all that is listed came."""
    lines = [f"FAILED  {line}" for line in day.failed]
    if original:
        keep(client.name, day)
        for line in lines:
            print(f"    {line}")
        return not lines
    lines += [f"DIFFERS {line}" for line in differences(client.name, day)]
    listed = [entry for entry in tomllib.loads(EXPECTED.read_text())["expected"] if entry["client"] == client.name]
    good = True
    for line in lines:
        why = [entry["why"] for entry in listed if line[8:].startswith(entry["what"])]
        good &= bool(why)
        print(f"    {line} (expected: {why[0]})" if why else f"    {line}")
    for entry in listed:
        if not any(line[8:].startswith(entry["what"]) for line in lines):
            good = False
            print(f"    {entry['what']!r} is in expected.toml and did not come: take it out")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", action="store_true", help="run against ZooKeeper 3.9 and keep what is seen")
    parser.add_argument("--server", default=str(peer.TARGET / "release/zoa"), help="the path of a zoa program")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", choices=[c.name for c in CLIENTS])
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    rows, good = [], True
    for client in CLIENTS:
        if arguments.only and client.name not in arguments.only:
            continue
        print(f"{client.name}: {client.what}", flush=True)
        begin = time.monotonic()
        try:
            day = run_client(client, arguments)
        except Missing as reason:
            rows.append(f"| {client.name} | {client.what} | - | - | not tried: {reason} |")
            continue
        fine = judge(client, day, arguments.original)
        good &= fine
        rows.append(f"| {client.name} | {client.what} | {len(day.passed)} | {len(day.failed)} | {('as expected' if day.failed else 'passed') if fine else 'FAILED'} in {time.monotonic() - begin:.0f} s |")
    print("\n| client | what | steps passed | failed | |\n|---|---|---|---|---|")
    print("\n".join(rows))
    return 0 if good else 1


if __name__ == "__main__":
    peer.exit_with(main)
