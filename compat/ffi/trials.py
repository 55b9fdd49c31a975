#!/usr/bin/env python3
"""Tries libzookeeper_mt and libzookeeper_st of this project beside the original's, as Debian has them.

Each trial is a function below; its first line says what it shows. Programs in C stand beside this file; they are compiled
against the original's headers where they are compared, and against ours, too. Other people's programs are Debian's own, run
unmodified with LD_LIBRARY_PATH. Two servers of ours run at a time, one for each side, so that both see the same.

Not a place for what a unit test can see. What it writes lies in target/libzookeeper/trials.

  trials.py --libraries FOLDER --program ZOA              the trials that fit into the time of a change
  trials.py --libraries FOLDER --program ZOA --long       all of them
  trials.py --libraries FOLDER --program ZOA NAME...      only these
"""

import argparse
import difflib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "compat/peer"))

import peer as original_servers  # noqa: E402
from covered import Coverage, jute_program  # noqa: E402

INCLUDE = ROOT / "include"
PEER_INCLUDE = pathlib.Path("/usr/include/zookeeper")
PEER_FOLDER = pathlib.Path("/usr/lib/x86_64-linux-gnu")
SYMBOLS = ROOT / "crates/zoa-ffi/symbols"
BINARIES = pathlib.Path("/usr/lib/zookeeper/bin")
EVERY = sorted((HERE / "every").glob("*.c"))
ST = [HERE / "st.c", *(HERE / "every" / name for name in ("cover.c", "proxy.c", "record.c"))]
INCLUDES = ["-I", INCLUDE, "-I", HERE / "every"]
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-D_GNU_SOURCE"]


class Failed(Exception):
    """A trial that did not hold, and why."""


class Skipped(Exception):
    """A trial that could not be made here, and why."""


def run(command, timeout=120, env=None, text_in=None, may_fail=False, cwd=None):
    """Runs a program; its stdout and stderr."""
    whole = dict(os.environ, **(env or {}))
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, env=whole, input=text_in, capture_output=True, timeout=timeout, cwd=cwd)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command)} hangs; it said: {(error.stdout or b'')[-2000:].decode(errors='replace')}")
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode != 0 and not may_fail:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{out[-3000:]}\n{err[-3000:]}")
    return out, err


def make_certificates(folder):
    """An authority, what it has signed for localhost and for nobody here, and one that is nobody's."""
    folder.mkdir(exist_ok=True)
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3"
    leaf = "-addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth,clientAuth"
    lines = [f"cd {folder}"]
    for name in ("authority", "stranger"):
        lines.append(f"openssl req -x509 {key} -subj /CN={name} -keyout {name}.key -out {name}.pem "
                     "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign")
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("client", "DNS:client"), ("elsewhere", "DNS:elsewhere")):
        lines.append(f"openssl req -x509 {key} -subj /CN={name} -keyout {name}.key -out {name}.crt -CA authority.pem -CAkey authority.key "
                     f"{leaf} -addext subjectAltName={names}; cat {name}.key {name}.crt > {name}.pem")
    shell("\n".join(lines) + "\n")


class Server:
    """One server of ours, with an empty data directory; with further lines of its zoo.cfg."""

    def __init__(self, program, folder, name, lines=(), myid=1):
        self.program, self.folder, self.lines, self.myid = program, folder / name, lines, myid
        self.port = original_servers.free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        data = self.folder / "data"
        run(["rm", "-rf", self.folder])
        data.mkdir(parents=True)
        config = self.folder / "zoo.cfg"
        config.write_text(
            f"tickTime=2000\ndataDir={data}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
            "4lw.commands.whitelist=*\nextendedTypesEnabled=true\n" + "".join(f"{line}\n" for line in self.lines)
        )
        (data / "myid").write_text(f"{self.myid}\n")
        log = (self.folder / "server.log").open("w")
        self.process = subprocess.Popen([self.program, "serve", config], stdout=log, stderr=log)
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as word:
                    word.sendall(b"ruok")
                    if word.recv(16) == b"imok":
                        return self
            except OSError:
                pass
            time.sleep(0.02)
        raise Failed(f"the server does not answer; see {self.folder}/server.log")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class World:
    """What the trials share."""

    def __init__(self, libraries, peer, ours, folder, prefixes=()):
        self.prefixes = prefixes
        self.libraries, self.peer, self.ours, self.folder = libraries, peer, ours, folder
        self.program = peer.program
        self.env = {"LD_LIBRARY_PATH": str(libraries)}
        self.coverage = Coverage()
        # Every struct of the interface, allocated and freed: as many lines as structs, so a program writes them.
        jute = folder / "jute_all.c"
        jute.write_text(jute_program(INCLUDE / "zookeeper"))
        self.every = [*EVERY, jute]

    def compile(self, name, sources, flags, compiler="gcc"):
        program = self.folder / name
        run([compiler, "-g", "-O1", *flags, *sources, "-o", program])
        return program

    def against_peer(self, name, sources, library="mt", flags=()):
        """A program made with the original's headers and library, as a user's was."""
        threaded = ["-DTHREADED"] if library == "mt" else []
        shared = PEER_FOLDER / f"libzookeeper_{library}.so.2"
        flags = ["-std=gnu99", "-D_GNU_SOURCE", "-I", PEER_INCLUDE, "-I", HERE / "every", *threaded, *flags]
        return self._link(name, sources, flags, shared)

    def _link(self, name, sources, flags, shared, compiler="gcc"):
        program = self.folder / name
        run([compiler, "-g", "-O1", *flags, *sources, "-o", program, shared, "-lpthread"])
        return program

    def against_ours(self, name, sources, library="mt", flags=()):
        threaded = ["-DTHREADED"] if library == "mt" else []
        shared = self.libraries / f"libzookeeper_{library}.so"
        flags = ["-std=gnu99", "-D_GNU_SOURCE", *INCLUDES, *threaded, *flags]
        return self._link(name, sources, flags, shared)


