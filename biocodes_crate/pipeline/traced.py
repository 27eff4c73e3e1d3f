"""What tracing the figures of a study gives."""

from __future__ import annotations

from dataclasses import dataclass

from biocodes_crate.codes import FigureCodes
from biocodes_crate.findings import Finding
from biocodes_crate.study import StudyFigure
from biocodes_crate.tracing import TracedPage


@dataclass(frozen=True, slots=True)
class TracedFigure:
    """A figure with the edges of its panels."""

    listed: StudyFigure
    encoding_format: str
    codes: FigureCodes
    pages: tuple[TracedPage, ...]
    caption: str | None = None
    digital_source: str | None = None
    software: str | None = None
    creators: tuple[str, ...] = ()
    content_credentials: tuple[str, ...] | None = None  # names of C2PA manifests; None: it has none


@dataclass(frozen=True, slots=True)
class TracedFigures:
    """What became of the figures of a study."""

    traced: tuple[TracedFigure, ...]
    unreadable: tuple[StudyFigure, ...]
    findings: tuple[Finding, ...]

    @property
    def pages(self) -> tuple[TracedPage, ...]:
        """The pages of all figures."""
        return tuple(page for figure in self.traced for page in figure.pages)
