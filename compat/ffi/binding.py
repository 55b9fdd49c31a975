"""What Debian's python3-zookeeper does: synchronous and asynchronous calls, watches, identities, the end of a session.

Run as a program of its own, once on the original's library and once on ours; what it prints must be the same.

  binding.py HOST:PORT
"""

import importlib.machinery
import importlib.util
import pathlib
import sys
import threading

MODULE = sorted(pathlib.Path("/usr/lib/python3/dist-packages").glob("zookeeper.*.so"))[0]


def load():
    """The module as Debian has it, whatever Python this is."""
    loader = importlib.machinery.ExtensionFileLoader("zookeeper", str(MODULE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("zookeeper", loader))
    loader.exec_module(module)
    return module


zookeeper = load()

ROOT = "/binding"
OPEN = [{"perms": 0x1F, "scheme": "world", "id": "anyone"}]
told = threading.Semaphore(0)
lock = threading.Lock()


def say(*words):
    with lock:
        print(*words, flush=True)


def watcher(name):
    def watch(_handle, kind, state, path):
        say(name, "event", kind, state, path)
        told.release()

    return watch


def completion(name):
    def complete(_handle, rc, *values):
        shown = [sorted(value) if isinstance(value, list) else value for value in values]
        shown = [{"version": value["version"]} if isinstance(value, dict) else value for value in shown]
        say(name, rc, *shown)
        told.release()

    return complete


def wait(count=1):
    for _ in range(count):
        if not told.acquire(timeout=15):
            say("FAILED: nobody was told")
            sys.exit(2)


def attempt(name, call, *arguments):
    try:
        answer = call(*arguments)
    except Exception as error:  # noqa: BLE001 - the kind is what is compared
        say(name, "raises", type(error).__name__, error)
        return None
    if isinstance(answer, tuple):
        answer = (answer[0], answer[1]["version"])
    if isinstance(answer, dict):
        answer = answer["version"]
    if isinstance(answer, list):
        answer = sorted(map(str, answer))
    say(name, answer)
    return answer


def main():
    zookeeper.set_debug_level(0)
    handle = zookeeper.init(sys.argv[1], watcher("session"), 6000)
    wait()
    say("state", zookeeper.state(handle), "timeout", zookeeper.recv_timeout(handle))
    say("unrecoverable", zookeeper.is_unrecoverable(handle))
    attempt("create", zookeeper.create, handle, ROOT, "data", OPEN, 0)
    attempt("create again", zookeeper.create, handle, ROOT, "data", OPEN, 0)
    attempt("get", zookeeper.get, handle, ROOT, None)
    attempt("set", zookeeper.set, handle, ROOT, "more", 0)
    attempt("set old", zookeeper.set, handle, ROOT, "more", 0)
    attempt("exists", zookeeper.exists, handle, ROOT, None)
    attempt("exists not", zookeeper.exists, handle, ROOT + "/no", None)
    attempt("children", zookeeper.get_children, handle, ROOT, None)
    attempt("bad path", zookeeper.get, handle, "bad", None)
    # What a transaction would do, by hand: create, check, undo.
    names = [zookeeper.create(handle, ROOT + "/n-", "", OPEN, zookeeper.SEQUENCE) for _ in range(5)]
    say("sequence", [name[-10:] == f"{at:010d}" for at, name in enumerate(names)])
    for name in names:
        zookeeper.delete(handle, name, -1)
    attempt("delete again", zookeeper.delete, handle, names[0], -1)
    for kind in ("get", "exists", "children"):
        call = {"get": zookeeper.get, "exists": zookeeper.exists, "children": zookeeper.get_children}[kind]
        attempt("watch " + kind, call, handle, ROOT, watcher(kind))
    zookeeper.set(handle, ROOT, "fire", -1)
    wait(2)
    zookeeper.create(handle, ROOT + "/child", "", OPEN, zookeeper.EPHEMERAL)
    wait()
    say("acreate", zookeeper.acreate(handle, ROOT + "/a", "x", OPEN, 0, completion("acreate")))
    zookeeper.aget(handle, ROOT + "/a", None, completion("aget"))
    zookeeper.aset(handle, ROOT + "/a", "y", 0, completion("aset"))
    zookeeper.aexists(handle, ROOT + "/none", None, completion("aexists"))
    zookeeper.aget_children(handle, ROOT, None, completion("aget_children"))
    zookeeper.get_acl(handle, ROOT)
    zookeeper.adelete(handle, ROOT + "/a", -1, completion("adelete"))
    wait(6)
    zookeeper.add_auth(handle, "digest", "me:secret", completion("auth"))
    wait()
    mine = [{"perms": 0x1F, "scheme": "auth", "id": ""}]
    attempt("create mine", zookeeper.create, handle, ROOT + "/mine", "x", mine, 0)
    acl = zookeeper.get_acl(handle, ROOT + "/mine")[1]
    say("acl", [(entry["scheme"], entry["id"].split(":")[0], entry["perms"]) for entry in acl])
    other = zookeeper.init(sys.argv[1], watcher("other"), 6000)
    wait()
    attempt("not mine", zookeeper.set, other, ROOT + "/mine", "y", -1)
    zookeeper.delete(handle, ROOT + "/mine", -1)
    attempt("close", zookeeper.close, handle)
    attempt("closed", zookeeper.get, handle, ROOT, None)
    # A session that has long ended: attaching to it is its expiry.
    again = zookeeper.init(sys.argv[1], watcher("expired"), 6000, (0x1234567, "0123456789abcdef"))
    wait()
    say("state", zookeeper.state(again))
    attempt("expired", zookeeper.get, again, ROOT, None)
    attempt("close", zookeeper.close, again)
    attempt("delete", zookeeper.delete, other, ROOT, -1)
    attempt("close", zookeeper.close, other)


if __name__ == "__main__":
    main()