def compare(what, original, ours):
    """Both texts must be the same."""
    if original == ours:
        return
    difference = difflib.unified_diff(original.splitlines(), ours.splitlines(), "the original", "ours", lineterm="", n=2)
    raise Failed(f"{what} differs:\n" + "\n".join(list(difference)[:80]))


def both(world, program, arguments=(), timeout=120, text_in=None):
    """Runs a program on both libraries at the same time, each with its own server; both stdouts and stderrs."""
    sides = []
    for server, env in ((world.peer, {}), (world.ours, world.env)):
        command = [str(program), *[server.address if word == "HOST" else str(word) for word in arguments]]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=dict(os.environ, **env), stdin=pipe, stdout=pipe, stderr=pipe)
        sides.append(process)
    for process in sides:
        if text_in is None:
            process.stdin.close()
            process.stdin = None
    answers = []
    for process, side in zip(sides, ("the original", "ours")):
        try:
            out, err = process.communicate(text_in, timeout=timeout)
        except subprocess.TimeoutExpired:
            for each in sides:
                each.kill()
            raise Failed(f"{program} hangs on {side}")
        if process.returncode != 0:
            raise Failed(f"{program} ended with {process.returncode} on {side}:\n{out[-2000:].decode()}\n{err[-2000:].decode()}")
        answers.append((out.decode(errors="replace"), err.decode(errors="replace")))
    return answers


def symbols(world):
    """Both libraries export what Debian's do, and the six that Debian leaves out; sonames are the original's."""
    more = (SYMBOLS / "more.txt").read_text().split()
    for name in ("mt", "st"):
        def exported(path):
            lines = run(["nm", "-D", "--defined-only", path])[0].splitlines()
            return {line.split()[2]: line.split()[1] for line in lines if len(line.split()) == 3}

        listed = (SYMBOLS / f"{name}.txt").read_text().split()
        original = exported(PEER_FOLDER / f"libzookeeper_{name}.so.2")
        compare(f"the list of libzookeeper_{name}", "\n".join(sorted(original)), "\n".join(sorted(listed)))
        ours = exported(world.libraries / f"libzookeeper_{name}.so.2")
        compare(f"libzookeeper_{name}", "\n".join(sorted(listed + more)), "\n".join(sorted(ours)))
        kinds = {symbol: kind == "T" for symbol, kind in original.items()}
        wrong = [symbol for symbol, is_code in kinds.items() if (ours[symbol] == "T") != is_code]
        if wrong:
            raise Failed(f"data and code are mixed up: {wrong}")
        dynamic = run(["readelf", "-d", world.libraries / f"libzookeeper_{name}.so.2"])[0]
        if f"[libzookeeper_{name}.so.2]" not in dynamic:
            raise Failed(f"the soname is another one: {dynamic}")


def headers(world):
    """Our headers compile without a warning as C99, C11 and C++17, alone and with every program here."""
    alone = world.folder / "alone.c"
    for header in sorted((INCLUDE / "zookeeper").glob("*.h")):
        alone.write_text(f"#include <zookeeper/{header.name}>\n#include <zookeeper/{header.name}>\nint main(void) {{ return 0; }}\n")
        for compiler, standard in (("gcc", "c99"), ("gcc", "c11"), ("g++", "c++17")):
            language = ["-x", "c++"] if compiler == "g++" else []
            for threaded in ([], ["-DTHREADED"]):
                run([compiler, *language, f"-std={standard}", *STRICT, *threaded, "-I", INCLUDE, "-fsyntax-only", alone])
    for source in [*world.every, HERE / "safety.c", HERE / "tls.c", HERE / "cycles.c", HERE / "load.c"]:
        run(["gcc", "-std=c99", *STRICT, "-DTHREADED", *INCLUDES, "-fsyntax-only", source])
        run(["g++", "-x", "c++", "-std=c++17", *STRICT, "-DTHREADED", *INCLUDES, "-fsyntax-only", source])
    for source in (HERE / "st.c", HERE / "safety_st.c", HERE / "tls.c"):
        run(["gcc", "-std=c99", *STRICT, *INCLUDES, "-fsyntax-only", source])
        run(["g++", "-x", "c++", "-std=c++17", *STRICT, *INCLUDES, "-fsyntax-only", source])


LAYOUT = """
#include <stddef.h>
#include <stdio.h>
#include <zookeeper.h>
int main(void) {
%s
    return 0;
}
"""


