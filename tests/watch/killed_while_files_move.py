"""Kills watchers that go on, while files come, are written in two halves, are renamed and moved. Run by a test.

    python killed_while_files_move.py FOLDER MADE TIMES SEED

FOLDER holds a folder `sub`; MADE holds files to put there, each with other pixels. Prints a JSON object: how many watchers
were killed, and every event that they told of.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from biocodes_crate.watch import Event, Rhythm, watch_folder
from biocodes_crate.watch import watch as watching


def work(folder: Path, log: Path, *, notifies: bool) -> None:
    """What a watcher does until it is killed."""
    if not notifies:
        watching.notified = lambda _root: nullcontext(None)

    def on_event(event: Event) -> None:
        with log.open("a") as file:
            file.write(json.dumps([event.happened.value, event.iscc]) + "\n")

    watch_folder(folder, rhythm=Rhythm(0.02, 0.2, 60), workers=1, on_event=on_event)


def disturb(folder: Path, made: list[Path], dice: random.Random) -> None:
    """Put a file there, at once or in two halves, or move one."""
    there = [*folder.rglob("*.tif"), *folder.glob("*.zarr")]
    place = folder / dice.choice(["", "sub"])
    if there and (not made or dice.random() < 0.4):
        moved = dice.choice(there)
        moved.rename(place / f"moved {time.monotonic_ns()}{moved.suffix}")
    elif made:
        new = made.pop()
        if new.is_dir():
            shutil.copytree(new, folder / new.name)
            return
        data = new.read_bytes()
        with (place / new.name).open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            time.sleep(dice.choice([0, 0.3]))
            file.write(data[len(data) // 2 :])


def main() -> None:
    folder, times, dice = Path(sys.argv[1]), int(sys.argv[3]), random.Random(sys.argv[4])
    made = sorted(Path(sys.argv[2]).iterdir())
    log = folder.with_name("events")
    killed = 0
    for attempt in range(times):
        child = os.fork()
        if child == 0:
            work(folder, log, notifies=attempt % 2 == 0)
            os._exit(0)
        until = time.monotonic() + dice.uniform(0.1, 0.8)
        while time.monotonic() < until:
            disturb(folder, made, dice)
            time.sleep(dice.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    print(json.dumps({"killed": killed, "events": events}))


main()
