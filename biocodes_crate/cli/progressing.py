"""The progress of long work: bars with rate and remaining time on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from biocodes_crate.cli import console
from biocodes_crate.cli.console import Verbosity
from biocodes_crate.cli.tables import middle
from biocodes_crate.progress import OnProgress, Progress, ignore_progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

_SECONDS_BETWEEN_LINES = 5.0
_NARROW = 60  # columns, below which the rate is left out
_BROAD = 110  # columns, from which on a bar need not grow


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show how far work has come, on stderr; nothing of it stays on a terminal."""
    level = console.verbosity()
    times = _Times() if level is Verbosity.VERBOSE else None
    if level is Verbosity.QUIET:
        yield ignore_progress
    elif sys.stderr.isatty():
        with _bars(times) as report:
            yield report
    else:
        yield _Lines(times)
    if times is not None:
        times.tell()


@dataclass
class _Times:
    """How long each step took, from its first to its last sign of life."""

    steps: dict[str, tuple[float, float, int]] = field(default_factory=dict)

    def see(self, progress: Progress) -> None:
        now = time.monotonic()
        first, _, most = self.steps.get(progress.step, (now, now, 0))
        self.steps[progress.step] = (first, now, max(most, progress.done))

    def tell(self) -> None:
        for step, (first, last, _) in self.steps.items():
            console.note(f"{step}: {_duration(last - first)}")


class _Lines:
    """One line when a step begins, and one every few seconds."""

    def __init__(self, times: _Times | None) -> None:
        self._lock = threading.Lock()
        self._times = times
        self._step = ""
        self._began = (0.0, 0)
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            now = time.monotonic()
            if self._times is not None:
                self._times.see(progress)
            if progress.step != self._step or progress.done < self._began[1]:
                self._began = (now, progress.done)
            elif now - self._last < _SECONDS_BETWEEN_LINES:
                return
            self._step, self._last = progress.step, now
            pace = _pace(progress, now - self._began[0], self._began[1])
        of = f" of {progress.total}" if progress.total is not None else ""
        console.note(f"{progress.step}: {progress.done}{of}{pace}")


def _pace(progress: Progress, seconds: float, first: int) -> str:
    done = progress.done - first
    if seconds <= 0 or done <= 0:
        return ""
    left = "" if progress.total is None else f", {_duration((progress.total - progress.done) * seconds / done)} left"
    return f" ({_rate(done / seconds)}{left})"


def _rate(speed: float) -> str:
    if speed >= 1:
        return f"{speed:.1f}/s" if speed < 100 else f"{speed:.0f}/s"
    return f"{speed * 60:.1f}/min"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def _bars(times: _Times | None) -> Iterator[OnProgress]:
    from rich.console import Console  # rich is needed on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else _rate(task.speed))

    screen = Console(stderr=True)
    wide = screen.width >= _NARROW
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None if screen.width < _BROAD else 48),
        MofNCompleteColumn(separator="/"),
    ]
    if wide:
        columns.append(Rate())
    columns.append(TimeRemainingColumn(compact=True))
    with RichProgress(*columns, console=screen, transient=True, expand=screen.width < _BROAD) as bars:
        yield _Bars(bars, 28 if wide else 14, times)


class _Bars:
    """A bar for each step that is under way; a step that is done goes, and comes back when it starts anew."""

    def __init__(self, bars: Bars, longest: int, times: _Times | None) -> None:
        self._bars: Any = bars
        self._longest = longest
        self._times = times
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        step = progress.step
        with self._lock:
            if self._times is not None:
                self._times.see(progress)
            ended = progress.total is not None and progress.done >= progress.total
            if step not in self._tasks:
                if ended:
                    return
                words = middle(console.harmless(step), self._longest)
                self._tasks[step] = self._bars.add_task(words, total=progress.total)
            elif progress.done < self._done[step]:
                self._bars.reset(self._tasks[step], total=progress.total)
            self._done[step] = progress.done
            if ended:
                self._bars.remove_task(self._tasks.pop(step))
            else:
                self._bars.update(self._tasks[step], completed=progress.done, total=progress.total)