def layouts(world):
    """Every struct of our headers has the size and the offsets of the original's."""
    found = {}
    for header in ("zookeeper.jute.h", "recordio.h"):
        text = re.sub(r"/\*.*?\*/", "", (INCLUDE / "zookeeper" / header).read_text(), flags=re.S)
        for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, re.S):
            plain = [line for line in body.split(";") if "(" not in line]
            found[name] = [re.search(r"(\w+)$", line.strip()).group(1) for line in plain if line.strip()]
    if len(found) < 78:
        raise Failed(f"only {len(found)} structs were found")
    lines = []
    for name, fields in found.items():
        lines.append(f'    printf("{name} %zu\\n", sizeof(struct {name}));')
        lines += [f'    printf("{name}.{field} %zu\\n", offsetof(struct {name}, {field}));' for field in fields]
    source = world.folder / "layouts.c"
    source.write_text(LAYOUT % "\n".join(lines))
    shown = []
    for side, include in (("peer", PEER_INCLUDE), ("ours", INCLUDE / "zookeeper")):
        program = world.compile(f"layouts-{side}", [source], ["-I", include])
        shown.append(run([program])[0])
    compare("the layout", *shown)


def every(world):
    """A program that calls every function, made with the original's headers: the same codes, results and order on both."""
    program = world.against_peer("every-peer", world.every)
    compare_every(world, *both(world, program, ["HOST"]))


def compare_every(world, original, ours):
    """Both must have come to the end and say the same; what ours called counts as covered."""
    if "== end" not in original[0] or len(original[0].splitlines()) < 900:
        raise Failed(f"the program did not come to its end: {original[0][-500:]}")
    compare("what the program prints", original[0], ours[0])
    world.coverage.note("mt", ours[0])


SUPER = ["DigestAuthenticationProvider.superDigest=" + original_servers.SUPER_DIGEST]


def pair_lines():
    """The lines of two servers that may be reconfigured, and that serve reads when one of them is gone."""
    servers = [f"server.{myid}=127.0.0.1:{original_servers.free_port()}:{original_servers.free_port()}:participant" for myid in (1, 2)]
    return ["initLimit=10", "syncLimit=5", "reconfigEnabled=true", "readonlymode.enabled=true", "localSessionsEnabled=true", *servers]


def of_both_libraries(world, address, part):
    """Runs a part of the program on a server of its own, with the original's library, then with ours; both must say the same."""
    program = world.against_peer("every-peer", world.every)
    (original, _), (ours, _) = (run([program, address, part], env=env) for env in ({}, world.env))
    compare("what the program prints", original, ours)
    world.coverage.note("mt", ours)
    return ours


def with_two_servers(world, first, second):
    """reconfig while both are there, and every operation when one is left, without a quorum."""
    with first:
        with second:
            said = of_both_libraries(world, address_of(first), "reconfigs")
        if "joined 1" not in said or "no quorum -13" not in said:
            raise Failed(f"no reconfiguration came to be: {said}")
        said = of_both_libraries(world, address_of(first), "readonly")
        if "read-only get: 0" not in said or "read-only set: -119" not in said:
            raise Failed(f"the server was not read-only: {said}")


def address_of(server):
    return f"127.0.0.1:{server.port}"


def ensemble(world):
    """reconfig, and every operation on a server that is read-only, in success and in failure: the same on both."""
    lines = [*SUPER, *pair_lines()]
    servers = [Server(world.program, world.folder, f"pair-{myid}", lines, myid) for myid in (1, 2)]
    with_two_servers(world, *servers)


def original_server(world, name, lines=(), myid=1):
    """A server of the original, of the version that Debian has."""
    data = world.folder / name
    run(["rm", "-rf", data])
    data.mkdir()
    (data / "myid").write_text(f"{myid}\n")
    settings = dict(line.split("=", 1) for line in lines)
    # These it takes from Java's properties only.
    properties = {key: settings.pop(key) for key in list(settings) if key == "readonlymode.enabled"}
    properties["zookeeper.extendedTypesEnabled"] = "true"
    return original_servers.original("3.8", original_servers.free_port(), data, settings, properties, world.folder / f"{name}.log")


def every_original(world):
    """The same program against servers of the original: every part, reconfigurations and reading without a quorum, too."""
    program = world.against_peer("every-peer", world.every)
    with original_server(world, "original-1") as first, original_server(world, "original-2") as second:
        sides = world.peer, world.ours
        world.peer, world.ours = Address(first), Address(second)
        try:
            answers = both(world, program, ["HOST"])
        finally:
            world.peer, world.ours = sides
    compare_every(world, *answers)
    lines = pair_lines()
    with_two_servers(world, *(original_server(world, f"original-pair-{myid}", lines, myid) for myid in (1, 2)))


class Address:
    """Where a server is."""

    def __init__(self, server):
        self.address = address_of(server)


def coverage(world):
    """Every function that Debian's libraries export was called by these programs, with every code that its documentation names."""
    if not world.coverage.codes["mt"]:
        for trial in (every, ensemble, single_threaded):
            trial(world)
    constants = "".join(source.read_text() for source in EVERY)
    for name in ("mt", "st"):
        exported = (SYMBOLS / f"{name}.txt").read_text().split()
        missing = world.coverage.missing(name, exported, PEER_INCLUDE / "zookeeper.h", constants)
        if missing:
            raise Failed("\n".join(missing))
    print(world.coverage.table())


def every_ours(world):
    """The same program made with our headers says the same on our library, as C and as C++, shared and static."""
    said = []
    flags = ["-D_GNU_SOURCE", "-DTHREADED", *INCLUDES]
    shared = world.libraries / "libzookeeper_mt.so"
    archive = world.libraries / "libzookeeper_mt.a"
    as_cpp = world._link("every-c++", ["-x", "c++", *world.every, "-x", "none"], ["-std=c++17", *flags], shared, "g++")
    static = world._link("every-static", world.every, ["-std=gnu99", *flags], archive)
    parts = ["plain", "nodes", "async", "multis", "identities", "errors", "jute"]
    for program in (as_cpp, static):
        said.append(run([program, world.ours.address, *parts], env=world.env)[0])
    peer = world.against_peer("every-peer", world.every)
    original = run([peer, world.peer.address, *parts])[0]
    # What our headers say of a version is not what the original's say.
    compare("as C++", original, said[0])
    compare("static", original, said[1])


