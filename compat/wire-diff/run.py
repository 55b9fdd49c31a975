#!/usr/bin/env python3
"""Starts two fresh servers and sends both the same random operations (`zoa-compat wire-diff`).

  run.py                               the original 3.9 beside target/release/zoa
  run.py --right 3.9                   the original beside itself: there must be no difference
  run.py --right 3.8                   two versions of the original: what differs between them is shown
  run.py -- --seed 7 --ops 20000       what follows -- goes to zoa-compat
"""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peer"))
import peer  # noqa: E402

# Sessions without a connection must outlive a slow run on both sides.
SETTINGS = {"maxSessionTimeout": "600000", "tickTime": "2000", "maxClientCnxns": "0", "extendedTypesEnabled": "true"}

# Containers that nobody uses would go at another moment on each side.
PROPERTIES = {"znode.container.checkIntervalMs": "3600000"}


def server(name, folder):
    """A fresh server: an original version, or the zoa program at a path."""
    port = peer.free_port()
    data = pathlib.Path(folder) / f"data-{port}"
    log = peer.COMPAT / f"wire-diff-{port}.log"
    peer.COMPAT.mkdir(parents=True, exist_ok=True)
    # Nothing here depends on the original's syncs, and without them 10,000 operations take seconds.
    settings = {**SETTINGS, "forceSync": "no"} if name in peer.VERSIONS else SETTINGS
    return peer.any_server(name, port, data, settings, PROPERTIES, log)


def main():
    argv, extra = peer.split_arguments()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--left", default="3.9", help="3.9, 3.8 or the path of a zoa program")
    parser.add_argument("--right", default=str(peer.TARGET / "release/zoa"))
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=peer.scratch()) as folder:
        with server(args.left, folder) as left, server(args.right, folder) as right:
            return peer.zoa_compat("wire-diff", "--left", f"127.0.0.1:{left.port}",
                                   "--right", f"127.0.0.1:{right.port}", *extra)


if __name__ == "__main__":
    peer.exit_with(main)
