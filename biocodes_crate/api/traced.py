"""A figure that is traced but is part of no crate, with its pixels and those of its sources at hand."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from pathlib import Path

from biocodes_crate.api.figures import Figure
from biocodes_crate.api.views import Views
from biocodes_crate.crate import CrateReader, open_crate
from biocodes_crate.figures import Figure as OpenedFigure
from biocodes_crate.figures import open_figure
from biocodes_crate.images import AnyFile, Image
from biocodes_crate.pipeline import trace_one
from biocodes_crate.progress import OnProgress
from biocodes_crate.remote import web_address
from biocodes_crate.report import Facts, Files, Painter, StudyFiles
from biocodes_crate.validation.workspace import Workspace


def traced_figure(
    path: Path, where: Path | str, *, workers: int | None, use_cache: bool, on_progress: OnProgress
) -> Figure:
    """The figure at `path`, traced in the study or crate at `where`, which may be the URL or DOI of a record."""
    pages, findings = trace_one(path, where, workers=workers, use_cache=use_cache, on_progress=on_progress)
    folder = isinstance(where, Path) or web_address(where) is None
    if folder and Path(where).is_dir():
        files = _FilesOfTrace(path, StudyFiles(Path(where)))
    else:
        files = _from_archive(path, where)
    views = Views(Painter(files, Facts({"@graph": []})))
    return Figure(path=path.name, pages=tuple(pages), findings=tuple(findings), _views=views)


def _from_archive(path: Path, where: Path | str) -> _FilesOfTrace:
    reader = open_crate(where)
    workspace = Workspace(reader)
    files = _FilesOfTrace(path, workspace)
    weakref.finalize(files, _close, workspace, reader)
    return files


def _close(workspace: Workspace, reader: CrateReader) -> None:
    workspace.close()
    reader.close()


@dataclass
class _FilesOfTrace:
    """The figure from where it lies, all else from the study."""

    figure_file: Path
    study: Files
    opened: list[OpenedFigure] = field(default_factory=list)

    def file(self, path: str) -> AnyFile:
        return self.figure_file if path == self.figure_file.name else self.study.file(path)

    def image(self, path: str) -> Image:
        return self.study.image(path)

    def figure(self, path: str) -> OpenedFigure:
        if path != self.figure_file.name:
            return self.study.figure(path)
        if not self.opened:
            self.opened.append(open_figure(self.figure_file))
        return self.opened[0]