def tls(world):
    """zookeeper_init_ssl of both libraries: a session with long data; and none with strangers, wrong names, or without TLS."""
    folder = world.folder / "certificates"
    make_certificates(folder)
    programs = [world.against_ours(f"tls-{name}", [HERE / "tls.c"], library=name) for name in ("mt", "st")]
    for identity in ("server", "elsewhere"):
        secure = original_servers.free_port()
        lines = [f"secureClientPort={secure}", "secureClientPortAddress=127.0.0.1", f"ssl.keyStore.location={folder}/{identity}.pem",
                 f"ssl.trustStore.location={folder}/authority.pem"]
        with Server(world.program, world.folder, f"tls-{identity}", lines) as server:
            for program in programs:
                try_tls(world, program, folder, identity, f"localhost:{secure}", f"localhost:{server.port}")


def try_tls(world, program, folder, identity, secure, plain):
    own = f"{folder}/authority.pem,{folder}/client.crt,{folder}/client.key,"
    if identity == "elsewhere":
        run([program, secure, own, -15], env=world.env)
        run([program, secure, own, "works"], env={**world.env, "ZOARIUM_TLS_ANY_NAME": "1"})
        return
    run([program, secure, own, "works"], env=world.env)
    run([program, secure, f"{folder}/authority.pem,{folder}/client.pem", "works"], env=world.env)
    run([program, secure, f"{folder}/stranger.pem,{folder}/client.crt,{folder}/client.key", -15], env=world.env)
    run([program, plain, own, -15], env=world.env)
    said, _ = run([program, secure, f"{folder}/client.key", "works"], env=world.env, may_fail=True)
    compare("a file without a certificate", "no handle\n", said)


HELLO = """
#include <stdio.h>
#include <zookeeper/zookeeper.h>

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data) {
    printf("%d %.*s %d %s\\n", rc, len, value, stat != NULL, (const char *)data);
}

int main(int argc, char **argv) {
    int fd, interest, turns;
    struct timeval tv;
    zhandle_t *zh = zookeeper_init(argv[argc - 1], NULL, 30000, NULL, NULL, 0);
#ifdef THREADED
    char path[64];
    int rc = zoo_create(zh, "/hello", "world", 5, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, path, sizeof path);
    printf("%s: %s\\n", zerror(rc), path);
    (void)fd, (void)interest, (void)turns, (void)tv;
    zoo_aget(zh, "/hello", 0, on_data, "/hello");
    (void)zoo_get_children(zh, "/", 0, NULL);
#else
    zoo_aget(zh, "/zookeeper", 0, on_data, "/zookeeper");
    for (turns = 0; turns < 100; turns++) {
        zookeeper_interest(zh, &fd, &interest, &tv);
        zookeeper_process(zh, interest);
    }
#endif
    return zookeeper_close(zh);
}
"""


def shell(lines, env=None, timeout=120):
    """What a user types; stdout."""
    return run(["bash", "-euc", lines], env=env, timeout=timeout)[0]


def installed(world):
    """What `cargo xtask install` puts in place serves a user, in both layouts: compile, link, start a server, ask it, stop it."""
    if not world.prefixes:
        raise Skipped("nothing is installed: run this by `cargo xtask ffi`")
    (world.folder / "hello.c").write_text(HELLO)
    for prefix in world.prefixes:
        try_prefix(world, prefix)


def try_prefix(world, prefix):
    pkg_config, = {file.parent for file in prefix.rglob("zookeeper_mt.pc")}
    scripts, = {file.parent for file in prefix.rglob("zkServer.sh")}
    library = pkg_config.parent
    env = {"PKG_CONFIG_PATH": str(pkg_config), "LD_LIBRARY_PATH": str(library)}
    strict = "-Wall -Wextra -Werror -pedantic"
    ways = {
        "C99": f"gcc -std=c99 {strict} hello.c $(pkg-config --cflags --libs zookeeper_mt)",
        "C++17": f"g++ -x c++ -std=c++17 {strict} hello.c -x none $(pkg-config --cflags --libs zookeeper_mt)",
        "static": f"gcc -std=c99 hello.c $(pkg-config --cflags zookeeper_mt) {library}/libzookeeper_mt.a "
                  "$(pkg-config --static --libs zookeeper_mt | sed 's/-lzookeeper_mt//')",
    }
    for way, line in ways.items():
        said = shell(f"cd {world.folder}; {line} -o hello-{prefix.name}; ./hello-{prefix.name} {world.ours.address}", env)
        compare(f"a program as {way}", "ok: /hello\n0 world 1 /hello\n", said)
        needs = shell(f"readelf -d {world.folder}/hello-{prefix.name}")
        if ("libzookeeper_mt.so.2" in needs) == (way == "static"):
            raise Failed(f"the program as {way} is linked otherwise: {needs}")
    single = "gcc -std=c99 -Wall hello.c $(pkg-config --cflags --libs zookeeper_st)"
    shell(f"cd {world.folder}; {single} -o hello-st; ./hello-st {world.ours.address}", env)
    serve_from(world, prefix, scripts)


