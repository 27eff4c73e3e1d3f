"""A crate, opened: its study, figures, images, edges and tables."""

from __future__ import annotations

import io
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import rdflib

from biocodes_crate.api.edges import Edges
from biocodes_crate.api.figures import Figure
from biocodes_crate.api.names import Names
from biocodes_crate.api.views import Views
from biocodes_crate.crate import PLANES_TABLE, CrateReader, display, open_crate, read_pages
from biocodes_crate.crate.linked_data import load_graph
from biocodes_crate.errors import NotACrate
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import Image
from biocodes_crate.pipeline import BuildResult
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.report import (
    Facts,
    Files,
    Painter,
    SceneFacts,
    StudyFacts,
    graph_from_crate,
    report_from_crate,
    report_html,
    tally,
)
from biocodes_crate.tracing import TracedPage
from biocodes_crate.validation import Level, Report, validate_crate
from biocodes_crate.validation.workspace import Workspace

LARGEST_TABLE = 1 << 30  # bytes


@dataclass(frozen=True, slots=True)
class CrateImage:
    """An image of a crate, as its metadata describes it."""

    path: str
    format: str
    iscc: str | None
    scenes: tuple[SceneFacts, ...]
    description: str = ""
    _files: Files | None = field(default=None, repr=False, compare=False)

    def open(self) -> Image:
        """The image itself: scenes and planes, read as they are asked for."""
        if self._files is None:
            raise NotACrate("the crate is closed", where=display(self.path))
        return self._files.image(self.path)


class Crate:
    """A crate, open for reading. Holds on to a zip: use as a context manager, or call :meth:`close`."""

    def __init__(self, reader: CrateReader, origin: Path | str | None = None) -> None:
        self._reader = reader
        self.origin = reader.path if origin is None else origin
        """What it was opened by: a path, or the URL or DOI of a record."""
        self._files = Workspace(reader)
        self._facts = Facts(reader.metadata)
        self._faults: list[Finding] = []
        self._close = weakref.finalize(self, _close, self._files, reader)
        self.built: BuildResult | None = None
        """What the build did; None for a crate that was opened."""

    @property
    def path(self) -> Path:
        """Its folder, zip or metadata file."""
        return self._reader.path

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The JSON-LD."""
        return self._reader.metadata

    @cached_property
    def study(self) -> StudyFacts:
        """Title, authors, licence and so on."""
        return self._facts.study(display(self.path.stem))

    @property
    def iscc(self) -> str | None:
        """ISCC of the whole payload."""
        return self.study.iscc

    @cached_property
    def pages(self) -> tuple[TracedPage, ...]:
        """The pages of all figures; what cannot be read of them is a finding."""

        def on_fault(entity: str, key: str, message: str) -> None:
            self._faults.append(
                Finding("metadata-unreadable", Severity.WARNING, entity, f"'{key}' {message}", "Build the crate again.")
            )

        return tuple(read_pages(self.metadata, on_fault))

    @cached_property
    def figures(self) -> Names[Figure]:
        """The figures by path; the file's name is enough where it is the only one."""
        views = Views(Painter(self._files, self._facts))
        return Names(
            {
                stated.path: Figure(
                    path=stated.path,
                    pages=tuple(page for page in self.pages if page.figure == stated.path),
                    caption=stated.caption,
                    iscc=stated.iscc,
                    _views=views,
                )
                for stated in self._facts.figures()
            },
            "figure",
        )

    @cached_property
    def images(self) -> Names[CrateImage]:
        """The images by path; the file's name is enough where it is the only one."""
        return Names(
            {
                stated.path: CrateImage(
                    path=stated.path,
                    format=stated.format,
                    iscc=stated.iscc,
                    scenes=tuple(scene.facts for scene in stated.scenes),
                    description=stated.description,
                    _files=self._files,
                )
                for stated in self._facts.images()
            },
            "image",
        )

    @cached_property
    def edges(self) -> Edges:
        """The edges of all panels."""
        facts = {(image.path, scene.index): scene for image in self.images.values() for scene in image.scenes}
        edges = (edge for figure in self.figures.values() for edge in figure.edges)
        return Edges(replace(edge, scene_facts=facts.get((edge.image, edge.scene))) for edge in edges)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the build found: all of it after :func:`biocodes_crate.build`, else what the crate records."""
        found = self.built.findings if self.built is not None else tuple(self._facts.findings())
        _ = self.pages  # reading them finds faults
        return (*found, *self._faults)

    def planes(self) -> pa.Table:
        """`codes/planes.parquet`: the codes of every plane. ``.to_pandas()`` makes a data frame of it.

        Raises
        ------
        NotACrate
            The crate has no such table.
        """
        try:
            if self._reader.size(PLANES_TABLE) > LARGEST_TABLE:
                raise NotACrate("the table of planes is too large", where=display(PLANES_TABLE))
            with self._reader.open(PLANES_TABLE) as file:
                return pq.read_table(io.BytesIO(file.read()))
        except (KeyError, OSError, pa.ArrowException) as error:
            raise NotACrate(
                "the table of planes is not there, or cannot be read",
                where=display(str(self.path)),
                remedy="Open the crate's folder or zip; build it again if the table is missing.",
            ) from error

    def graph(self) -> rdflib.Graph:
        """The metadata as an RDF graph. Nothing is fetched: contexts ship with the package."""
        return load_graph(self.metadata)

    def query(self, sparql: str) -> list[dict[str, Any]]:
        """The rows of a SPARQL SELECT, as dictionaries of Python values; None where a row has no value."""
        found = self.graph().query(sparql)
        names = [str(name) for name in found.vars or ()]
        return [
            {name: None if row[name] is None else row[name].toPython() for name in names}  # type: ignore[index, call-overload, union-attr]
            for row in found
        ]

    def validate(self, level: Level | str = Level.PROVENANCE, on_progress: OnProgress = ignore_progress) -> Report:
        """Check the crate as it is on disk now."""
        return validate_crate(self.origin, as_level(level), on_progress)

    def report(self, on_progress: OnProgress = ignore_progress) -> str:
        """The page that a person looks at, as HTML."""
        return report_html(report_from_crate(self._reader, on_progress=on_progress))

    def provenance_svg(self) -> str:
        """The graph of figures, panels, planes and images, as SVG."""
        return graph_from_crate(self._reader)

    def close(self) -> None:
        """Release the zip and what was unpacked of it."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        counted = tally(self.pages)
        return (
            f"<crate {display(str(self.path))}: {len(self.images)} images, {len(self.figures)} figures, "
            f"{counted.backed} of {counted.images} image panels backed by data>"
        )

    def _repr_html_(self) -> str:
        """A summary, in a notebook."""
        counted = tally(self.pages)
        states = ", ".join(f"{count} {state.label}" for state, count in counted.counts.items())
        return (
            f"<p><b>{escape(display(self.study.title))}</b><br>{len(self.images)} images, {len(self.figures)} figures; "
            f"{counted.backed} of {counted.images} image panels are backed by data<br>"
            f"<small>{escape(states)}<br><code>{escape(self.iscc or '')}</code></small></p>"
        )


def opened(path: Path | str) -> Crate:
    """A crate of anybody."""
    return Crate(open_crate(path), path)


def as_level(level: Level | str) -> Level:
    """A level by its name."""
    return level if isinstance(level, Level) else Level[level.upper()]


def _close(files: Workspace, reader: CrateReader) -> None:
    files.close()
    reader.close()
