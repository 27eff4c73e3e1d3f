"""The files of a crate as the image and figure readers want them: on disk, opened once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from biocodes_crate.codes import TreeCode, packed_payload_code, packed_tree_code, payload_code, tree_code
from biocodes_crate.crate import CrateReader, display, extract
from biocodes_crate.errors import UnsafePath
from biocodes_crate.figures import Figure, open_figure
from biocodes_crate.figures.raster import Raster, read_raster
from biocodes_crate.images import Image, open_image, open_packed_image

MAX_UNPACKED = 8 << 30  # bytes of one image or figure of a zip that is laid out on disk
_MAX_GROWTH = 20  # text may shrink to a twentieth; more of it than fits on the disk will not


@dataclass(slots=True)
class Workspace:
    """Gives images, figures and codes of a crate, whether it is a folder or a zip.

    From a zip, bytes are hashed and OME-Zarrs are read where they are. Files of other formats, whose
    readers want a path, are laid out in a temporary folder one by one, bounded.

    Use as a context manager: the temporary folder goes with it.
    """

    crate: CrateReader
    limit: int = MAX_UNPACKED
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _paths: dict[str, Path] = field(default_factory=dict)
    _images: dict[str, Image] = field(default_factory=dict)
    _figures: dict[str, Figure] = field(default_factory=dict)
    _rasters: tuple[str, list[Raster]] | None = None

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
        """An image of the crate, opened once. An OME-Zarr is read from within a zip."""
        if path not in self._images:
            packed = self.crate.packed
            if packed is not None and self.crate.is_folder(path):
                self._refuse_links(path)
                self._images[path] = open_packed_image(packed.path, packed.entries, packed.prefix + path)
            else:
                self._images[path] = open_image(self.path(path))
        return self._images[path]

    def tree_code(self, path: str) -> TreeCode:
        """The code of the raw bytes of a file or folder; nothing is unpacked."""
        if self.crate.folder is not None:
            return tree_code(self.path(path))
        self._refuse_links(path)
        self._refuse_bombs([path] if path in self.crate.files() else list(self.crate.below(path)))
        return packed_tree_code(path, self.crate.files(), self.crate.open)

    def payload_code(self, paths: Sequence[str]) -> TreeCode:
        """The code of several files as one; nothing is unpacked."""
        folder = self.crate.folder
        if folder is not None:
            return payload_code(folder, [folder / path for path in paths])
        self._refuse_bombs(paths)
        return packed_payload_code(paths, self.crate.open)

    def release(self, path: str) -> None:
        """Let go of an image or figure that was laid out on disk; it can be asked for again."""
        if self._folder is None or path not in self._paths:
            return
        self._images.pop(path, None)
        self._figures.pop(path, None)
        laid_out = self._paths.pop(path)
        if laid_out.is_file():
            laid_out.unlink()

    def figure(self, path: str) -> Figure:
        """A figure of the crate, its panels found once."""
        if path not in self._figures:
            self._figures[path] = open_figure(self.path(path))
        return self._figures[path]

    def rasters(self, path: str) -> list[Raster]:
        """The pixels of a figure that is a picture, page by page; those of the last one are kept."""
        if self._rasters is None or self._rasters[0] != path:
            self._rasters = path, read_raster(self.path(path))
        return self._rasters[1]

    def _lay_out(self, path: str) -> Path:
        crate = self.crate
        if not crate.exists(path):
            raise FileNotFoundError(path)
        self._refuse_links(path)
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

    def _refuse_links(self, path: str) -> None:
        for oddity in self.crate.oddities:
            # Readers of images open what lies in their folder, and a link leads them anywhere.
            if oddity.path == path or oddity.path.startswith(f"{path}/"):
                raise UnsafePath(f"{display(oddity.path)} {oddity.message}", where=display(path))

    def _refuse_bombs(self, paths: Sequence[str]) -> None:
        """Reading on and on what a small zip claims to hold costs time, if no space."""
        packed = self.crate.packed
        if packed is None:
            return
        entries = [packed.entries[packed.prefix + path] for path in paths if path in self.crate.files()]
        size, stored = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
        if size > self.limit and size > _MAX_GROWTH * stored:
            raise UnsafePath(
                f"it grows from {stored >> 20} to {size >> 20} MiB when it is read",
                where=display(paths[0]),
                remedy="Unpack the zip if you trust it, and validate the folder.",
            )

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
        self._rasters = None
        self._paths.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