def serve_from(world, prefix, scripts):
    """The scripts start the server that stands beside them, the shell asks it."""
    home = world.folder / f"home-{prefix.name}"
    run(["rm", "-rf", home])
    (home / "conf").mkdir(parents=True)
    sample, = prefix.rglob("zoo_sample.cfg")
    port = original_servers.free_port()
    settings = re.sub(r"(?m)^(dataDir|clientPort)=.*", "", sample.read_text())
    (home / "conf/zoo.cfg").write_text(f"{settings}\ndataDir={home}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n")
    env = {"ZOO_LOG_DIR": str(home), "ZOOPIDFILE": str(home / "pid")}
    control = f"{scripts}/zkServer.sh --config {home}/conf"
    shell(f"{control} start", env)
    try:
        said = shell(f"{control} status; {scripts}/zkCli.sh -server 127.0.0.1:{port} create /installed here", env)
        said += shell(f"{scripts}/zkCli.sh -server 127.0.0.1:{port} get /installed", env)
        run([prefix / "bin/zoa", "--version"])
        if "Mode: standalone" not in said or "here" not in said:
            raise Failed(said)
    finally:
        shell(f"{control} stop", env)


def single_threaded(world):
    """A program with a loop of its own, made with the original's headers: the same on both libzookeeper_st."""
    program = world.against_peer("st-peer", ST, library="st")
    (original, _), (ours, _) = both(world, program, ["HOST"])
    if "\nend\n" not in original:
        raise Failed(f"the program did not come to its end: {original[-500:]}")
    world.coverage.note("st", ours)
    # Which turn of the loop tells of what is the network's business, so the codes that were counted differ.
    compare("what the program prints", *(text[: text.index("\nend\n")] for text in (original, ours)))
    run([world.against_ours("st-ours", ST, library="st"), world.ours.address], env=world.env)


def safety(world):
    """What crashes or hangs elsewhere is an error code, in mt and st: closed, wild, inherited handles, closing, bad arguments."""
    for name, library in (("safety", "mt"), ("safety_st", "st")):
        program = world.against_ours(name, [HERE / f"{name}.c"], library)
        out, _ = run([program, world.ours.address], env=world.env, timeout=310)
        if "all held" not in out:
            raise Failed(out)


SCRIPT = """verbose
create /cli first
create /cli second
create +e /cli/e mine
create +s /cli/s- numbered
create +c /cli/box
create2 /cli/two
get /cli
get /none
set /cli changed
get /cli
set /none changed
ls /cli
ls2 /cli
ls /none
exists /cli
exists /none
wexists /cli
wexists /cli/late
create /cli/late
sync /cli
config
myid
addauth digest me:secret
aget /cli
aset /cli again
als /cli
als2 /cli
acreate /cli/a
adelete /cli/a
asetacl /cli
delete /cli/late
delete /cli/e
delete /cli/two
delete /cli/box
delete /cli
help
bogus
"""


def clean(text):
    """What differs from run to run, made the same."""
    text = re.sub(r"0x[0-9a-f]+", "0xN", text)
    text = re.sub(r"session Id = [0-9a-f]+", "session Id = N", text)
    text = re.sub(r"time = \d+ msec", "time = N msec", text)
    text = re.sub(r"(ctime|mtime)\s*=\s*.*", r"\1=T", text)
    text = re.sub(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "DATE", text)
    text = re.sub(r"(czxid|mzxid|pzxid|zxid)(\s*=\s*)[0-9a-f]+", r"\1\2Z", text)
    # The original ends some lines of its log twice.
    return "\n".join(line for line in text.splitlines() if line and not re.match(r"\d{4}-\d\d-\d\d .*:ZOO_", line))


