#!/usr/bin/env python3
"""Runs kazoo's own test suite, by its own harness, against the original server or against Zoarium.

The harness starts `java`; a stand-in (bin/java) is found first on PATH. Not a test suite of ours: kazoo's
sources come from PyPI as they are, and nothing in them is changed.

  run.py original                      the baseline, against ZooKeeper 3.9; kept in baseline.json
  run.py zoa [--program PATH]          against Zoarium; exit 1 on a failure that expected.toml does not explain
  run.py ... --servers 3               either with an ensemble of three, which the tests of reconfig, of read-only mode and of observers need
                                       (the baseline of that is baseline-3.json); Zoarium is judged in the same way
  run.py table                         the markdown tables, from the last runs, into docs/compatibility.md
  run.py zoa -- -k test_lock           what follows -- goes to pytest (then nothing is compared or kept)
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402

KAZOO = "2.11.0"
SOURCES = peer.COMPAT / f"kazoo-{KAZOO}"
VENV = peer.COMPAT / "kazoo-venv"
RUNS = peer.COMPAT / "kazoo-run"
# The harness makes its certificates with calls that later pyOpenSSL releases have dropped.
REQUIREMENTS = [f"{SOURCES}[test,sasl]", "pyopenssl==24.2.1"]
PASS_SHARE_MIN = 0.90

# What a test needs beyond one plain server, by the beginning of its name.
NEEDS = {
    "cluster": [
        "kazoo.tests.test_connection.TestReadOnlyMode.", "kazoo.tests.test_client.TestReconfig.",
        "kazoo.tests.test_client.TestClient.test_update_host_list",
        "kazoo.tests.test_eventlet_handler.TestEventletClient.test_update_host_list",
        "kazoo.tests.test_gevent_handler.TestGeventClient.test_update_host_list",
    ],
    "SASL": ["kazoo.tests.test_sasl."],
    "TLS": ["kazoo.tests.test_client.TestSSLClient."],
}


def say(text):
    print(f"[kazoo] {text}", file=sys.stderr, flush=True)


def install():
    """Fetches kazoo's sources and what its tests import, once."""
    done = VENV / "complete"
    if done.exists() and done.read_text() == KAZOO:
        return
    downloads = peer.COMPAT / "download"
    archive = downloads / f"kazoo-{KAZOO}.tar.gz"
    if not archive.exists():
        peer.pip_download(f"kazoo=={KAZOO}", downloads, "--no-binary", ":all:")
    shutil.rmtree(SOURCES, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(peer.COMPAT, filter="data")
    if not (VENV / "bin/python").exists():
        peer.run_step([sys.executable, "-m", "venv", str(VENV)], "making a Python environment")
    peer.run_step([str(VENV / "bin/pip"), "install", "-q", *REQUIREMENTS], "installing kazoo and its tests' requirements")
    done.write_text(KAZOO)


def environment(program, servers):
    """What the harness reads."""
    peer.require_java()
    env = dict(os.environ)
    env.update({
        "CI": "true", "ZOOKEEPER_VERSION": "3.9.5", "ZOOKEEPER_CLUSTER_SIZE": str(servers),
        "ZOOKEEPER_PORT_OFFSET": os.environ.get("ZOOKEEPER_PORT_OFFSET", "23000"),
        "COMPAT_JAVA": shutil.which("java"), "PYTHONPATH": str(HERE), "PYTHONWARNINGS": "ignore",
        "PATH": f"{HERE / 'bin'}{os.pathsep}{os.environ['PATH']}",
    })
    if program is None:
        env["ZOOKEEPER_CLASSPATH"] = peer.classpath("3.9")
    else:
        env.update({"COMPAT_SERVER": str(program), "ZOOKEEPER_CLASSPATH": "unused"})
    return env


def run_suite(name, program, servers, extra):
    """Runs pytest; returns its junit file. What the servers and the tests print goes to a log."""
    RUNS.mkdir(parents=True, exist_ok=True)
    report, log = RUNS / f"{name}.xml", RUNS / f"{name}.log"
    report.unlink(missing_ok=True)
    argv = [str(VENV / "bin/python"), "-m", "pytest", "-p", "marks", "-p", "no:cacheprovider", "--timeout", "180",
            "--color", "no", f"--junitxml={report}", "kazoo/tests", *extra]
    say(f"{KAZOO} against {program or 'the original 3.9'}; about 4 minutes; log: {log}")
    with open(log, "w") as out:
        subprocess.run(argv, cwd=SOURCES, env=environment(program, servers), stdout=out, stderr=subprocess.STDOUT)
    if not report.exists():
        raise peer.PeerError(f"pytest made no report; see {log}")
    return report


def read_report(report):
    """{test: {outcome, server, message}} of one run."""
    results = {}
    for case in ElementTree.parse(report).iter("testcase"):
        outcome, message = "passed", ""
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                outcome = "skipped" if child.tag == "skipped" else "failed"
                message = re.sub(r"(\x1b|#x1B)\[[0-9;]*m", "", child.get("message") or "").split("\n")[0][:160]
        server = any(p.get("name") == "server" and p.get("value") == "yes" for p in case.iter("property"))
        results[f"{case.get('classname')}.{case.get('name')}"] = {"outcome": outcome, "server": server, "message": message}
    return results


def need(test):
    for feature, beginnings in NEEDS.items():
        if any(test.startswith(beginning) for beginning in beginnings):
            return feature
    return None


def group(test, result):
    return need(test) or ("one server" if result["server"] else "no server")


def counts(results):
    """{group: {passed, failed, skipped}}"""
    table = {}
    for test, result in results.items():
        row = table.setdefault(group(test, result), {"passed": 0, "failed": 0, "skipped": 0})
        row[result["outcome"]] += 1
    return table


def load_json(path):
    return json.loads(path.read_text()) if path.exists() else {}


def baseline_path(servers):
    return HERE / ("baseline.json" if servers == 1 else f"baseline-{servers}.json")


def results_path(servers):
    return RUNS / ("zoa.json" if servers == 1 else f"zoa-{servers}.json")


def expected_failures():
    listed = tomllib.loads((HERE / "expected.toml").read_text()).get("failure", [])
    return {entry["test"]: entry["feature"] for entry in listed}


def races():
    """Tests that end one way or the other by chance, whatever the server: they may fail, and count as failed then."""
    listed = tomllib.loads((HERE / "expected.toml").read_text()).get("race", [])
    return {entry["test"]: entry["reason"] for entry in listed}


def is_counted(test, result, servers):
    """Tests that start no server would pass in any case."""
    return result["server"] and (need(test) is None or (need(test) == "cluster" and servers > 1))


def judge(results, servers):
    """The complaints about one run against Zoarium; empty when it is as expected."""
    expected, baseline = expected_failures(), load_json(baseline_path(servers))
    complaints = []
    plain = {test: result for test, result in results.items() if is_counted(test, result, servers)}
    passed = sum(result["outcome"] == "passed" for result in plain.values())
    say(f"{passed} of {len(plain)} tests that use {'one server' if servers == 1 else f'{servers} servers'} without SASL or TLS passed ({passed / max(len(plain), 1):.1%})")
    if passed < PASS_SHARE_MIN * len(plain):
        complaints.append(f"only {passed} of {len(plain)} passed; {PASS_SHARE_MIN:.0%} are asked for")
    for test in sorted(set(baseline) - set(results)):
        complaints.append(f"{test} did not run")
    for test, result in sorted(results.items()):
        worse = result["outcome"] != "passed" and baseline.get(test, {}).get("outcome") == "passed"
        if servers > 1 and need(test) == "cluster" and result["outcome"] != "passed":
            worse = True
        if worse and test not in expected and test not in races():
            complaints.append(f"{test} {result['outcome']}, without an entry in expected.toml: {result['message']}")
        if not worse and test in expected:
            complaints.append(f"{test} {result['outcome']}: take it out of expected.toml")
    return complaints


# Why a test passes on neither side.
WHY = {"cluster": "needs a cluster; this run starts one server", "SASL": "needs a Kerberos server", "TLS": "TLS"}
PAGE = peer.ROOT / "docs/compatibility.md"
BEGIN = {1: "<!-- begin: compat/kazoo/run.py table -->\n", 3: "<!-- begin: compat/kazoo/run.py table of 3 servers -->\n"}
END = "<!-- end -->"


def update_page():
    """Puts the tables between their marks in the documentation."""
    for servers, begin in BEGIN.items():
        if not results_path(servers).exists():
            say(f"no run with {servers} servers: its table stays")
            continue
        before, rest = PAGE.read_text().split(begin, 1)
        PAGE.write_text(before + begin + markdown(servers) + END + rest.split(END, 1)[1])
    say(f"the tables are in {PAGE}")


def why(test, servers):
    if servers > 1 and need(test) in (None, "cluster"):
        return races().get(test, "")
    return expected_failures().get(test) or races().get(test) or WHY.get(need(test), "")


def markdown(servers):
    """The table of groups, and one line for each test that does not pass on both."""
    original, ours = load_json(baseline_path(servers)), load_json(results_path(servers))
    left, right = counts(original), counts(ours)
    lines = ["| what the tests need | tests | ZooKeeper 3.9.5: passed / failed / skipped | Zoarium: passed / failed / skipped |", "|---|---|---|---|"]
    for name in ("no server", "one server", "cluster", "SASL", "TLS"):
        cells = [" / ".join(str(row[k]) for k in ("passed", "failed", "skipped")) if row else "not run"
                 for row in (left.get(name), right.get(name))]
        total = sum((left.get(name) or right.get(name) or {}).values())
        lines.append(f"| {name} | {total} | {cells[0]} | {cells[1]} |")
    lines += ["", "| test that does not pass on both | ZooKeeper 3.9.5 | Zoarium | why |", "|---|---|---|---|"]
    for test in sorted(set(original) | set(ours)):
        a, b = (side.get(test, {}).get("outcome", "not run") for side in (original, ours))
        if (a, b) != ("passed", "passed"):
            lines.append(f"| {test.removeprefix('kazoo.tests.')} | {a} | {b} | {why(test, servers)} |")
    return "\n".join(lines) + "\n"


def main():
    argv, extra = peer.split_arguments()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("original", "zoa", "table"))
    parser.add_argument("--program", type=pathlib.Path, default=peer.TARGET / "release/zoa")
    parser.add_argument("--servers", type=int, default=1, choices=(1, 3), help="how many servers")
    args = parser.parse_args(argv)
    if args.what == "table":
        update_page()
        return
    program = None if args.what == "original" else args.program.resolve()
    if program is not None and not program.exists():
        raise peer.PeerError(f"{program} is not there: run `cargo build --release -p zoa` first")
    install()
    name = args.what if args.servers == 1 else f"{args.what}-{args.servers}"
    results = read_report(run_suite(name, program, args.servers, extra))
    for group_name, row in sorted(counts(results).items()):
        say(f"{group_name}: " + ", ".join(f"{count} {outcome}" for outcome, count in row.items()))
    if extra:
        for test, result in sorted(results.items()):
            if result["outcome"] == "failed":
                say(f"failed: {test}: {result['message']}")
        return
    kept = baseline_path(args.servers) if program is None else results_path(args.servers)
    kept.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if program is not None:
        complaints = judge(results, args.servers)
        print(markdown(args.servers), end="")
        if complaints:
            raise peer.PeerError("\n  " + "\n  ".join(complaints))


if __name__ == "__main__":
    peer.exit_with(main)
