#!/usr/bin/env python3
"""Three real servers, upgraded one by one under load from the program before this one; nothing acknowledged may be lost (G-24).

  upgrade.py [--before PATH] [--program PATH] [--rounds N]

The program before is built here, with the feature `previous-formats`, into `target/upgrade` unless --before names one. A round: three
servers of the program before are founded and written to; each is stopped and started as today's, in another order each round; newer rules
must hold when the last is, and not earlier; then one is stopped and started as the program before again, which must refuse its data.
Prints one line a round; exit code 1 when something that must hold does not.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from ensemble import Ensemble, Failure, Load, peer, require  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
RAISED = "rules of version"


def build_before():
    target = ROOT / "target" / "upgrade"
    command = ["cargo", "build", "--release", "-p", "zoa", "--features", "zoa-server/previous-formats", "--target-dir", str(target)]
    slim = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **slim})
    return target / "release" / "zoa"


def raised(cluster):
    return [server.number for server in cluster.servers if server.log_says(RAISED)]


def await_raised(cluster):
    deadline = time.monotonic() + 30
    while len(raised(cluster)) < len(cluster.servers):
        require(time.monotonic() < deadline, f"newer rules hold on servers {raised(cluster)} only")
        time.sleep(0.05)


def one_round(number, before, now, folder):
    with Ensemble(folder, before) as cluster:
        cluster.start()
        cluster.await_serving()
        order = cluster.servers[number % 3:] + cluster.servers[:number % 3]
        with Load(cluster) as load:
            load.await_writes()
            cluster.argv = now
            for server in order:
                require(not raised(cluster), f"newer rules hold on servers {raised(cluster)} before the last is upgraded")
                server.end(signal.SIGTERM)
                load.await_writes()
                server.start()
                cluster.await_serving()
                load.await_writes()
            await_raised(cluster)
            load.await_writes()
        lost_sessions = load.lost_sessions()
        require(lost_sessions == 0, f"{lost_sessions} sessions were lost")
        count = 0
        for server in cluster.servers:
            count = load.check_nothing_lost(server)
        refused(cluster, order[0], before)
        return f"order {[server.number for server in order]}: {count} writes acknowledged, all there on each server; refused afterwards"


def refused(cluster, server, before):
    """The program before must not run on what it cannot know."""
    server.end(signal.SIGTERM)
    cluster.argv = before
    server.start()
    try:
        code = server.process.wait(30)
    except subprocess.TimeoutExpired as expired:
        raise Failure("the program before goes on with data that it cannot know") from expired
    server.process = None
    require(code != 0, "the program before ends as if all were well")
    require(server.log_says("newer program"), f"it does not say why it ends: {server.log}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before")
    parser.add_argument("--program", default=str(ROOT / "target" / "release" / "zoa"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    before = [str(options.before or build_before()), "serve"]
    failed = 0
    for number in range(options.rounds):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zoa-upgrade-", dir=peer.scratch()))
        try:
            print(f"upgrade {number + 1}: {one_round(number, before, [options.program, 'serve'], folder)}", flush=True)
        except (Failure, OSError, EOFError) as failure:
            failed += 1
            print(f"upgrade {number + 1}: FAILED: {failure}; what it wrote is in {folder}", flush=True)
        else:
            subprocess.run(["rm", "-rf", str(folder)], check=True)
    print(f"{options.rounds - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