def cli(world):
    """Debian's cli_mt, its commands typed one after another: the same output on both libraries."""
    shown = {}

    def type_in(side, server, env):
        process = subprocess.Popen(
            [BINARIES / "cli_mt", server.address], env=dict(os.environ, **env), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        os.set_blocking(process.stdout.fileno(), False)
        said = b""
        for line in ["", *SCRIPT.splitlines(), "quit"]:
            if line:
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
            # A person waits for the answer: until nothing has come for a while.
            quiet_since = time.monotonic()
            while time.monotonic() - quiet_since < (0.25 if line else 1.0):
                more = process.stdout.read()
                if more:
                    said += more
                    quiet_since = time.monotonic()
                time.sleep(0.01)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
        shown[side] = clean((said + (process.stdout.read() or b"")).decode(errors="replace"))

    typists = [threading.Thread(target=type_in, args=side) for side in ((0, world.peer, {}), (1, world.ours, world.env))]
    for typist in typists:
        typist.start()
    for typist in typists:
        typist.join()
    if "rc = 0" not in shown[0]:
        raise Failed(f"cli_mt did nothing: {shown[0]}")
    compare("cli_mt", shown[0], shown[1])


def load_gen(world):
    """Debian's load_gen creates, reads, writes and deletes in rounds, for five seconds; then it cleans up: the same on both."""
    said = []
    for server, env in ((world.peer, {}), (world.ours, world.env)):
        command = [BINARIES / "load_gen", server.address, "/load"]
        process = subprocess.Popen([*command, "100"], env=dict(os.environ, **env), stderr=subprocess.PIPE)
        time.sleep(5)
        process.kill()
        _, err = process.communicate()
        _, cleaned = run([*command, "clean"], env=env)
        texts = [re.sub(r"^.*?:ZOO_(\w+)@(\w+)@\d+: ", r"\1 \2 ", line) for line in err.decode().splitlines()]
        # What the program says itself; the library's own lines have its own words.
        own = [text for text in texts if re.match(r"\w+ (main|doCreateNodes|create_completion|write_completion|read_completion|createRoot) ", text)]
        rounds = sum("delete cycle" in text for text in own)
        if rounds < 2 or "Successfully deleted" not in cleaned:
            raise Failed(f"load_gen came to {rounds} rounds: {err[-1500:].decode()} {cleaned[-500:]}")
        said.append("\n".join(sorted(set(own))))
    compare("what load_gen says", *said)


def python(world):
    """Debian's python3-zookeeper: synchronous and asynchronous calls, watches, identities, expiry: the same on both."""
    # As Debian ships it, the module needs a Python before 3.9: its own 3.11 can neither import it nor call it with data.
    homes = [pathlib.Path("/usr/bin/python3.8"), *pathlib.Path.home().glob(".pyenv/versions/3.8*/bin/python")]
    homes = [home for home in homes if home.exists()]
    if not homes:
        raise Skipped("there is no Python 3.8 here")
    (original, _), (ours, _) = both(world, homes[0], ["-W", "ignore", HERE / "binding.py", "HOST"])
    if "FAILED" in original or len(original.splitlines()) < 40:
        raise Failed(f"the program did not come to its end: {original[-1000:]}")
    compare("what the program prints", original, ours)


def cycles(world, count=1000):
    """Sessions are opened and closed with traffic: neither memory nor threads nor descriptors pile up."""
    program = world.against_ours("cycles", [HERE / "cycles.c"], flags=["-O2"])
    out, _ = run([program, world.ours.address, count], env=world.env, timeout=600)
    print("   ", out.strip())


def many_cycles(world):
    """The same ten thousand times."""
    cycles(world, 10_000)


def valgrind(world):
    """memcheck finds nothing: not in every call, not in the unsafe ones, not in 100 openings and closings, not in st."""
    checked = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
               "--show-leak-kinds=definite,indirect",
               "--trace-children=no", "--child-silent-after-fork=yes"]
    parts = ["plain", "arguments", "nodes", "async", "watches", "multis", "identities", "sessions", "losses", "closing", "errors", "jute"]
    programs = [
        (world.against_ours("every-ours", world.every), [world.ours.address, *parts]),
        (world.against_ours("safety", [HERE / "safety.c"]), [world.ours.address]),
        (world.against_ours("st-ours", ST, library="st"), [world.ours.address]),
        (world.against_ours("safety_st", [HERE / "safety_st.c"], library="st"), [world.ours.address]),
    ]
    for program, arguments in programs:
        run([*checked, program, *arguments], env=world.env, timeout=900)


def zkpython(world):
    """zkpython of PyPI, built for Python 2 against the original's headers: the same on both."""
    homes = sorted(pathlib.Path.home().glob(".pyenv/versions/2.7*/bin/python"))
    if not homes:
        raise Skipped("there is no Python 2.7 here")
    folder = world.folder / "zkpython"
    # It asks for numbers of the version that the original's headers no longer have.
    env = {"CFLAGS": "-DZOO_MAJOR_VERSION=3 -DZOO_MINOR_VERSION=8 -DZOO_PATCH_VERSION=0"}
    if not (folder / "zookeeper.so").exists():
        pip = [homes[0], "-m", "pip", "install", "-q", "--no-binary", ":all:", "--no-deps", "--target", folder]
        run([*pip, "zkpython==0.4.2"], env=env, timeout=300)
    (original, _), (ours, _) = both(world, homes[0], [HERE / "binding2.py", "HOST", folder])
    if "close" not in original:
        raise Failed(f"the program did not come to its end: {original}")
    compare("what the program prints", original, ours)


PHP_ZOOKEEPER = "https://github.com/php-zookeeper/php-zookeeper"


def php_zookeeper(world):
    """php-zookeeper, built against our prefix as its manual says: its own tests come to the same on both libraries."""
    folder = world.folder / "php-zookeeper"
    source = os.environ.get("PHP_ZOOKEEPER_SOURCE", "")
    if not (folder / "config.m4").exists():
        run(["rm", "-rf", folder])
        if source:
            run(["cp", "-r", source, folder])
        else:
            run(["git", "clone", "-q", "--depth", "1", "--branch", "v1.3.0", PHP_ZOOKEEPER, folder], may_fail=True)
    if not (folder / "config.m4").exists():
        raise Skipped(f"{PHP_ZOOKEEPER} cannot be fetched; name a folder that has it in PHP_ZOOKEEPER_SOURCE")
    prefix = next((prefix for prefix in world.prefixes if (prefix / "lib/libzookeeper_mt.so").exists()), None)
    if prefix is None or not pathlib.Path("/usr/bin/phpize").exists():
        raise Skipped("this needs an installed library (`cargo xtask ffi`) and phpize")
    shell(f"cd {folder}; phpize; ./configure --with-libzookeeper-dir={prefix}; make -j2", timeout=600)
    verdicts = []
    for server, library in ((world.peer, PEER_FOLDER), (world.ours, prefix / "lib")):
        for test in [*folder.glob("tests/**/*.phpt"), *folder.glob("tests/**/*.inc")]:
            test.write_text(re.sub(r"localhost:2181|127\.0\.0\.1:\d{4,5}", server.address, test.read_text()))
        tests = ["php", "run-tests.php", "-q", "-n", "-d", f"extension={folder}/modules/zookeeper.so", "tests"]
        env = {"LD_LIBRARY_PATH": str(library), "NO_COLOR": "1"}
        said, _ = run(tests, env=env, cwd=folder, may_fail=True, timeout=600)
        verdicts.append("\n".join(sorted(set(re.findall(r"(?:PASS|FAIL|SKIP).*?\[[\w/]+\.phpt\]", said)))))
    if verdicts[0].count("PASS") < 60:
        raise Failed(f"php-zookeeper's tests did not run: {verdicts[0]}")
    compare("what php-zookeeper's tests come to", *verdicts)
    print(f"    {verdicts[1].count('PASS')} passed, {verdicts[1].count('FAIL')} failed, {verdicts[1].count('SKIP')} skipped on each")


