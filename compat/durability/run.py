#!/usr/bin/env python3
"""Nothing acknowledged is lost: the strace check, then 100 rounds of SIGKILL under load.

Serves G-02 and G-19 in so far as real processes can show them; power loss is the simulator's matter.

  run.py                     target/release/zoa
  run.py --server 3.9        the original
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peer"))
import peer  # noqa: E402


def main():
    args, extra = peer.server_arguments(__doc__)
    for script in ("strace_check.py", "kill_rounds.py"):
        tail = ["--", *extra] if extra and script == "kill_rounds.py" else []
        code = subprocess.run([sys.executable, str(HERE / script), "--server", args.server, *tail]).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    peer.exit_with(main)
