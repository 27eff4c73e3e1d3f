"""The files of a crate as the image and figure readers want them: on disk, opened once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from biocodes_crate.crate import CrateReader, display, extract
from biocodes_crate.errors import UnsafePath
from biocodes_crate.figures import Figure, open_figure
from biocodes_crate.images import Image, open_image

MAX_UNPACKED = 8 << 30  # bytes of one image or figure of a zip that is laid out on disk


@dataclass(slots=True)
class Workspace:
    """Gives files of a crate as paths; what lies in a zip is laid out in a temporary folder, bounded.

    Use as a context manager: the temporary folder goes with it.
    """

    crate: CrateReader
    limit: int = MAX_UNPACKED
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _paths: dict[str, Path] = field(default_factory=dict)
    _images: dict[str, Image] = field(default_factory=dict)
    _figures: dict[str, Figure] = field(default_factory=dict)

    def path(self, path: str) -> Path:
        """A file or folder of the crate on disk.

        Raises
        ------
        UnsafePath
            A link lies in it, or it is too large to be unpacked.
        FileNotFoundError
            It is not in the crate.
        """
        if path not in self._paths:
            self._paths[path] = self._lay_out(path)
        return self._paths[path]

    def image(self, path: str) -> Image:
        """An image of the crate, opened once."""
        if path not in self._images:
            self._images[path] = open_image(self.path(path))
        return self._images[path]

    def figure(self, path: str) -> Figure:
        """A figure of the crate, its panels found once."""
        if path not in self._figures:
            self._figures[path] = open_figure(self.path(path))
        return self._figures[path]

    def _lay_out(self, path: str) -> Path:
        crate = self.crate
        if not crate.exists(path):
            raise FileNotFoundError(path)
        for oddity in crate.oddities:
            # Readers of images open what lies in their folder, and a link leads them anywhere.
            if oddity.path == path or oddity.path.startswith(f"{path}/"):
                raise UnsafePath(f"{display(oddity.path)} {oddity.message}", where=display(path))
        if crate.folder is not None:
            return crate.folder / path
        files = list(crate.below(path)) if crate.is_folder(path) else [path]
        if sum(crate.size(file) for file in files) > self.limit:
            raise UnsafePath(
                f"it is larger than the {self.limit >> 30} GiB that are unpacked for checking",
                where=display(path),
                remedy="Unpack the zip, and validate the folder.",
            )
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="biocodes-")
        root = Path(self._folder.name)
        for file in files:
            target = root / file
            if not target.exists():
                extract(crate, file, target, self.limit)
        return root / path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what was opened, and remove what was unpacked."""
        self._images.clear()
        self._figures.clear()
        self._paths.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
