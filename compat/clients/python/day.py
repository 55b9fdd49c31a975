"""One day of a kazoo user: the plain calls, every recipe, a restart of the server, an expired session.

Speaks to ../run.py by lines: `ok`, `not ok` and `saw` out, `do restart` and `do expire` out, `done` in.
"""

import logging
import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NoNodeError, NodeExistsError, NotEmptyError, RolledBackError
from kazoo.recipe.barrier import Barrier, DoubleBarrier
from kazoo.recipe.cache import TreeCache
from kazoo.security import make_digest_acl

HOSTS = sys.argv[1]
logging.basicConfig(level=logging.CRITICAL)
logging.getLogger("kazoo").addHandler(logging.NullHandler())


def saw(name, value):
    print("saw", name, value, flush=True)


def ask(what):
    print("do", what, flush=True)
    assert sys.stdin.readline().strip() == "done", f"the runner could not {what}"


def step(function):
    name = function.__name__
    try:
        function()
        print("ok", name, flush=True)
    except BaseException as error:  # whatever a client throws is a result
        print("not ok", name, repr(error).replace("\n", " "), flush=True)


def until(condition, what, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.02)


def raises(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def client():
    made = KazooClient(hosts=HOSTS, timeout=4.0)
    made.start(timeout=15)
    return made


zk, other = client(), client()


@step
def connect():
    saw("timeout_ms", zk._session_timeout)
    assert zk.state == KazooState.CONNECTED and zk.client_id[0] != 0


@step
def crud():
    saw("created", zk.create("/day", b"one"))
    raises(NodeExistsError, lambda: zk.create("/day"))
    data, stat = zk.get("/day")
    saw("data", (data, stat.version, stat.cversion, stat.aversion, stat.dataLength, stat.numChildren, stat.ephemeralOwner))
    saw("set", zk.set("/day", b"two", version=0).version)
    raises(BadVersionError, lambda: zk.set("/day", b"three", version=0))
    zk.create("/day/child")
    raises(NotEmptyError, lambda: zk.delete("/day"))
    saw("children", zk.get_children("/day"))
    zk.delete("/day/child")
    raises(NoNodeError, lambda: zk.get("/day/child"))
    assert zk.exists("/day/child") is None
    saw("include_data", zk.create("/day/c2", b"x", include_data=True)[1].dataLength)
    zk.delete("/day", recursive=True)


@step
def watch():
    seen = []
    zk.create("/watched", b"0")
    zk.get("/watched", watch=lambda event: seen.append((event.type, event.path)))
    zk.get_children("/watched", watch=lambda event: seen.append((event.type, event.path)))
    zk.exists("/absent", watch=lambda event: seen.append((event.type, event.path)))
    other.set("/watched", b"1")
    other.create("/watched/a")
    other.create("/absent")
    other.set("/watched", b"2")
    zk.sync("/watched")
    until(lambda: len(seen) == 3, "three events")
    saw("events", seen)


@step
def ephemeral_and_sequence():
    path = zk.create("/eph", ephemeral=True)
    assert other.exists(path).ephemeralOwner == zk.client_id[0]
    saw("sequences", [zk.create("/seq-", sequence=True, ephemeral=True) for _ in range(3)])
    third = client()
    third.create("/gone", ephemeral=True)
    gone = threading.Event()
    other.exists("/gone", watch=lambda event: gone.set())
    third.stop()
    third.close()
    assert gone.wait(5), "an ephemeral outlived its closed session"


@step
def transaction():
    transaction = zk.transaction()
    transaction.create("/multi", b"m")
    transaction.check("/multi", 0)
    transaction.set_data("/multi", b"n")
    transaction.create("/multi/s-", b"", sequence=True)
    saw("multi", [getattr(result, "version", result) for result in transaction.commit()])
    failing = zk.transaction()
    failing.create("/multi/x")
    failing.delete("/multi", version=9)
    failing.create("/multi/y")
    results = failing.commit()
    saw("multi_errors", [type(result).__name__ for result in results])
    assert isinstance(results[0], RolledBackError) and zk.exists("/multi/x") is None


@step
def acl():
    zk.add_auth("digest", "ann:secret")
    zk.create("/private", b"s", acl=[make_digest_acl("ann", "secret", all=True)])
    from kazoo.exceptions import NoAuthError
    raises(NoAuthError, lambda: other.get("/private"))
    saw("acl", [(a.perms, a.id.scheme, a.id.id) for a in zk.get_acls("/private")[0]])
    other.add_auth("digest", "ann:secret")
    assert other.get("/private")[0] == b"s"


@step
def locks():
    order, first = [], zk.Lock("/lock", "first")
    second = other.Lock("/lock", "second")
    assert first.acquire(timeout=5)
    assert not second.acquire(blocking=False)
    waiter = threading.Thread(target=lambda: order.append(second.acquire(timeout=10)))
    waiter.start()
    until(lambda: len(zk.get_children("/lock")) == 2, "the second contender")
    saw("contenders", first.contenders())
    first.release()
    waiter.join(10)
    assert order == [True]
    second.release()
    with zk.ReadLock("/rw", "r1"), other.ReadLock("/rw", "r2"):
        assert not other.WriteLock("/rw").acquire(blocking=False)
    with zk.Semaphore("/sem", max_leases=1):
        assert not other.Semaphore("/sem", max_leases=1).acquire(blocking=False)


@step
def election():
    ran = []
    for who, name in ((zk, "a"), (other, "b")):
        who.Election("/election", name).run(lambda name=name: ran.append(name))
    saw("elected", ran)


@step
def queues():
    queue = zk.Queue("/queue")
    queue.put(b"low", priority=200)
    queue.put(b"high", priority=1)
    saw("queue", [other.Queue("/queue").get() for _ in range(3)])
    locking = zk.LockingQueue("/lqueue")
    locking.put_all([b"a", b"b"])
    taken = []
    for _ in range(2):
        taken.append(locking.get(timeout=5))
        locking.consume()
    saw("locking_queue", taken)


@step
def barriers():
    barrier = Barrier(zk, "/barrier")
    barrier.create()
    assert Barrier(other, "/barrier").wait(0.2) is False
    barrier.remove()
    assert Barrier(other, "/barrier").wait(5) is True
    doubles = [DoubleBarrier(who, "/double", 2) for who in (zk, other)]
    threads = [threading.Thread(target=lambda d=d: (d.enter(), d.leave())) for d in doubles]
    [t.start() for t in threads]
    [t.join(15) for t in threads]
    assert not any(t.is_alive() for t in threads), "the double barrier did not open"


@step
def counter():
    a, b = zk.Counter("/counter", default=10), other.Counter("/counter", default=10)
    for _ in range(5):
        a += 2
        b -= 1
    saw("counter", a.value)


@step
def party():
    one, two, shallow = zk.Party("/party", "one"), other.Party("/party", "two"), zk.ShallowParty("/shallow", "one")
    for each in (one, two, shallow):
        each.join()
    saw("party", sorted(one))
    saw("shallow", list(other.ShallowParty("/shallow")))
    for each in (one, two, shallow):
        each.leave()
    assert len(one) == 0 and len(shallow) == 0


@step
def partitioner():
    parts = [who.SetPartitioner("/parts", set=(1, 2, 3), identifier=str(i), time_boundary=0.2) for i, who in enumerate((zk, other))]
    deadline = time.monotonic() + 15
    while not all(p.acquired for p in parts):
        for p in parts:
            if p.release:
                p.release_set()
            elif p.allocating:
                p.wait_for_acquire(0.2)
        assert time.monotonic() < deadline, [p.state for p in parts]
    assert sorted(sum((list(p) for p in parts), [])) == [1, 2, 3]
    [p.finish() for p in parts]


@step
def leases():
    import datetime
    hour = datetime.timedelta(hours=1)
    assert zk.NonBlockingLease("/lease", hour, identifier="one")
    assert not other.NonBlockingLease("/lease", hour, identifier="two")


data_seen, children_seen, cache_seen = [], [], []


@step
def watchers():
    zk.create("/dw", b"0")
    zk.DataWatch("/dw", lambda data, stat: data_seen.append(data))
    zk.ChildrenWatch("/dw", lambda children: children_seen.append(sorted(children)))
    other.set("/dw", b"1")
    until(lambda: data_seen[-1:] == [b"1"], "the data watch")
    other.create("/dw/a")
    until(lambda: children_seen[-1:] == [["a"]], "the children watch")


cache = TreeCache(zk, "/tree")


@step
def tree_cache():
    zk.ensure_path("/tree")
    cache.listen(lambda event: cache_seen.append(event.event_type))
    cache.start()
    other.create("/tree/a/b", b"deep", makepath=True)
    until(lambda: cache.get_data("/tree/a/b") is not None, "the tree cache")
    assert cache.get_data("/tree/a/b").data == b"deep"


@step
def restart_keeps_session():
    before, states = zk.client_id[0], []
    zk.add_listener(states.append)
    zk.create("/survivor", ephemeral=True)
    ask("restart")
    until(lambda: zk.connected and other.connected, "both to be back")
    until(lambda: KazooState.CONNECTED in states, "the listener")
    saw("states", states)
    assert zk.client_id[0] == before, "another session after the restart"
    assert zk.retry(zk.exists, "/survivor").ephemeralOwner == before
    other.retry(other.set, "/dw", b"2")
    until(lambda: data_seen[-1:] == [b"2"], "the data watch after the restart")
    other.retry(other.set, "/tree/a/b", b"after")
    until(lambda: cache.get_data("/tree/a/b").data == b"after", "the tree cache after the restart")


@step
def session_expiry():
    before, states = zk.client_id[0], []
    zk.add_listener(states.append)
    zk.create("/mortal", ephemeral=True)
    ask("expire")
    until(lambda: KazooState.LOST in states and states[-1] == KazooState.CONNECTED, "LOST, then CONNECTED", 30)
    assert zk.client_id[0] != before
    assert zk.retry(zk.exists, "/mortal") is None
    zk.retry(zk.create, "/reborn", ephemeral=True)


for each in (zk, other):
    each.stop()
    each.close()
