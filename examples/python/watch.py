#!/usr/bin/env python3
"""Follows one znode and prints every change that it sees.

    watch.py HOSTS PATH          e.g. watch.py 127.0.0.1:2181 /test

A watch fires once. So each time it fires, the value is read again with a new watch in the same request:
no change after that read can go unnoticed. Two changes in quick succession may be seen as one; the last
value never is missed.
"""

import queue
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    hosts, path = sys.argv[1:]
    client = KazooClient(hosts=hosts)
    client.start()
    events = queue.Queue()
    try:
        value, stat = client.get(path, watch=events.put)
        print(f"watching {path}, which is {value.decode()!r} (version {stat.version})", flush=True)
        while True:
            event = events.get()
            value, stat = client.get(path, watch=events.put)
            print(f"{event.type}: {path} is now {value.decode()!r} (version {stat.version})", flush=True)
    except NoNodeError:
        sys.exit(f"{path} does not exist")
    except KeyboardInterrupt:
        pass
    finally:
        client.stop()


if __name__ == "__main__":
    main()
