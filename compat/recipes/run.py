#!/usr/bin/env python3
"""Lets kazoo, the Rust recipes and those in PHP contend for the same locks, election, semaphore, queues, barriers, counter and group.

Rust processes (zoa-client's example `recipes`), PHP processes (`php/tests/take-part.php`) and kazoo's own recipes work on
the same znodes of one Zoarium server. What is checked is what the recipes promise: a sum that is only right when one adds
at a time, never more inside than there are leases, every item taken once, nobody through a barrier that stands.

  run.py --server PROGRAM --rust PROGRAM [--php COMMAND]      exit 1 when something did not hold

The command is that which runs PHP with our extension, such as "php -n -d extension=zookeeper.so"; without it PHP is left out.
"""

import argparse
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kazoo"))
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402
import run as kazoo_suite  # noqa: E402

ROUNDS = 40


class Held(Exception):
    """Something that was promised did not hold."""


def start_server(program, folder):
    port = peer.free_port()
    config = pathlib.Path(folder) / "zoo.cfg"
    config.write_text(f"tickTime=2000\ndataDir={folder}/data\nclientPort={port}\nadmin.enableServer=false\n")
    log = open(pathlib.Path(folder) / "log", "w")
    server = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server, f"127.0.0.1:{port}"
        except OSError:
            time.sleep(0.05)
    server.kill()
    raise Held(f"the server did not start: {(pathlib.Path(folder) / 'log').read_text()}")


