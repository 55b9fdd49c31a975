"""Servers that know each other by certificates, and strangers at their door. Not a program: `run.py` has the scenario.

The certificates are made here, by openssl: an authority of the ensemble, and another that is nobody's.
"""

import re
import socket
import ssl
import subprocess

import ensemble
from ensemble import Load, await_that, check_everywhere, peer, require

KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3".split()
AUTHORITY = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"]
LEAF = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth,clientAuth",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
# What a server says of a door that is open to all.
UNPROVEN = "nothing proves who they are"


class Certificates:
    """Files in one folder; `ours` and `theirs` are the authorities."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("ours", "theirs"):
            self.openssl(name, AUTHORITY)

    def openssl(self, name, further):
        command = ["openssl", "req", "-x509", *KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt", *further]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        require(done.returncode == 0, f"openssl makes no certificate {name}: {done.stdout}")

    def issue(self, name, authority):
        """A certificate for this machine, and its key, in one file."""
        self.openssl(name, [*LEAF, "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key"])
        whole, path = self.folder / f"{name}.new", self.folder / f"{name}.pem"
        whole.write_text("".join((self.folder / f"{name}.{part}").read_text() for part in ("key", "crt")))
        return whole.rename(path)

    def settings(self, name, authority):
        """What makes a server show a certificate of this authority, and believe those of ours."""
        return {"sslQuorum": "true", "ssl.quorum.keyStore.location": self.issue(name, authority),
                "ssl.quorum.trustStore.location": self.folder / "ours.crt"}

    def is_let_in(self, port, identity):
        """Whether the server at `port` waits for what this one has to say, after a handshake with this certificate, or none."""
        context = ssl.create_default_context(cafile=str(self.folder / "ours.crt"))
        if identity is not None:
            context.load_cert_chain(identity)
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            try:
                # TLS 1.3: a client learns with the first byte after the handshake that it is not wanted.
                stream = context.wrap_socket(connection, server_hostname="localhost")
                stream.settimeout(0.5)
                heard = stream.recv(1)
            except TimeoutError:
                return True
            except (ssl.SSLError, ConnectionError):
                return False
        require(heard == b"", "a server speaks first")
        return False


def is_answered(port):
    """Whether a server says more than an alert of TLS to who speaks without it: that is seven bytes, and the first is 21."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(bytes([0, 0, 0, 64]) + bytes(64))
        heard = b""
        try:
            while more := connection.recv(4096):
                heard += more
        except ConnectionError:
            pass
    return heard != b"" and (heard[0] != 21 or len(heard) != 7)


def quorum_port(server):
    config = (server.folder / "zoo.cfg").read_text()
    own = next(line for line in config.splitlines() if line.startswith(f"server.{server.number}="))
    return int(own.split(":")[1])


def add_stranger(cluster, number, settings):
    """An empty server that would join, with these settings; started."""
    stranger = ensemble.Server(cluster, number)
    config = (cluster.servers[0].folder / "zoo.cfg").read_text()
    lines = [line + "\n" for line in config.splitlines() if line.startswith("server.")]
    own = f"server.{number}=127.0.0.1:{peer.free_port()}:{peer.free_port()}\n"
    stranger.prepare({**cluster.settings, **settings}, [*lines, own])
    stranger.start()
    return stranger


def certified(cluster):
    """They found, elect, replicate, outlive a leader; nobody without a certificate of theirs is heard, and the log says so."""
    certificates = Certificates(cluster.folder / "certificates")
    for server in cluster.servers:
        server.add_settings(certificates.settings(f"server-{server.number}", "ours"))
    cluster.start()
    leader = cluster.await_serving()
    with Load(cluster, 3) as load:
        load.await_writes()
        leader.end()
        load.await_writes()
        leader.start()
        cluster.await_serving()
        before = roles(cluster)
        strangers_are_refused(certificates, cluster.servers)
        uncertified_stay_out(cluster, certificates, load)
        require(roles(cluster) == before, f"strangers have changed who leads")
        load.stop()
        require(load.lost_sessions() == 0, f"{load.lost_sessions()} sessions were lost")
        count = check_everywhere(cluster, load)
    return f"a leader killed, five strangers refused; {count} acknowledged writes, 0 lost, 0 sessions lost"


def roles(cluster):
    """Of each server, every role that it has had, by its log."""
    return [[line.partition(" role ")[2] for line in server.log.read_text().splitlines() if " role " in line] for server in cluster.servers]


def strangers_are_refused(certificates, members):
    """At each server's door; each begins with another one, since the log tells of the first for some time."""
    theirs, ours = certificates.issue("stranger", "theirs"), certificates.folder / "server-1.pem"
    knocks = [("InvalidContentType", is_answered), ("no certificates", lambda port: certificates.is_let_in(port, None)),
              ("UnknownIssuer", lambda port: certificates.is_let_in(port, theirs))]
    for server in members:
        port, log = quorum_port(server), server.log
        for reason, is_heard in knocks:
            require(not is_heard(port), f"server {server.number} hears a stranger whom it should refuse: {reason}")
        said = f"to the quorum port is refused: .*{knocks[0][0]}"
        await_that(lambda log=log, said=said: re.search(said, log.read_text()), f"{log} says who was refused: {said}", 2)
        require(certificates.is_let_in(port, ours), f"server {server.number} refuses a certificate of its authority")
        require(not server.log_says(UNPROVEN), f"server {server.number} warns of an open door that it does not have")
        knocks.append(knocks.pop(0))


def uncertified_stay_out(cluster, certificates, load):
    """Two servers that would join, one without TLS and one with a certificate of another authority; with one of ours it does join."""
    plain = add_stranger(cluster, 4, {})
    foreign = add_stranger(cluster, 5, certificates.settings("server-5", "theirs"))
    try:
        await_that(lambda: foreign.log_says("must show a certificate"), "who shows a certificate of another authority is told so", 5)
        load.await_writes(500)
        for stranger in (plain, foreign):
            require(stranger.mode() is None, f"server {stranger.number} serves, though nobody knows it")
            require(stranger.process.poll() is None, f"server {stranger.number} has ended")
        learners = cluster.leader().mntr()["zk_learners"]
        require(learners == "2", f"the leader has {learners} learners: a stranger is among them")
        # A new file is taken while it runs.
        certificates.issue("server-5", "ours")
        await_that(lambda: foreign.mode() is not None, "with a certificate of the ensemble it joins", 10)
    finally:
        for stranger in (plain, foreign):
            stranger.end()
