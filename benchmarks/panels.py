"""Measure how well panels are found, against studies with known answers.

    python benchmarks/panels.py FOLDER [STUDY ...]

FOLDER holds studies NAME and their truths NAME.truth.json: a list `figures` of pages, each with `figure`,
`page`, `unit` and `panels` of `box`, `kind`, `label`, `ignore` and `required`. A panel is found when an
image panel overlaps it with an intersection over union of at least one half.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import Box, Panel, PanelKind, open_figure
from biocodes_crate.figures.boxes import intersection_over_union


def main() -> None:
    """Print one row for each study, and a total."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("studies", nargs="*")
    parser.add_argument("--misses", action="store_true", help="list what was missed, and what was wrongly found")
    arguments = parser.parse_args()
    names = arguments.studies or sorted(
        p.name.removesuffix(".truth.json") for p in arguments.folder.glob("*.truth.json")
    )
    total: Counter[str] = Counter()
    for name in names:
        counts = measure(arguments.folder, name, arguments.misses)
        show(name, counts)
        total += counts
    show("total", total)


def measure(folder: Path, name: str, misses: bool) -> Counter[str]:
    """Counts over all figures of one study."""
    counts: Counter[str] = Counter()
    truth = json.loads((folder / f"{name}.truth.json").read_text(encoding="utf-8"))
    pages: dict[str, list[dict[str, Any]]] = {}
    for page in truth["figures"]:
        pages.setdefault(page["figure"], []).append(page)
    for path, wanted in pages.items():
        started = time.perf_counter()
        siblings = sorted((folder / name / path).parent.iterdir())
        try:
            found = {page.number: page.panels for page in open_figure(folder / name / path, siblings=siblings).pages}
        except UnreadableFigure as error:
            print(error, file=sys.stderr)
            found = {}
        counts["milliseconds"] += round(1000 * (time.perf_counter() - started))
        for page in wanted:
            for line in judge(page, found.get(page["page"], ()), counts):
                if misses:
                    print(f"  {name}/{path} page {page['page']}: {line}")
    return counts


def judge(page: dict[str, Any], found: tuple[Panel, ...], counts: Counter[str]) -> list[str]:
    """Match the panels of one page, best first, and say what went wrong."""
    wanted = page["panels"]
    pairs = sorted(
        (
            (intersection_over_union(Box(*w["box"]), f.box), i, j)
            for i, w in enumerate(wanted)
            for j, f in enumerate(found)
        ),
        reverse=True,
    )
    met: dict[int, int] = {}
    for share, i, j in pairs:
        if share >= 0.5 and i not in met and j not in met.values():
            met[i] = j
    trouble = []
    for i, panel in enumerate(wanted):
        if panel["kind"] != "image" or panel.get("ignore") or not panel.get("required", True):
            continue
        counts["wanted"] += 1
        one = found[met[i]] if i in met else None
        if one is None or one.kind is not PanelKind.IMAGE:
            trouble.append(f"missed {panel['label'] or ''} {panel['box']}")
            continue
        counts["found"] += 1
        edges = zip(one.box, panel["box"], strict=True)
        counts["exact"] += max(abs(a - b) for a, b in edges) <= 1.01
        if panel["label"]:
            counts["lettered"] += 1
            counts["read"] += one.label == panel["label"]
            counts["misread"] += one.label not in (None, panel["label"])
    matched = {j: wanted[i] for i, j in met.items()}
    for j, one in enumerate(found):
        if one.kind is not PanelKind.IMAGE or matched.get(j, {}).get("ignore"):
            continue
        counts["reported"] += 1
        if matched.get(j, {}).get("kind") == "image":
            counts["right"] += 1
        else:
            trouble.append(f"wrong {tuple(round(v, 1) for v in one.box)}")
    return trouble


def show(name: str, counts: Counter[str]) -> None:
    """One row of the table."""

    def percent(part: str, whole: str) -> str:
        return f"{100 * counts[part] / counts[whole]:5.1f}" if counts[whole] else "    -"

    print(
        f"{name:12} panels {counts['wanted']:5}  recall {percent('found', 'wanted')}"
        f"  precision {percent('right', 'reported')}  exact {percent('exact', 'found')}"
        f"  letters {percent('read', 'lettered')}  misread {counts['misread']}  {counts['milliseconds'] / 1000:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
