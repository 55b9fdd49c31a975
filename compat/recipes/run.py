#!/usr/bin/env python3
"""Lets kazoo and the Rust recipes contend for the same lock, election, semaphore, queue and barriers.

A Rust process (zoa-client's example `recipes`) and kazoo's own recipes work on the same znodes of one Zoarium server.
What is checked is what the recipes promise: a sum that is only right when one adds at a time, never more inside than
there are leases, every item taken once, nobody through a barrier that stands.

  run.py --server PROGRAM --rust PROGRAM      exit 1 when something did not hold
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
import run as kazoo_suite  # noqa: E402

ROUNDS = 40


class Held(Exception):
    """Something that was promised did not hold."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(program, folder):
    port = free_port()
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
    """One server, one kazoo client, and Rust processes."""

    def __init__(self, rust, address, kazoo):
        self.rust, self.address, self.kazoo = rust, address, kazoo

    def start_rust(self, what, path, count):
        argv = [self.rust, self.address, what, path, str(count)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end_rust(self, process):
        out, err = process.communicate(timeout=60)
        if process.returncode != 0:
            raise Held(f"the Rust process ended with {process.returncode}: {err}")
        return out.split("\n")[:-1]

    def add_one(self, path):
        data, _ = self.kazoo.get(path + "-sum")
        time.sleep(0.002)
        self.kazoo.set(path + "-sum", str(int(data) + 1).encode())


def check_sum(stage, what, path, kazoo_round):
    stage.kazoo.create(path + "-sum", b"0")
    rust = [stage.start_rust(what, path, ROUNDS) for _ in range(2)]
    for _ in range(ROUNDS):
        kazoo_round()
    for process in rust:
        stage.end_rust(process)
    total = int(stage.kazoo.get(path + "-sum")[0])
    if total != 3 * ROUNDS:
        raise Held(f"{3 * ROUNDS} additions under the {what} made {total}")


def lock(stage):
    shared = stage.kazoo.Lock("/lock", "kazoo")

    def one_round():
        with shared:
            stage.add_one("/lock")

    check_sum(stage, "lock", "/lock", one_round)


def election(stage):
    standing = stage.kazoo.Election("/election", "kazoo")
    check_sum(stage, "election", "/election", lambda: standing.run(stage.add_one, "/election"))


def semaphore(stage):
    stage.kazoo.create("/semaphore-inside", b"")
    rust = [stage.start_rust("semaphore", "/semaphore", ROUNDS) for _ in range(2)]
    seen = []
    for _ in range(ROUNDS):
        with stage.kazoo.Semaphore("/semaphore", max_leases=2):
            made = stage.kazoo.create("/semaphore-inside/k-", b"", ephemeral=True, sequence=True)
            seen.append(len(stage.kazoo.get_children("/semaphore-inside")))
            stage.kazoo.delete(made)
    for process in rust:
        seen += [int(line.split()[1]) for line in stage.end_rust(process)]
    if len(seen) != 3 * ROUNDS or max(seen) > 2:
        raise Held(f"{len(seen)} leases, and {max(seen)} inside at once where 2 may be")


def queue(stage):
    shared = stage.kazoo.Queue("/queue")
    rust = [stage.start_rust("put", "/queue", ROUNDS), stage.start_rust("take", "/queue", ROUNDS)]
    for number in range(ROUNDS):
        shared.put(f"kazoo-{number}".encode())
    taken, until = [], time.monotonic() + 30
    while len(taken) < ROUNDS and time.monotonic() < until:
        item = shared.get()
        taken += [item.decode()] if item is not None else []
    stage.end_rust(rust[0])
    taken += [line.split()[1] for line in stage.end_rust(rust[1])]
    put = [f"{who}-{number}" for who in ("kazoo", "rust") for number in range(ROUNDS)]
    if sorted(taken) != sorted(put):
        raise Held(f"{len(put)} items were put and {len(taken)} taken, {len(set(taken))} different ones")


def barrier(stage):
    shared = stage.kazoo.Barrier("/barrier")
    stage.end_rust(stage.start_rust("set", "/barrier", 0))
    if shared.wait(timeout=0.3):
        raise Held("kazoo got through a barrier that Rust has set")
    stage.end_rust(stage.start_rust("remove", "/barrier", 0))
    if not shared.wait(timeout=10):
        raise Held("kazoo did not get through a barrier that Rust has removed")
    shared.create()
    waiting = stage.start_rust("wait", "/barrier", 0)
    time.sleep(0.5)
    if waiting.poll() is not None:
        raise Held("Rust got through a barrier that kazoo has set")
    shared.remove()
    stage.end_rust(waiting)


def double_barrier(stage):
    shared = stage.kazoo.DoubleBarrier("/double", 2, "kazoo")
    entering = threading.Thread(target=shared.enter)
    entering.start()
    time.sleep(0.5)
    if not entering.is_alive():
        raise Held("kazoo entered alone")
    rust = stage.start_rust("double", "/double", 2)
    entering.join(20)
    if entering.is_alive() or rust.stdout.readline() != "entered\n":
        raise Held("both are there, and one did not enter")
    time.sleep(0.5)
    if rust.poll() is not None:
        raise Held("Rust left while kazoo was inside")
    leaving = threading.Thread(target=shared.leave)
    leaving.start()
    if stage.end_rust(rust) != ["left"]:
        raise Held("Rust did not leave")
    leaving.join(20)
    if leaving.is_alive():
        raise Held("kazoo did not leave")


CHECKS = [lock, election, semaphore, queue, barrier, double_barrier]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True, help="the program zoa")
    parser.add_argument("--rust", required=True, help="zoa-client's example `recipes`")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        kazoo_suite.install()
        python = kazoo_suite.VENV / "bin/python"
        return subprocess.run([str(python), __file__, *sys.argv[1:], "--inside"]).returncode
    from kazoo.client import KazooClient
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        server, address = start_server(arguments.server, folder)
        try:
            client = KazooClient(hosts=address)
            client.start()
            for check in CHECKS:
                begun = time.monotonic()
                try:
                    check(Stage(arguments.rust, address, client))
                    print(f"ok      {check.__name__}: kazoo and Rust, {time.monotonic() - begun:.1f} s", flush=True)
                except Held as error:
                    failed += 1
                    print(f"FAILED  {check.__name__}: {error}", flush=True)
            client.stop()
        finally:
            server.terminate()
            server.wait(20)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
