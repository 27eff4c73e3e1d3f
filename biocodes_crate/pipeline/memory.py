"""Traced figures, remembered: a second build traces only what changed.

A figure's edges depend on the figure's bytes, on what is declared of it, on the pixels of all
images and on this software. The key is made of just these; entries hold the edges in the form in
which a crate holds them. Nothing is trusted for validation, which traces anew.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import biocodes_crate
from biocodes_crate import __version__
from biocodes_crate.codes import FigureCodes
from biocodes_crate.crate import CrateContent, FigureRecord, RunInfo, crate_metadata, read_pages
from biocodes_crate.errors import BiocodesError
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.images import CodedImage
from biocodes_crate.pipeline.traced import TracedFigure
from biocodes_crate.study import Manifest, StudyFigure

FORMAT = 1
MOST_ENTRIES = 2000


class TraceMemory:
    """Keeps traced figures in a folder outside of any study."""

    def __init__(self, folder: Path, study: Path) -> None:
        self._folder = folder / f"traces-{FORMAT}"
        self._study = study

    def recall(
        self, item: StudyFigure, codes: FigureCodes, images: Iterable[CodedImage]
    ) -> tuple[TracedFigure, tuple[Finding, ...]] | None:
        """The figure and its findings as they were kept; None where anything changed."""
        try:
            document = json.loads(self._path(item, codes, images).read_text(encoding="utf-8"))
            findings = tuple(
                Finding(f["id"], Severity(f["severity"]), f["entity"], f["message"], f["remedy"], f["property"])
                for f in document["findings"]
            )
            pages = tuple(read_pages(document["edges"]))
            credentials = document["content_credentials"]
            figure = TracedFigure(
                item, document["encoding_format"], codes, pages, document["caption"], document["digital_source"],
                document["software"], tuple(document["creators"]),
                None if credentials is None else tuple(credentials),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, BiocodesError):
            return None  # not there, or damaged: traced anew
        return figure, findings

    def keep(self, figure: TracedFigure, images: Iterable[CodedImage], findings: tuple[Finding, ...]) -> None:
        """Keep a traced figure; a cache that cannot be written is no reason to stop."""
        document = {
            "encoding_format": figure.encoding_format,
            "caption": figure.caption,
            "digital_source": figure.digital_source,
            "software": figure.software,
            "creators": figure.creators,
            "content_credentials": figure.content_credentials,
            "findings": [asdict(f) | {"severity": f.severity.value} for f in findings],
            "edges": crate_metadata(
                CrateContent(
                    folder="memory",
                    manifest=Manifest(),
                    run=RunInfo(__version__, ""),
                    date="2000-01-01",
                    figures=(FigureRecord(figure.listed.path, figure.encoding_format),),
                    pages=figure.pages,
                )
            ),
        }
        path = self._path(figure.listed, figure.codes, images)
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(document), encoding="utf-8")
            temporary.replace(path)
            self._prune()
        except OSError:
            temporary.unlink(missing_ok=True)

    def _path(self, item: StudyFigure, codes: FigureCodes, images: Iterable[CodedImage]) -> Path:
        declared = asdict(item.declared) if item.declared is not None else None
        siblings = [hashlib.sha256((self._study / path).read_bytes()).hexdigest() for path in item.siblings]
        # A source's pixels, not its bytes: what was stored again finds its edges again. Besides them, what a figure
        # is compared with: pixel sizes with its scale bars, ids with what OMERO.figure says.
        sources = sorted(
            (
                made.listed.path,
                [scene.iscc for scene in made.codes.scenes],
                [(scene.physical_size_x, scene.physical_size_y) for scene in made.image.scenes],
                str(made.image.omero_id),
                str(made.listed.declared.omero_id if made.listed.declared else None),
            )
            for made in images
        )
        stated = [
            FORMAT, _software(), version("opencv-python-headless"), version("numpy"), version("scipy"),
            item.path, codes.tree.iscc, declared, siblings, sources,
        ]  # fmt: skip
        key = hashlib.sha256(json.dumps(stated, sort_keys=True, default=str).encode()).hexdigest()
        return self._folder / f"{key}.json"

    def _prune(self) -> None:
        entries = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in entries[:-MOST_ENTRIES]:
            path.unlink(missing_ok=True)


@cache
def _software() -> str:
    """The version of this software, and of its very code: what was traced by other code is traced anew."""
    digest = hashlib.sha256(__version__.encode())
    package = Path(biocodes_crate.__file__).parent
    for step in ("images", "figures", "tracing", "pipeline"):
        for path in sorted(p for p in (package / step).iterdir() if p.suffix in (".py", ".npz")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
