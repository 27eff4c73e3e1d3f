"""Calibrate the decision of tracing: how often do unrelated images agree as well as an edge demands?

    python benchmarks/calibrate.py FOLDER [STUDY ...] [--panels N] [--out benchmarks/calibration.json]

FOLDER holds studies NAME and their truths NAME.truth.json. Each panel is fitted to what the index proposes
once the images that it truly shows are taken out: other fields of the same experiment, neighbouring wells, other
movies, textures. The best of all its fits is what counts, as in a build. The parameters of `decision.UNRELATED` are
fitted to these, and the table says how often unrelated panels reached a false-alarm probability
against how often they should. Panels are also fitted with their images in, which gives recall.

`--report` reads the results again, prints the table of docs/calibration.md and draws its plot.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.stats import betabinom

from biocodes_crate.codes import default_cache
from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures import Box, Panel, PanelKind, open_figure
from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.pipeline.images import Scenes, code_images
from biocodes_crate.study import read_study
from biocodes_crate.tracing import TraceIndex
from biocodes_crate.tracing.decision import LEAST_PARTS, UNRELATED, Decision, log10_of_parts, log10_tail
from biocodes_crate.tracing.locate import Fit
from biocodes_crate.tracing.pixels import SourcePixels
from biocodes_crate.tracing.trace import all_fits, region_of

# The same specimen under another microscope, exposure or projection: similar for good reason, and no test of chance.
SAME_SPECIMEN = ("nuclei_noisy", "nuclei_very_noisy", "xyz_8bit__nucleus", "golgi_bfa", "nuclei_without_offset")
ENOUGH = 2  # matching fits after which a panel counts as found


def main() -> None:
    """Fit every panel, keep the numbers, and show what they say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("studies", nargs="*")
    parser.add_argument("--panels", type=int, default=40, help="of each study, spread evenly")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("calibration.json"))
    parser.add_argument("--report", action="store_true", help="only show what is in --out, and draw the plot")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    if not arguments.report:
        names = arguments.studies or sorted(
            p.name.removesuffix(".truth.json") for p in arguments.folder.glob("*.truth.json")
        )
        for name in names:
            rows = [row for row in rows if row["study"] != name] + list(
                measure(arguments.folder, name, arguments.panels)
            )
            arguments.out.write_text(json.dumps(rows, indent=None).replace("}, {", "},\n{") + "\n")
            print(name, len(rows), flush=True)
    show(rows)
    (Path(__file__).parents[1] / "docs/images").mkdir(exist_ok=True)
    (Path(__file__).parents[1] / "docs/images/calibration.svg").write_text(plot(rows))


