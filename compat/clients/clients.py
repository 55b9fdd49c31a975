"""The clients that run.py takes through the day, and how each is had and started.

Every client comes from its own registry by that registry's own tool, into target/compat/clients.
"""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402
import shell  # noqa: E402

# What every program does, in any language.
DAY = ("connect", "crud", "watch", "ephemeral_and_sequence", "transaction", "restart_keeps_session", "session_expiry")
KAZOO = (
    "acl", "locks", "election", "queues", "barriers", "counter", "party", "partitioner", "leases",
    "watchers", "tree_cache",
)
CURATOR = ("leader_latch", "mutex", "cache", "queue", "persistent_node", "containers", "counter")


class Missing(Exception):
    """The client cannot be had on this machine; the reason."""


class Client:
    """`argv(work, hosts)` is its command line, or `play(world, day)` plays its day."""

    def __init__(self, name, what, prepare, argv=None, play=None, steps=DAY):
        self.name, self.what, self.prepare = name, what, prepare
        self.argv, self.play, self.steps = argv, play, steps


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed")


def step(argv, what, cwd=None, **env):
    peer.say(f"{what}: {' '.join(map(str, argv))}")
    done = subprocess.run(list(map(str, argv)), cwd=cwd, env=dict(os.environ, **env), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise peer.PeerError(f"{what} failed (exit {done.returncode}):\n" + "\n".join(done.stdout.splitlines()[-15:]))


def prepare_kazoo(work):
    python = work / "python/bin/python"
    if not (work / "python/complete").exists():
        step([sys.executable, "-m", "venv", work / "python"], "making a Python environment")
        step([python, "-m", "pip", "install", "-q", "kazoo==2.11.0"], "installing kazoo")
        (work / "python/complete").touch()


def prepare_go(work):
    need("go")
    step(["go", "build", "-o", work / "go-day", "."], "building the Go program", HERE / "go")


def maven(folder, target):
    need("mvn", "javac")
    if not (target / "complete").exists():
        step(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={target}", "-DincludeScope=runtime"],
             "fetching jars", HERE / folder)
        (target / "complete").touch()


def prepare_curator(work):
    maven("java", work / "java-jars")
    step(["javac", "-cp", f"{work}/java-jars/*", "-d", work / "java-classes", HERE / "java/Day.java"], "compiling the Java program")


def prepare_kafka(work):
    maven("kafka", work / "kafka-jars")
    step(["javac", "-cp", f"{work}/kafka-jars/*", "-d", work / "kafka-classes", HERE / "kafka/Day.java"], "compiling the Kafka program")


def prepare_rust(work):
    step(["cargo", "build", "--quiet"], "building the Rust programs", HERE / "rust", CARGO_TARGET_DIR=str(work / "rust"))


def prepare_node(work):
    need("node", "npm")
    if not (work / "node/node_modules/node-zookeeper-client").exists():
        step(["npm", "install", "--prefix", work / "node", "--no-audit", "--no-fund", "--ignore-scripts", "node-zookeeper-client@1.1.3"],
             "installing node-zookeeper-client")
    shutil.copy(HERE / "node/day.js", work / "node/day.js")


def prepare_c(work):
    need("gcc")
    if not pathlib.Path("/usr/include/zookeeper/zookeeper.h").exists():
        peer.apt_install("libzookeeper-mt-dev")
    step(["gcc", "-Wall", "-Wextra", "-Werror", "-DTHREADED", "-o", work / "c-day", HERE / "c/day.c", "-lzookeeper_mt", "-lpthread"],
         "compiling the C program")


def php_extension():
    """How php is told of the extension: not at all when it is installed."""
    named = os.environ.get("COMPAT_PHP_EXTENSION")
    return ["-d", f"extension={named}"] if named else []


def prepare_php(work):
    need("php")
    modules = subprocess.run(["php", *php_extension(), "-m"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    if "zookeeper" not in modules.split():
        raise Missing("the extension is in no registry used here; name a zookeeper.so in COMPAT_PHP_EXTENSION")


def java(work, hosts):
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{work}/java-classes:{work}/java-jars/*", "Day", hosts]


CLIENTS = [
    Client("zkCli-3.8", "the shell zkCli.sh 3.8.0 of Debian", shell.prepare("3.8"), play=shell.play("3.8"), steps=()),
    Client("zkCli-3.9", "the shell of ZooKeeper 3.9.5", shell.prepare("3.9"), play=shell.play("3.9"), steps=()),
    Client("kazoo", "Python, kazoo 2.11.0 from PyPI, all recipes", prepare_kazoo,
           lambda work, hosts: [work / "python/bin/python", HERE / "python/day.py", hosts], steps=DAY + KAZOO),
    Client("go", "Go, github.com/go-zookeeper/zk 1.0.4", prepare_go, lambda work, hosts: [work / "go-day", hosts]),
    Client("curator", "Java, Curator 5.9.0 recipes from Maven Central", prepare_curator, java, steps=DAY + CURATOR),
    Client("zookeeper-client", "Rust, zookeeper-client 0.11 from crates.io", prepare_rust,
           lambda work, hosts: [work / "rust/debug/zookeeper-client", hosts]),
    Client("zookeeper-async", "Rust, zookeeper-async 4 from crates.io", prepare_rust,
           lambda work, hosts: [work / "rust/debug/zookeeper-async", hosts],
           steps=tuple(name for name in DAY if name != "transaction")),
    Client("node", "JavaScript, node-zookeeper-client 1.1.3 from npm", prepare_node,
           lambda work, hosts: ["node", work / "node/day.js", hosts]),
    Client("php", "PHP, the extension zookeeper, where it is installed", prepare_php,
           lambda work, hosts: ["php", *php_extension(), HERE / "php/day.php", hosts],
           steps=tuple(name for name in DAY if name != "transaction")),
    Client("c", "C, Debian's libzookeeper-mt 3.8.0", prepare_c, lambda work, hosts: [work / "c-day", hosts]),
    Client("kafka", "an application: a broker of Apache Kafka 3.9.1 from Maven Central", prepare_kafka,
           lambda work, hosts: ["java", "-Xmx256m", "-Djava.io.tmpdir=" + str(peer.scratch()), "-cp", f"{work}/kafka-classes:{work}/kafka-jars/*", "Day", hosts],
           steps=("topic", "topic_after_restart", "broker_lives")),
]
