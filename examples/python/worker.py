#!/usr/bin/env python3
"""One of several workers of which exactly one leads.

    worker.py HOSTS [SESSION_TIMEOUT_SECONDS]      run it in several terminals, then stop the leader

Each worker creates an ephemeral, sequential znode under /cluster. The lowest number leads. Every other
worker watches only the one just before it, so a worker that goes away wakes one neighbour and not the
whole herd. A worker that dies without a word keeps its znode until its session has timed out.
"""

import queue
import signal
import sys

from kazoo.client import KazooClient
from kazoo.client import KazooState
from kazoo.exceptions import NoNodeError

CLUSTER = "/cluster"
TURN_SECONDS = 2.0


class Worker:
    """A place in the queue for the lead."""

    def __init__(self, client):
        self.client = client
        self.gone = queue.Queue()
        path = client.create(f"{CLUSTER}/w-", ephemeral=True, sequence=True, makepath=True)
        self.name = path.rpartition("/")[2]
        self.leads = False
        print(f"I am {self.name}", flush=True)
        self.take_place(first_time=True)

    def take_place(self, first_time=False):
        """Leads, or watches the worker just before."""
        while True:
            names = sorted(self.client.retry(self.client.get_children, CLUSTER))
            place = names.index(self.name)
            if place == 0:
                self.leads = True
                print("nobody is before me: I lead" if first_time else "now I lead", flush=True)
                return
            before = names[place - 1]
            try:
                self.client.retry(self.client.get, f"{CLUSTER}/{before}", watch=self.gone.put)
            except NoNodeError:
                continue  # it went away between the list and the look: look again
            print(f"watching {before}", flush=True)
            return

    def turn(self):
        """Works for a while, or until the worker before goes away."""
        print("leading" if self.leads else "working", flush=True)
        try:
            event = self.gone.get(timeout=TURN_SECONDS)
        except queue.Empty:
            return
        if event.path is None:  # the connection is gone, and the watch with it
            print("cut off: looking again who is before me", flush=True)
        else:
            print(f"woken: {event.path.rpartition('/')[2]} is {event.type.lower()}", flush=True)
        self.take_place()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    client = KazooClient(hosts=sys.argv[1], timeout=float(sys.argv[2]) if len(sys.argv) == 3 else 10.0)
    lost = []
    client.add_listener(lambda state: lost.append(state) if state == KazooState.LOST else None)
    client.start()
    try:
        worker = Worker(client)
        while not lost:
            worker.turn()
        sys.exit("my session is over, and my place with it")
    except KeyboardInterrupt:
        pass
    finally:
        client.stop()


if __name__ == "__main__":
    main()