def measure(folder: Path, name: str, most: int) -> Iterator[dict[str, Any]]:
    """One row for each panel and side, of the fit that comes nearest to being accepted."""
    truth = json.loads((folder / f"{name}.truth.json").read_text(encoding="utf-8"))
    root = folder / name
    coded = code_images(root, read_study(root).images, cache=default_cache()).coded
    pixels = SourcePixels(Scenes(coded))
    parts = {made.listed.path: made.index for made in coded}
    panels = list(_panels(root, truth))
    for panel, known in panels[:: max(1, len(panels) // most)]:
        true = {edge["image"] for edge in known["edges"]}
        sides = [(False, [part for path, part in parts.items() if path not in true])]
        sides += [(True, list(parts.values()))] if true else []
        for matching, images in sides:
            best: tuple[Fit, Decision] | None = None
            hits = 0
            for fit, decision in all_fits(panel, TraceIndex(images), pixels):
                hit = any(_shows(fit, edge, panel, pixels) for edge in known["edges"])
                hits += hit
                if hit == matching and (best is None or _nearness(decision) < _nearness(best[1])):
                    best = fit, decision
                if hits >= ENOUGH:
                    break
            yield {"study": name, "origin": known.get("origin"), "matching": matching, **_numbers(best)}


def _panels(root: Path, truth: dict[str, Any]) -> Iterator[tuple[Panel, dict[str, Any]]]:
    """The panels that were found where the truth has one that shows an image."""
    for page in truth["figures"]:
        try:
            opened = open_figure(root / page["figure"])
        except BiocodesError:
            continue
        found = next((p.panels for p in opened.pages if p.number == page["page"]), ())
        for known in page["panels"]:
            here = max(found, key=lambda p: intersection_over_union(p.box, Box(*known["box"])), default=None)
            if here is None or here.kind is not PanelKind.IMAGE or known.get("ignore"):
                continue
            if intersection_over_union(here.box, Box(*known["box"])) >= 0.5:
                yield here, known


def _shows(fit: Fit, edge: dict[str, Any], panel: Panel, pixels: SourcePixels) -> bool:
    if fit.image != edge["image"]:
        return False
    region = region_of(fit.panel_to_source, panel.pixels.shape, pixels.scene(fit.image, fit.scene))
    return intersection_over_union(region, Box(*edge["region"])) > 0.5


def _nearness(decision: Decision) -> tuple[bool, float]:
    return not decision.accepted, decision.log10_false_alarm


def _numbers(best: tuple[Fit, Decision] | None) -> dict[str, Any]:
    if best is None:
        return {"accepted": False, "log10_false_alarm": 0.0, "parts": None}
    found = best[0].agreement
    return {
        "accepted": best[1].accepted,
        "log10_false_alarm": round(best[1].log10_false_alarm, 2),
        "parts": found.parts,
        "correlation": round(found.correlation, 3),
        "tile_share": round(found.tile_share, 3),
        "share_explained": round(found.share_explained, 3),
        "log10_chance": round(float(found.log10_chance), 1),
        "image": best[0].image,
    }


def unrelated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of panels against images that they do not show, where chance is what is tested."""
    return [row for row in rows if not row["matching"] and not any(s in (row["origin"] or "") for s in SAME_SPECIMEN)]


def log10_stated(row: dict[str, Any]) -> float:
    """What an edge would state, by the parameters in use now; 0 where nothing could be laid on the panel at all."""
    return log10_of_parts(row["parts"]) if row["parts"] else 0.0


def fitted(rows: list[dict[str, Any]], scale: int) -> tuple[float, float]:
    """The parameters of the beta-binomial distribution, by maximum likelihood."""
    counts = np.array([row["parts"][scale] for row in unrelated(rows) if row["parts"]])
    counts = counts[counts[:, 1] >= LEAST_PARTS]

    def loss(logs: Any) -> float:
        return -float(betabinom.logpmf(counts[:, 0], counts[:, 1], *np.exp(logs)).sum())

    a, b = np.exp(minimize(loss, [1.0, 3.0], method="Nelder-Mead").x)
    return float(a), float(b)


def reliability(rows: list[dict[str, Any]]) -> list[tuple[float, float, int, int]]:
    """For each stated probability (log10): how many unrelated panels reached it, and how many should at most."""
    among = unrelated(rows)
    stated = np.array([log10_stated(row) for row in among])
    levels = (-0.5, -1.0, -1.5, -2.0, -2.5, -3.0, -4.0, -5.0)
    return [(level, len(among) * 10**level, int((stated <= level).sum()), len(among)) for level in levels]


def show(rows: list[dict[str, Any]]) -> None:
    """Print everything that docs/calibration.md says."""
    for scale in range(len(UNRELATED)):
        a, b = fitted(rows, scale)
        print(f"scale {scale}: a {a:.2f}, b {b:.2f}, mean {a / (a + b):.3f}; in use {UNRELATED[scale]}")
        print("  tail of 60 of 64:", round(log10_tail(60, 64, a, b), 1))
    print("| stated, log10 | expected at most | observed | of panels |\n|---|---|---|---|")
    for level, expected, seen, count in reliability(rows):
        print(f"| {level:.1f} | {expected:.2f} | {seen} | {count} |")
    for study in sorted({row["study"] for row in rows}):
        here = [row for row in rows if row["study"] == study]
        true = [row for row in here if row["matching"]]
        false = [row for row in here if not row["matching"]]
        print(
            f"{study}: {sum(r['accepted'] for r in true)} of {len(true)} matching, "
            f"{sum(r['accepted'] for r in false)} of {len(false)} unrelated "
            "accepted by the limits when they were measured"
        )


def plot(rows: list[dict[str, Any]]) -> str:
    """The reliability plot as SVG: stated probability across, share of unrelated panels that reached it up."""
    among = sorted(log10_stated(row) for row in unrelated(rows))
    size, margin, least = 360, 50, -4.0

    def at(x: float, y: float) -> str:
        return f"{margin + size * (1 - x / least):.1f},{margin + size * (y / least):.1f}"

    steps = " ".join(at(max(v, least), float(np.log10((i + 1) / len(among)))) for i, v in enumerate(among) if v < 0)
    labels = "".join(
        f'<text x="{margin + size * (1 - v / least):.0f}" y="{margin + size + 18}" text-anchor="middle">10'
        f'<tspan dy="-5" font-size="9">{v:.0f}</tspan></text>'
        f'<text x="{margin - 8}" y="{margin + size * v / least + 4:.0f}" text-anchor="end">10'
        f'<tspan dy="-5" font-size="9">{v:.0f}</tspan></text>'
        for v in (0.0, -1.0, -2.0, -3.0, -4.0)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 2 * margin} {size + 2 * margin + 20}" '
        'font-family="sans-serif" font-size="12">'
        "<title>Stated false-alarm probability against the share of unrelated panels that reached it</title>"
        '<rect width="100%" height="100%" fill="white"/>'
        f'<rect x="{margin}" y="{margin}" width="{size}" height="{size}" fill="none" stroke="#999"/>'
        f'<polyline points="{at(least, least)} {at(0, 0)}" stroke="#999" stroke-dasharray="4" fill="none"/>'
        f'<polyline points="{steps}" stroke="#0b6" stroke-width="2" fill="none"/>{labels}'
        f'<text x="{margin + size / 2}" y="{margin + size + 42}" text-anchor="middle">stated probability</text>'
        f'<text x="{margin + size / 2}" y="{margin - 14}" text-anchor="middle">'
        f"share of {len(among)} unrelated panels that reached it; dashed: as stated</text></svg>\n"
    )


if __name__ == "__main__":
    main()