class Stage:
    """One server, one kazoo client, and processes in other languages."""

    def __init__(self, languages, address, kazoo):
        self.languages, self.address, self.kazoo = languages, address, kazoo

    def start(self, language, what, path, count):
        argv = [*self.languages[language], self.address, what, path, str(count)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start_two(self, what, path, count):
        """Two processes, of different languages if there are two."""
        names = list(self.languages)
        return [self.start(language, what, path, count) for language in (names[0], names[-1])]

    def end(self, process):
        out, err = process.communicate(timeout=60)
        if process.returncode != 0:
            raise Held(f"{process.args[0]} ended with {process.returncode}: {out}{err}")
        return out.split("\n")[:-1]

    def add_one(self, path):
        data, _ = self.kazoo.get(path + "-sum")
        time.sleep(0.002)
        self.kazoo.set(path + "-sum", str(int(data) + 1).encode())


def check_sum(stage, what, path, kazoo_round):
    stage.kazoo.create(path + "-sum", b"0")
    others = stage.start_two(what, path, ROUNDS)
    for _ in range(ROUNDS):
        kazoo_round()
    for process in others:
        stage.end(process)
    total = int(stage.kazoo.get(path + "-sum")[0])
    if total != 3 * ROUNDS:
        raise Held(f"{3 * ROUNDS} additions under the {what} made {total}")


def lock(stage):
    shared = stage.kazoo.Lock("/lock", "kazoo")

    def one_round():
        with shared:
            stage.add_one("/lock")

    check_sum(stage, "lock", "/lock", one_round)


def read_write_lock(stage):
    writing, reading = stage.kazoo.WriteLock("/read-write", "kazoo"), stage.kazoo.ReadLock("/read-write", "kazoo")

    def one_round():
        with writing:
            stage.add_one("/read-write")
        with reading:
            before = stage.kazoo.get("/read-write-sum")
            time.sleep(0.002)
            if stage.kazoo.get("/read-write-sum") != before:
                raise Held("somebody wrote while kazoo read")

    check_sum(stage, "read-write", "/read-write", one_round)


def election(stage):
    standing = stage.kazoo.Election("/election", "kazoo")
    check_sum(stage, "election", "/election", lambda: standing.run(stage.add_one, "/election"))


def semaphore(stage):
    stage.kazoo.create("/semaphore-inside", b"")
    others = stage.start_two("semaphore", "/semaphore", ROUNDS)
    seen = []
    for _ in range(ROUNDS):
        with stage.kazoo.Semaphore("/semaphore", max_leases=2):
            made = stage.kazoo.create("/semaphore-inside/k-", b"", ephemeral=True, sequence=True)
            seen.append(len(stage.kazoo.get_children("/semaphore-inside")))
            stage.kazoo.delete(made)
    for process in others:
        seen += [int(line.split()[1]) for line in stage.end(process)]
    if len(seen) != 3 * ROUNDS or max(seen) > 2:
        raise Held(f"{len(seen)} leases, and {max(seen)} inside at once where 2 may be")


def queue(stage):
    shared = stage.kazoo.Queue("/queue")
    languages = list(stage.languages)
    putting = [stage.start(language, "put", "/queue", ROUNDS) for language in languages]
    taking = [stage.start(language, "take", "/queue", ROUNDS) for language in languages]
    for number in range(ROUNDS):
        shared.put(f"kazoo-{number}".encode())
    taken, until = [], time.monotonic() + 30
    while len(taken) < ROUNDS and time.monotonic() < until:
        item = shared.get()
        taken += [item.decode()] if item is not None else []
    for process in putting:
        stage.end(process)
    for process in taking:
        taken += [line.split()[1] for line in stage.end(process)]
    put = [f"{who}-{number}" for who in ("kazoo", *languages) for number in range(ROUNDS)]
    if sorted(taken) != sorted(put):
        raise Held(f"{len(put)} items were put and {len(taken)} taken, {len(set(taken))} different ones")


def priority_queue(stage):
    languages = list(stage.languages)
    shared = stage.kazoo.Queue("/urgent")
    shared.put(b"kazoo-500", priority=500)
    shared.put(b"kazoo-100", priority=100)
    for language, priority in ((languages[0], 400), (languages[-1], 1)):
        stage.end(stage.start(language, "put-at", "/urgent", priority))
    taken = [shared.get().decode()]
    for language in (languages[0], languages[-1]):
        taken += [line.split()[1] for line in stage.end(stage.start(language, "take", "/urgent", 1))]
    taken.append(stage.kazoo.Queue("/urgent").get().decode())
    if taken != [f"{languages[-1]}-1", "kazoo-100", f"{languages[0]}-400", "kazoo-500"]:
        raise Held(f"taken in the order {taken}")


def counter(stage):
    shared = stage.kazoo.Counter("/counter")
    others = stage.start_two("count", "/counter", ROUNDS)
    for _ in range(ROUNDS):
        shared += 1
    for process in others:
        stage.end(process)
    if shared.value != 3 * ROUNDS:
        raise Held(f"{3 * ROUNDS} additions made {shared.value}")


def group(stage):
    everybody = sorted(["kazoo", *stage.languages])
    party = stage.kazoo.Party("/group", "kazoo")
    party.join()
    others = [stage.start(language, "join", "/group", len(everybody)) for language in stage.languages]
    until = time.monotonic() + 20
    while sorted(party) != everybody and time.monotonic() < until:
        time.sleep(0.02)
    if sorted(party) != everybody:
        raise Held(f"kazoo sees {sorted(party)}")
    if any(process.stdout.readline() != f"saw {' '.join(everybody)}\n" for process in others):
        raise Held("one does not see everybody")
    party.leave()
    for process in others:
        stage.end(process)
    if list(party):
        raise Held(f"all have left, and kazoo sees {list(party)}")


def barrier(stage):
    shared = stage.kazoo.Barrier("/barrier")
    for language in stage.languages:
        stage.end(stage.start(language, "set", "/barrier", 0))
        if shared.wait(timeout=0.3):
            raise Held(f"kazoo got through a barrier that {language} has set")
        stage.end(stage.start(language, "remove", "/barrier", 0))
        if not shared.wait(timeout=10):
            raise Held(f"kazoo did not get through a barrier that {language} has removed")
    shared.create()
    waiting = {language: stage.start(language, "wait", "/barrier", 0) for language in stage.languages}
    time.sleep(0.5)
    for language, process in waiting.items():
        if process.poll() is not None:
            raise Held(f"{language} got through a barrier that kazoo has set")
    shared.remove()
    for process in waiting.values():
        stage.end(process)


def double_barrier(stage):
    count = 1 + len(stage.languages)
    shared = stage.kazoo.DoubleBarrier("/double", count, "kazoo")
    entering = threading.Thread(target=shared.enter)
    entering.start()
    time.sleep(0.5)
    if not entering.is_alive():
        raise Held("kazoo entered alone")
    others = [stage.start(language, "double", "/double", count) for language in stage.languages]
    entering.join(20)
    if entering.is_alive() or any(process.stdout.readline() != "entered\n" for process in others):
        raise Held("all are there, and one did not enter")
    time.sleep(0.5)
    if any(process.poll() is not None for process in others):
        raise Held("one left while kazoo was inside")
    leaving = threading.Thread(target=shared.leave)
    leaving.start()
    if any(stage.end(process) != ["left"] for process in others):
        raise Held("one did not leave")
    leaving.join(20)
    if leaving.is_alive():
        raise Held("kazoo did not leave")


CHECKS = [lock, read_write_lock, election, semaphore, queue, priority_queue, counter, group, barrier, double_barrier]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True, help="the program zoa")
    parser.add_argument("--rust", required=True, help="zoa-client's example `recipes`")
    parser.add_argument("--php", help="what runs PHP with our extension")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        kazoo_suite.install()
        python = kazoo_suite.VENV / "bin/python"
        return subprocess.run([str(python), __file__, *sys.argv[1:], "--inside"]).returncode
    from kazoo.client import KazooClient
    languages = {"rust": [arguments.rust]}
    if arguments.php:
        languages["php"] = [*arguments.php.split(), str(HERE.parent.parent / "php/tests/take-part.php")]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        server, address = start_server(arguments.server, folder)
        try:
            client = KazooClient(hosts=address)
            client.start()
            for check in CHECKS:
                begun = time.monotonic()
                try:
                    check(Stage(languages, address, client))
                    print(f"ok      {check.__name__}: kazoo, {', '.join(languages)}, {time.monotonic() - begun:.1f} s", flush=True)
                except Held as error:
                    failed += 1
                    print(f"FAILED  {check.__name__}: {error}", file=sys.stderr, flush=True)
            client.stop()
        finally:
            server.terminate()
            server.wait(20)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