def node(world):
    """npm's package zookeeper, its addon built against the original's headers and libzookeeper_st: the same on both."""
    folder = world.folder / "node"
    package = folder / "package"
    if not (package / "build/Release/zookeeper.node").exists():
        run(["rm", "-rf", folder])
        folder.mkdir()
        run(["npm", "pack", "--silent", "zookeeper@7.3.0"], cwd=folder)
        run(["tar", "xzf", "zookeeper-7.3.0.tgz"], cwd=folder)
        # Its own recipe downloads and builds the original's library; this one takes what is there.
        gyp = {"target_name": "zookeeper", "sources": ["src/node-zk.cpp"], "cflags": ["-w"],
               "include_dirs": [str(PEER_INCLUDE), "<!(node -e \"require('nan')\")"],
               "libraries": [str(PEER_FOLDER / "libzookeeper_st.so.2")]}
        (package / "binding.gyp").write_text(json.dumps({"targets": [gyp]}))
        manifest = json.loads((package / "package.json").read_text())
        (package / "package.json").write_text(json.dumps({"name": "zookeeper", "version": manifest["version"]}))
        wanted = ["nan@2", "node-gyp@11", "async@3.2", "shelljs"]
        run(["npm", "install", "--silent", "--ignore-scripts", *wanted], cwd=package, timeout=300)
        headers = ["--nodedir=/usr"] if pathlib.Path("/usr/include/node/node.h").exists() else []
        run(["node_modules/.bin/node-gyp", "rebuild", *headers], cwd=package, timeout=600)
    (original, _), (ours, _) = both(world, "node", [HERE / "node.js", "HOST", package])
    if not original.endswith("end\n"):
        raise Failed(f"the program did not come to its end: {original}")
    compare("what the program prints", original, ours)


def sanitized(world, sanitizer, options, libraries):
    """Programs linked with libraries of ours that report to a sanitizer: of each library its features of cargo, and its programs."""
    target, short = "x86_64-unknown-linux-gnu", sanitizer[0] + "san"
    sysroot = pathlib.Path(run(["rustc", "--print", "sysroot"], cwd=ROOT)[0].strip())
    runtime = sorted((sysroot / "lib/rustlib" / target / "lib").glob(f"librustc-*_rt.{short}.a"))
    if not runtime:
        raise Skipped(f"this toolchain has no {sanitizer} sanitizer")
    # The compiler in use has the sanitizers, but lets only nightly ask for them by name.
    flags = f"-Zsanitizer={sanitizer} -Cunsafe-allow-abi-mismatch=sanitizer"
    env = {"RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": flags}
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / target / "debug/libzookeeper_mt.a"
    for features, programs in libraries:
        run(["cargo", "build", "-q", "-p", "zoa-ffi", "--target", target, *features], env=env, timeout=1800, cwd=ROOT)
        linked = ["-Wl,--whole-archive", runtime[0], "-Wl,--no-whole-archive", built, "-lpthread", "-ldl", "-lm", "-lrt", "-lresolv"]
        flags = ["-std=gnu99", "-g", "-D_GNU_SOURCE", *([] if features else ["-DTHREADED"]), *INCLUDES]
        for name, sources, arguments in programs:
            program = world.folder / f"{name}-{short}"
            run(["gcc", *flags, *sources, "-o", program, *linked])
            _, err = run([program, world.ours.address, *arguments], env=options, timeout=300)
            if "Sanitizer" in err:
                raise Failed(err[:4000])


def threaded_programs(world):
    return [("every", world.every, []), ("safety", [HERE / "safety.c"], ["without-fork"])]


def address_sanitizer(world):
    """AddressSanitizer, with its look for leaks, finds nothing in every call and in the unsafe ones, in mt and st."""
    single = ["--features", "single-threaded"], [("st", ST, []), ("safety_st", [HERE / "safety_st.c"], [])]
    sanitized(world, "address", {"ASAN_OPTIONS": "detect_leaks=1"}, [([], threaded_programs(world)), single])


def thread_sanitizer(world):
    """ThreadSanitizer reports no race, but for what the standard library does where it cannot see (tsan.supp)."""
    options = {"TSAN_OPTIONS": f"suppressions={HERE / 'tsan.supp'} print_suppressions=0"}
    sanitized(world, "thread", options, [([], threaded_programs(world))])


# Each row: how calls are made, of which kind, how many are under way.
ROWS = [(mode, op, depth) for mode in ("sync", "async") for op in ("get", "set") for depth in (1, 16, 256)]


def measure(address, program, row, env, seconds):
    """Operations per second, and microseconds of CPU each."""
    count, took, cpu = run([program, address, *row, seconds], env=env)[0].split()
    return int(count) / float(took), float(cpu) / max(int(count), 1) * 1e6


