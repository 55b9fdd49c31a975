#!/usr/bin/env python3
"""A person's session with the shell, at a real terminal (tmux), and what must be on the screen.

Keys are typed and the screen is read, as a person would: the prompt, completion of commands and paths, an event that
arrives while a line is being typed, a server that goes away and comes back, the history of an earlier session.
Not a test of commands: that is compat/shell-transcripts.

  run.py                 the program target/release/zoa
  run.py --program P
  run.py --docs          also writes the screens into docs/shell.md
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402

WORK = peer.COMPAT / "shell-tmux"
DOCS = peer.ROOT / "docs/shell.md"
DOCS_PORT = 2181  # what the page shows, whichever port was free
PATIENCE_S = 20
COLUMNS, ROWS = 100, 44


class Terminal:
    """A terminal of its own, on a tmux server of its own, with one program in it."""

    def __init__(self, name, argv, home):
        self.socket = f"zoa-{name}-{os.getpid()}"
        keep = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "TERM": "xterm-256color"}
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), *map(str, argv), env=keep)

    def _tmux(self, *words, env=None):
        done = subprocess.run(["tmux", "-L", self.socket, *words], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise peer.PeerError(f"tmux {words[0]}: {done.stdout.strip()}")
        return done.stdout

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def press(self, *keys):
        self._tmux("send-keys", *keys)

    def enter(self, line):
        self.type(line)
        self.press("Enter")

    def screen(self):
        """The lines on the screen, without the empty ones at its end."""
        return self._tmux("capture-pane", "-p").rstrip("\n").split("\n")

    def until(self, what, holds):
        """Waits for a screen of which `holds` is true; returns it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            lines = self.screen()
            if holds(lines):
                print(f"ok      {what}", flush=True)
                return lines
            if time.monotonic() > deadline:
                raise peer.PeerError(f"{what}: not within {PATIENCE_S} s; the screen is\n" + "\n".join(f"    | {line}" for line in lines))
            time.sleep(0.05)

    def end(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], stderr=subprocess.DEVNULL)


def prompt(port, state, number):
    return f"[zk: 127.0.0.1:{port}({state}) {number}]"


