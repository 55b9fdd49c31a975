#!/usr/bin/env python3
"""Installs and runs the original ZooKeeper, which the compatibility checks take as their reference.

Two versions, each fetched once and kept:
  3.8.0  the Debian package `zookeeper` (apt-get, as root); it also brings the stock zkCli.sh
  3.9.5  the jars inside the PyPI package pyspark, unpacked into target/compat/zookeeper-3.9

Not a cluster manager: one standalone server a call. Everything it writes lies in target/compat or in
the data directory it is given, and every step can be repeated.

  peer.py install [3.8|3.9]           fetch what is missing
  peer.py run 3.9 --port 2181 --data DIR [--set tickTime=500] [-Dkey=value]
                                      run in the foreground (exec), as a service manager would
  peer.py classpath 3.9               print the class path
  peer.py zkcli                       print the path of the stock zkCli.sh
"""

import argparse
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COMPAT = TARGET / "compat"

PYSPARK = "pyspark==4.3.0"  # carries zookeeper-3.9.5.jar
JARS_3_9 = COMPAT / "zookeeper-3.9"
# What ZooKeeper's server classes load; a prefix of the jar's name each.
JARS_WANTED = (
    "zookeeper-", "slf4j-api-", "log4j-api-", "log4j-core-", "log4j-slf4j2-impl-", "metrics-core-",
    "snappy-java-", "audience-annotations-", "commons-cli-", "commons-io-", "netty-buffer-", "netty-codec-",
    "netty-common-", "netty-handler-", "netty-resolver-", "netty-transport-", "netty-tcnative-classes-",
    "jackson-annotations-", "jackson-core-", "jackson-databind-",
)
JAR_3_8 = pathlib.Path("/usr/share/java/zookeeper.jar")
ZKCLI = pathlib.Path("/usr/share/zookeeper/bin/zkCli.sh")
VERSIONS = ("3.8", "3.9")

# The password "test" for the user "super": what the suites of all clients use.
SUPER_DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="

PORT_FIRST = 10_000
PORTS_GIVEN = set()


class PeerError(Exception):
    """Something the person at the terminal can act on."""


def say(text):
    print(f"[peer] {text}", file=sys.stderr, flush=True)


def run_step(command, what):
    """Runs one installation step; on failure shows the end of what it printed."""
    say(f"{what}: {' '.join(command)}")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True)
    if done.returncode != 0:
        raise PeerError(f"{what} failed (exit {done.returncode}). Its last lines:\n" + "\n".join(done.stdout.splitlines()[-15:]))
    return done.stdout


def apt_install(*packages):
    """Installs Debian packages, when any of them is missing."""
    if shutil.which("apt-get") is None:
        raise PeerError(f"apt-get is not here: install {' '.join(packages)} by hand and run this again")
    if os.geteuid() != 0:
        raise PeerError(f"installing {' '.join(packages)} needs root: run `sudo apt-get install {' '.join(packages)}`")
    run_step(["apt-get", "update", "-q"], "reading the package lists")
    run_step(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], f"installing {' '.join(packages)}")


def require_java():
    if shutil.which("java") is None:
        apt_install("default-jre-headless")


def install_3_8():
    if not (JAR_3_8.exists() and ZKCLI.exists() and shutil.which("java")):
        apt_install("zookeeper")
    if not JAR_3_8.exists():
        raise PeerError(f"the package zookeeper is installed, but {JAR_3_8} is missing: a Debian release without 3.8.0?")


def pip_download(requirement, folder, *options):
    """Downloads one package by pip; its scratch files stay in target, which is large enough."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(scratch())
    run_step([sys.executable, "-m", "pip", "download", "-q", "--no-deps", *options, "-d", str(folder), requirement],
             f"downloading {requirement} from PyPI")


def install_3_9():
    require_java()
    if (JARS_3_9 / "complete").exists():
        return
    downloads = COMPAT / "download"
    archives = list(downloads.glob("pyspark-4.3.0*"))
    if not archives:
        say("pyspark is about 430 MB; it is fetched once and only its ZooKeeper jars are kept")
        pip_download(PYSPARK, downloads)
        archives = list(downloads.glob("pyspark-4.3.0*"))
    if not archives:
        raise PeerError(f"pip brought no pyspark archive into {downloads}")
    JARS_3_9.mkdir(parents=True, exist_ok=True)
    unpack_jars(archives[0])
    if not list(JARS_3_9.glob("zookeeper-3.9.*.jar")):
        raise PeerError(f"{archives[0]} holds no zookeeper-3.9 jar")
    (JARS_3_9 / "complete").write_text("yes\n")
    archives[0].unlink()
    say(f"jars of ZooKeeper 3.9 are in {JARS_3_9}")


def unpack_jars(archive):
    with tarfile.open(archive) as tar:
        for member in tar:
            name = pathlib.PurePosixPath(member.name).name
            if member.isfile() and name.endswith(".jar") and name.startswith(JARS_WANTED):
                with tar.extractfile(member) as source, open(JARS_3_9 / name, "wb") as target:
                    shutil.copyfileobj(source, target)


def install(version):
    {"3.8": install_3_8, "3.9": install_3_9}[version]()


def classpath(version):
    install(version)
    return str(JAR_3_8) if version == "3.8" else f"{JARS_3_9}/*"


def write_config(port, data, settings):
    data = pathlib.Path(data).resolve()
    data.mkdir(parents=True, exist_ok=True)
    config = data.parent / f"{data.name}.cfg"
    values = {
        "tickTime": "2000", "dataDir": str(data), "clientPort": str(port), "clientPortAddress": "127.0.0.1",
        "maxClientCnxns": "0", "admin.enableServer": "false", "4lw.commands.whitelist": "*",
    }
    values.update(settings)
    config.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    return config


def command(version, port, data, settings=None, properties=None):
    """The command line of one standalone server; writes its zoo.cfg beside the data directory."""
    config = write_config(port, data, settings or {})
    given = {"zookeeper.DigestAuthenticationProvider.superDigest": SUPER_DIGEST}
    given.update(properties or {})
    heap = ["-Xmx1g", "-XX:+UseSerialGC", "-Dlog4j2.level=ERROR"]
    return ["java", *heap, *[f"-D{k}={v}" for k, v in given.items()], "-cp", classpath(version),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)]


def wait_for_port(port, process, timeout_s=60):
    """Returns when the server serves; raises with its exit code when it died instead."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise PeerError(f"the server for port {port} ended with exit {process.returncode} before it listened")
        # An open port is not enough: the original accepts, and closes again, before it serves.
        if "Mode: " in four_letter_word(port, "srvr"):
            return
        time.sleep(0.05)
    raise PeerError(f"no server answers srvr on port {port} after {timeout_s} s")


