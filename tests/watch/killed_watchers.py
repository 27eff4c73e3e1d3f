"""Starts watchers of a folder and kills them, again and again; then lets one finish. Run by a test.

    python killed_watchers.py FOLDER TIMES SEED

Prints how many were killed before they were done. Forks, so that nothing has to be imported again.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from biocodes_crate.watch import Rhythm, watch_folder


def main() -> None:
    folder, times, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    killed = 0
    seen: dict[Path, tuple[int, int]] = {}
    for attempt in range(times + 1):
        child = os.fork()
        if child == 0:
            watch_folder(folder, once=True, rhythm=Rhythm(0.02, 0.05, 0.05), workers=1)
            os._exit(0)
        if attempt < times:
            time.sleep(dice.uniform(0.03, 0.3))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        for sidecar in folder.rglob("*.iscc.json"):
            now = sidecar.stat()
            state = now.st_ino, now.st_mtime_ns
            assert seen.setdefault(sidecar, state) == state, f"{sidecar} was written twice"
    assert status == 0, "the last watcher failed"
    print(killed)


main()