def play(program, server, home):
    """The session; returns the screens for the docs, by their titles."""
    port, screens = server.port, {}
    argv = [program, "shell", "-server", f"127.0.0.1:{port}"]
    last = lambda line: lambda lines: lines[-1].rstrip() == line  # noqa: E731
    terminal = Terminal("first", argv, home)
    try:
        terminal.until("the prompt says CONNECTED", last(prompt(port, "CONNECTED", 0)))
        terminal.enter("create /test 1")
        terminal.enter("create /tempest 2")
        terminal.enter("ls /")
        terminal.until("commands answer", lambda lines: "[tempest, test, zookeeper]" in lines)
        terminal.type("getA")
        terminal.press("Tab", "Tab")
        terminal.until("Tab offers commands", lambda lines: any(re.search(r"getAcl\s+getAllChildrenNumber", line) for line in lines))
        terminal.type("c")
        terminal.press("Tab")
        terminal.until("Tab completes a command", last(f"{prompt(port, 'CONNECTED', 3)} getAcl"))
        terminal.type("/te")
        terminal.press("Tab", "Tab")
        terminal.until("Tab offers paths", lambda lines: any(re.search(r"/tempest\s+/test", line) for line in lines))
        terminal.type("s")
        terminal.press("Tab")
        terminal.until("Tab completes a path", last(f"{prompt(port, 'CONNECTED', 3)} getAcl /test"))
        terminal.press("Enter")
        screens["Prompt and completion (Tab after `getA`, `/te` and `/tes`)"] = terminal.until("the completed line runs", last(prompt(port, "CONNECTED", 4)))

        terminal.press("C-l")
        terminal.enter("get -w /test")
        terminal.until("a watch is set", last(prompt(port, "CONNECTED", 5)))
        half = f"{prompt(port, 'CONNECTED', 5)} create /half-typed 'a line that is bein"
        terminal.type(half.split("] ", 1)[1])
        terminal.until("a line is half typed", last(half))
        subprocess.run([*argv, "set", "/test", "foo"], check=True, stdin=subprocess.DEVNULL, capture_output=True)
        event = re.compile(r"WatchedEvent state:SyncConnected type:NodeDataChanged path:/test zxid: \d+$")
        screens["An event arrives while a line is being typed: the line stays, and can be finished"] = terminal.until(
            "the event is above the line, and the line is whole",
            lambda lines: lines[-1].rstrip() == half and any(event.match(line.rstrip()) for line in lines[:-1]) and sum("half-typed" in line for line in lines) == 1)
        terminal.enter("g typed'")
        terminal.until("the line goes on where it was", lambda lines: "Created /half-typed" in lines)
        terminal.enter("get /half-typed")
        terminal.until("and nothing of it was lost", lambda lines: "a line that is being typed" in lines)

        terminal.press("C-l")
        server.stop()
        terminal.until("the lost connection is shown", lambda lines: any("state:Disconnected type:None path:null" in line for line in lines))
        terminal.enter("get /test")
        terminal.until("a command says that nobody is there", lambda lines: "KeeperErrorCode = ConnectionLoss for /test" in lines)
        terminal.until("the prompt says CONNECTING", last(prompt(port, "CONNECTING", 8)))
        server.start()
        terminal.until("the new connection is shown", lambda lines: any("state:SyncConnected type:None path:null" in line for line in lines))
        terminal.enter("get /test")
        terminal.until("commands answer again", lambda lines: "foo" in lines)
        screens["The server is stopped, and started again"] = terminal.until("the prompt says CONNECTED again", last(prompt(port, "CONNECTED", 9)))
        terminal.enter("addauth digest ann:secret")
        terminal.type("create /never")
        terminal.press("C-c")
        terminal.until("Ctrl-C throws the line away", last(prompt(port, "CONNECTED", 10)))
        terminal.press("C-d")
    finally:
        terminal.end()
    return screens


def play_again(program, server, home):
    """What a later session knows of the first one."""
    port = server.port
    terminal = Terminal("second", [program, "shell", "-server", f"127.0.0.1:{port}"], home)
    try:
        terminal.until("a new session begins", lambda lines: lines[-1].rstrip() == prompt(port, "CONNECTED", 0))
        terminal.press("Up")
        terminal.until("the last line of the one before is there, and no password", lambda lines: lines[-1].rstrip() == f"{prompt(port, 'CONNECTED', 0)} get /test")
        terminal.press("C-c")
        terminal.enter("quit")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and subprocess.run(["tmux", "-L", terminal.socket, "has-session"], stderr=subprocess.DEVNULL).returncode == 0:
            time.sleep(0.05)
    finally:
        terminal.end()
    kept = (home / ".zoa_history").read_text()
    if "secret" in kept:
        raise peer.PeerError("the history file has a password in it")
    print("ok      the history file has no password", flush=True)


def write_docs(screens, port):
    begin, end = "<!-- screens: written by compat/shell-tmux/run.py --docs -->", "<!-- end of screens -->"
    text = ""
    for title, lines in screens.items():
        shown = "\n".join(line.rstrip() for line in lines).replace(f":{port}", f":{DOCS_PORT}")
        text += f"\n{title}:\n\n```text\n{shown.strip(chr(10))}\n```\n"
    before, rest = DOCS.read_text().split(begin)
    DOCS.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(peer.TARGET / "release/zoa"))
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("tmux") is None:
        peer.apt_install("tmux")
    program = pathlib.Path(arguments.program).resolve()
    shutil.rmtree(WORK, ignore_errors=True)
    home = WORK / "home"
    home.mkdir(parents=True)
    with peer.zoa(program, peer.free_port(), WORK / "data", {"tickTime": "500"}, log=WORK / "server.log") as server:
        screens = play(program, server, home)
        play_again(program, server, home)
        if arguments.docs:
            write_docs(screens, server.port)
    return 0


if __name__ == "__main__":
    peer.exit_with(main)
