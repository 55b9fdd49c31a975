#!/usr/bin/env python3
"""Readers with watches against writers for a minute, each reply and event judged (`zoa-compat order`).

  run.py                               target/release/zoa
  run.py --server 3.9                  the original
  run.py -- --seconds 10 --seed 7      what follows -- goes to zoa-compat
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peer"))
import peer  # noqa: E402


def main():
    args, extra = peer.server_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=peer.scratch()) as folder:
        data = pathlib.Path(folder) / "data"
        with peer.any_server(args.server, peer.free_port(), data, {}, log=peer.COMPAT / "order.log") as server:
            return peer.zoa_compat("order", "--server", f"127.0.0.1:{server.port}", *extra)


if __name__ == "__main__":
    peer.exit_with(main)
