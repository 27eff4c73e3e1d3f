"""What the page says, as data for a program: without its pictures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from biocodes_crate.crate import display, edges_json
from biocodes_crate.report.states import PanelState, tally
from biocodes_crate.report.view import ImageView, ReportView


def report_as_json(view: ReportView) -> dict[str, Any]:
    """The study, its panels by state, edges, images, findings and files."""
    counted = tally(view.pages)
    study = asdict(view.study)
    return {
        "study": {key: value for key, value in study.items() if value not in (None, "", ())},
        "panels": {
            "images": counted.images,
            "backed": counted.backed,
            **{state.value: counted.counts.get(state, 0) for state in PanelState},
        },
        "figures": edges_json(view.pages),
        "images": [_image(image) for image in view.images],
        "findings": [
            {
                "id": finding.id,
                "severity": finding.severity.value,
                "entity": display(finding.entity),
                "message": display(finding.message),
                "remedy": finding.remedy,
            }
            for finding in view.findings
        ],
        "files": [
            {"path": display(file.path), "format": file.format, "size": file.size, "iscc": file.iscc}
            for file in view.files
        ],
    }


def _image(image: ImageView) -> dict[str, Any]:
    return {
        "path": display(image.path),
        "format": image.format,
        "iscc": image.iscc,
        "scenes": [
            {
                "index": scene.facts.index,
                "name": display(scene.facts.name),
                "size": {axis: getattr(scene.facts, f"size_{axis}") for axis in "xyzct"},
                "pixel_type": scene.facts.pixel_type,
                "channels": [
                    None if channel.name is None else display(channel.name) for channel in scene.facts.channels
                ],
                "iscc": scene.iscc,
            }
            for scene in image.scenes
        ],
    }
