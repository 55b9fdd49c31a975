#!/usr/bin/env python3
"""100 rounds of SIGKILL under 64 writing connections (`zoa-compat kill-rounds`).

  kill_rounds.py                            target/release/zoa
  kill_rounds.py --server 3.9               the original
  kill_rounds.py -- --rounds 20 --seed 7    what follows -- goes to zoa-compat
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
        # Sessions must live through all the restarts: the longest timeout there is by default.
        server = peer.any_server(args.server, peer.free_port(), data, {"tickTime": "3000"})
        log = peer.COMPAT / "kill-rounds.log"
        log.unlink(missing_ok=True)
        return peer.zoa_compat("kill-rounds", "--address", f"127.0.0.1:{server.port}", "--log", str(log), *extra,
                               "--", *server.argv)


if __name__ == "__main__":
    peer.exit_with(main)