def bench(world, rounds=9, seconds=0.7):
    """On one server, in turn: nowhere slower than the original, no more CPU per operation, from depth 16 on at most half of it."""
    program = world.against_peer("load", [HERE / "load.c"], flags=["-O2"])
    load_before = os.getloadavg()[0]
    # In memory, so that the disk, which takes a thousand times as long as either library, is in neither's figures.
    memory = pathlib.Path("/dev/shm")
    folder = memory if os.access(memory, os.W_OK) else world.folder
    server = Server(world.program, folder, f"zoa-ffi-bench-{os.getpid()}")
    try:
        with server:
            lines, slow = compare_rows(world, server.address, program, rounds, seconds)
    finally:
        run(["rm", "-rf", server.folder])
    print(as_table(lines, rounds, seconds, load_before))
    if slow:
        raise Failed("; ".join(slow))


def compare_rows(world, address, program, rounds, seconds):
    """The lines of the table, and the rows in which ours is worse than it must be."""
    lines, slow = [], []
    for row in ROWS:
        mode, op, depth = row
        sides = {"original": [], "ours": []}
        for at in range(rounds):
            # Who begins changes, so that neither always has the warmer machine.
            order = [("original", {}), ("ours", world.env)]
            for side, env in order if at % 2 == 0 else reversed(order):
                sides[side].append(measure(address, program, row, env, seconds))
        (peer_rate, peer_cost), (rate, cost) = (
            [statistics.median(values) for values in zip(*sides[side])] for side in ("original", "ours")
        )
        rates, costs = ([ours[at] / peer[at] for peer, ours in zip(sides["original"], sides["ours"])] for at in (0, 1))
        ratio, share = statistics.median(rates), statistics.median(costs)
        share_max = 1.0 if depth == 1 else 0.5
        if ratio < 1 or share > share_max:
            slow.append(f"{mode} {op} at depth {depth}: {ratio:.2f} of the throughput, {share:.2f} of the CPU")
        lines.append(
            f"| {mode} | {op} | {depth} | {peer_rate:,.0f} | {rate:,.0f} | **{ratio:.2f}** ({min(rates):.2f} to {max(rates):.2f}) "
            f"| {peer_cost:.2f} | {cost:.2f} | **{share:.2f}** ({min(costs):.2f} to {max(costs):.2f}) |"
        )
        print(lines[-1], flush=True)
    return lines, slow


def as_table(lines, rounds, seconds, load_before):
    """The measurement as a page of documentation has it."""
    head = [
        "", f"Medians of {rounds} rounds of {seconds} s, the two in turn, on one server of ours with its data in memory, on {os.cpu_count()} processors; load before: "
        f"{load_before:.2f}. Ratios are ours to the original's, round by round, with the lowest and the highest.", "",
        "| Calls | | Under way | Original, op/s | Ours, op/s | Ratio | Original, us CPU/op | Ours, us CPU/op | Share |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join([*head, *lines, ""])


def syscalls(world):
    """How many system calls an operation takes of each library, and which."""
    if not pathlib.Path("/usr/bin/strace").exists():
        raise Skipped("this needs strace")
    program = world.against_peer("load", [HERE / "load.c"], flags=["-O2"])
    print("    calls of the system in each operation, traced")
    for row in (("sync", "get", 1), ("sync", "set", 1), ("async", "get", 16), ("async", "set", 16), ("async", "set", 256)):
        for side, env in (("original", {}), ("ours", world.env)):
            table = world.folder / "strace.txt"
            out, _ = run(["strace", "-f", "-c", "-o", table, program, world.ours.address, *row, 1], env=env)
            # What came before and behind the measured second is in it, too.
            count = int(out.split()[0]) * 1.3
            found = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", table.read_text(), re.M)
            most = sorted(((int(calls) / count, name) for calls, name in found if name != "total"), reverse=True)[:6]
            total = sum(int(calls) for calls, name in found if name != "total") / count
            print(f"    {' '.join(map(str, row)):14} {side:9} {total:6.2f}: " + ", ".join(f"{name} {each:.2f}" for each, name in most))


SHORT = [symbols, headers, layouts, installed, every, every_ours, ensemble, single_threaded, coverage, safety, tls, cli, load_gen, python, cycles]
LONG = [every_original, zkpython, node, php_zookeeper, many_cycles, valgrind, address_sanitizer, thread_sanitizer, syscalls, bench]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", required=True, type=pathlib.Path)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--prefix", action="append", default=[], type=pathlib.Path, help="where it is installed")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    trials = SHORT + (LONG if options.long else [])
    if options.names:
        trials = [trial for trial in SHORT + LONG if trial.__name__ in options.names]
        if len(trials) != len(options.names):
            parser.error("known are " + " ".join(trial.__name__ for trial in SHORT + LONG))
    folder = options.libraries.resolve().parent / "trials"
    folder.mkdir(parents=True, exist_ok=True)
    failed = skipped = 0
    with Server(options.program, folder, "peer") as peer, Server(options.program, folder, "ours") as ours:
        world = World(options.libraries.resolve(), peer, ours, folder, options.prefix)
        for trial in trials:
            began = time.monotonic()
            try:
                trial(world)
                verdict = "ok    "
            except Skipped as error:
                skipped += 1
                verdict = "SKIPPED"
                print(error)
            except Failed as error:
                failed += 1
                verdict = "FAILED"
                print(error)
            print(f"{verdict} {trial.__name__}: {trial.__doc__.splitlines()[0]} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{len(trials) - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