def four_letter_word(port, word):
    """The answer to a four-letter word; empty when there is none."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(word.encode())
            while more := connection.recv(65536):
                answer += more
    except OSError:
        pass
    return answer.decode(errors="replace")


class Server:
    """One server process in its own process group, gone when the `with` block ends."""

    def __init__(self, argv, port, log=None):
        self.argv, self.port, self.log = argv, port, log
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        out = open(self.log, "ab") if self.log else subprocess.DEVNULL
        self.process = subprocess.Popen(self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for_port(self.port, self.process)
        except PeerError:
            self.stop()
            raise

    def stop(self, sign=signal.SIGKILL):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None


def original(version, port, data, settings=None, properties=None, log=None):
    """An original server, ready to be used in a `with` block."""
    return Server(command(version, port, data, settings, properties), port, log)


def zoa(program, port, data, settings=None, properties=None, log=None):
    """A Zoarium server, configured as an original would be."""
    program = pathlib.Path(program).resolve()
    if not program.exists():
        raise PeerError(f"{program} is not there: run `cargo build --release -p zoa` first")
    config = write_config(port, data, settings or {})
    given = {"zookeeper.DigestAuthenticationProvider.superDigest": SUPER_DIGEST}
    given.update(properties or {})
    return Server([str(program), "serve", *[f"-D{k}={v}" for k, v in given.items()], str(config)], port, log)


def any_server(name, port, data, settings, properties=None, log=None):
    """`name` is a version of the original, or the path of a zoa program."""
    make = original if name in VERSIONS else zoa
    return make(name, port, data, settings, properties, log)


def zoa_compat(*arguments):
    """Runs the checks that are written in Rust; returns their exit code."""
    command_line = ["cargo", "run", "--quiet", "--release", "-p", "zoa-compat", "--", *arguments]
    say(" ".join(command_line))
    return subprocess.run(command_line, cwd=ROOT).returncode


def split_arguments():
    """What stands before `--` on the command line, and what stands behind it."""
    argv = sys.argv[1:]
    return (argv[:argv.index("--")], argv[argv.index("--") + 1:]) if "--" in argv else (argv, [])


def server_arguments(description):
    """The one argument of the scripts that check one server, and what follows `--`."""
    own, extra = split_arguments()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(TARGET / "release/zoa"), help="3.9, 3.8 or the path of a zoa program")
    return parser.parse_args(own), extra


def exit_with(main):
    """Ends the script with main's exit code; an error that a person can act on is told without a traceback."""
    try:
        sys.exit(main())
    except PeerError as error:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {error}")


def scratch():
    """A folder for what a run leaves behind, on the disk that the project lies on."""
    folder = COMPAT / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_port():
    """A port that nobody uses, and that nobody else gets from here.

    Below those that the system gives to connections: while a server is down, such a connection could take its port, and be it one that
    looks for the server, which then reaches itself."""
    last = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) - 1
    for _ in range(1000):
        port = random.randint(PORT_FIRST, max(PORT_FIRST + 1000, last))
        if port not in PORTS_GIVEN and is_free(port):
            PORTS_GIVEN.add(port)
            return port
    raise PeerError(f"there is no free port from {PORT_FIRST} on")


def is_free(port):
    with socket.socket() as probe:
        # As a server: what has just ended at this port of its own is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def pairs(texts):
    return dict(text.split("=", 1) for text in texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("install")
    one.add_argument("version", choices=VERSIONS, nargs="?")
    one = commands.add_parser("run")
    one.add_argument("version", choices=VERSIONS)
    one.add_argument("--port", type=int, default=2181)
    one.add_argument("--data", required=True)
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a line of zoo.cfg")
    one.add_argument("-D", action="append", default=[], metavar="KEY=VALUE", help="a Java property")
    one = commands.add_parser("classpath")
    one.add_argument("version", choices=VERSIONS)
    commands.add_parser("zkcli")
    args = parser.parse_args()
    try:
        if args.command == "install":
            for version in [args.version] if args.version else VERSIONS:
                install(version)
                say(f"ZooKeeper {version} is ready")
        elif args.command == "run":
            argv = command(args.version, args.port, args.data, pairs(args.set), pairs(args.D))
            os.execvp(argv[0], argv)
        elif args.command == "classpath":
            print(classpath(args.version))
        else:
            install_3_8()
            print(ZKCLI)
    except PeerError as error:
        print(f"peer.py: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
