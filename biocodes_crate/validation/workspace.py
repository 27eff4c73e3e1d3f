"""The files of a crate as the image and figure readers want them: on disk or in a zip, opened once."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, NamedTuple, Self

from biocodes_crate.codes import (
    FigureCodes,
    TreeCode,
    figure_image_code,
    packed_payload_code,
    packed_tree_code,
    payload_code,
    tree_code,
)
from biocodes_crate.crate import CrateReader, display, extract
from biocodes_crate.crate.reader import Packed
from biocodes_crate.errors import UnsafePath
from biocodes_crate.figures import Figure, open_figure
from biocodes_crate.figures.raster import Raster, read_raster
from biocodes_crate.images import AnyFile, Image, NeedsPath, PackedFile, open_image, open_packed_image
from biocodes_crate.images.paths import SortedPaths

MAX_UNPACKED = 8 << 30  # bytes of one image or figure that is laid out on disk
_MAX_HOLLOW = 1000  # pixels may take so many times the bytes that are stored; an empty slide takes more
_MAX_GROWTH = 20  # text may shrink to a twentieth; more of it than fits on the disk will not


class _Oddities(NamedTuple):
    messages: dict[str, str]  # by path
    paths: SortedPaths


@dataclass(slots=True)
class Workspace:
    """Gives images, figures and codes of a crate, whether it is a folder or a zip.

    From a zip, bytes are hashed and pixels are read where they are. What is laid out in a temporary folder
    all the same, one by one and bounded: images of vendors' formats, whose plug-ins want a path; OME-TIFFs of
    several files; and what is fetched of a crate that lies elsewhere.

    Use as a context manager: the temporary folder goes with it.
    """

    crate: CrateReader
    limit: int = MAX_UNPACKED
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _laid_out: dict[str, list[Path]] = field(default_factory=dict)
    _files: dict[str, AnyFile] = field(default_factory=dict)
    _images: dict[str, Image] = field(default_factory=dict)
    _figure: tuple[str, Figure] | None = None
    _rasters: tuple[str, list[Raster]] | None = None
    _odd: _Oddities | None = None

    def file(self, path: str) -> AnyFile:
        """A file of the crate, to be opened.

        Raises
        ------
        UnsafePath
            It is a link, a bomb, or too large to be fetched.
        FileNotFoundError
            It is not in the crate.
        """
        if path not in self._files:
            self._files[path] = self._find(path)
        return self._files[path]

    def _find(self, path: str) -> AnyFile:
        if not self.crate.exists(path):
            raise FileNotFoundError(path)
        self._refuse_links(path)
        if self.crate.folder is not None:
            return self.crate.folder / path
        self._refuse_bombs([path] if path in self.crate.files() else list(self.crate.below(path)))
        packed = self.crate.packed
        if packed is not None and path in self.crate.files():
            return PackedFile(packed.path, packed.entries, packed.prefix + path)
        return self._lay_out(path, [path])

    def image(self, path: str) -> Image:
        """An image of the crate, opened once."""
        if path not in self._images:
            image = self._open_image(path)
            self._refuse_hollow(path, image)
            self._images[path] = image
        return self._images[path]

    def _open_image(self, path: str) -> Image:
        packed = self.crate.packed
        if packed is not None and self.crate.is_folder(path):
            self._refuse_links(path)
            inside = (packed.prefix + file for file in self.crate.below(path))
            return open_packed_image(packed.path, {name: packed.entries[name] for name in inside}, packed.prefix + path)
        try:
            return open_image(self.file(path))
        except NeedsPath as error:
            beside = PurePosixPath(path).parent
            return open_image(self._lay_out(path, [path, *(str(beside / other) for other in error.others)]))

    def tree_code(self, path: str) -> TreeCode:
        """The code of the raw bytes of a file or folder; nothing is unpacked."""
        self._refuse_links(path)
        if self.crate.folder is not None:
            return tree_code(self.crate.folder / path)
        files = [path] if path in self.crate.files() else list(self.crate.below(path))
        self._refuse_bombs(files)
        return packed_tree_code(path, files, self.crate.open)

    def payload_code(self, paths: Sequence[str], on_bytes: Callable[[int], None] = lambda _: None) -> TreeCode:
        """The code of several files as one; nothing is unpacked.

        `on_bytes` is called with the number of bytes read, or about to be read, now and then; what it raises ends
        the reading.
        """
        folder, packed = self.crate.folder, self.crate.packed
        if folder is not None:
            return payload_code(folder, [folder / path for path in paths], on_bytes)
        self._refuse_bombs(paths)

        def told(path: str, opened: Callable[[str], IO[bytes]]) -> IO[bytes]:
            on_bytes(self.crate.size(path))
            return opened(path)

        if packed is None:
            return packed_payload_code(paths, lambda path: told(path, self.crate.open))
        # By itself: an open zip counts its readers without a lock, and others read at the same time.
        with zipfile.ZipFile(packed.path) as archive:
            read = partial(_open_member, archive, packed)
            return packed_payload_code(paths, lambda path: told(path, read))

    @property
    def is_local(self) -> bool:
        """Whether the files of the crate are at hand, and none of them has to be fetched."""
        return self.crate.folder is not None or self.crate.packed is not None

    def figure_codes(self, path: str) -> FigureCodes:
        """The codes of a figure file."""
        return FigureCodes(self.tree_code(path), figure_image_code(self.file(path)))

    def release(self, path: str) -> None:
        """Remove an image or figure that was laid out on disk; it can be asked for again."""
        if path not in self._laid_out:
            return
        self._files.pop(path, None)
        self._images.pop(path, None)
        if self._figure is not None and self._figure[0] == path:
            self._figure = None
        for file in self._laid_out.pop(path):
            if not any(file in others for others in self._laid_out.values()):
                file.unlink()

    def figure(self, path: str) -> Figure:
        """A figure of the crate, its panels found once; those of the last one are kept, whose pixels take memory."""
        if self._figure is None or self._figure[0] != path:
            self._figure = None
            self._figure = path, open_figure(self.file(path))
        return self._figure[1]

    def rasters(self, path: str) -> list[Raster]:
        """The pixels of a figure that is a picture, page by page; those of the last one are kept."""
        if self._rasters is None or self._rasters[0] != path:
            self._rasters = path, read_raster(self.file(path))
        return self._rasters[1]

    def _lay_out(self, path: str, needed: Iterable[str]) -> Path:
        """Copy a file or folder, and what it needs besides, into a temporary folder; give its place there."""
        crate = self.crate
        files = [file for one in needed for file in (crate.below(one) if crate.is_folder(one) else [one])]
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
            self._refuse_links(file)
            if not (root / file).exists():
                extract(crate, file, root / file, self.limit)
        self._laid_out[path] = [root / file for file in files]
        return root / path

    def is_odd(self, path: str) -> bool:
        """Whether something is there that is no file or folder to be read, such as a link."""
        return path in self._oddities().messages

    def _oddities(self) -> _Oddities:
        if self._odd is None:
            messages = {oddity.path: oddity.message for oddity in self.crate.oddities}
            self._odd = _Oddities(messages, SortedPaths(messages))
        return self._odd

    def _refuse_links(self, path: str) -> None:
        # Readers of images open what lies in their folder, and a link leads them anywhere.
        messages, paths = self._oddities()
        odd = path if path in messages else next(paths.below(path), None)
        if odd is not None:
            raise UnsafePath(f"{display(odd)} {messages[odd]}", where=display(path))

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

    def _refuse_hollow(self, path: str, image: Image) -> None:
        """A few bytes of metadata can claim any number of pixels, which then are all the fill value."""
        files = self.crate.files()
        stored = files[path] if path in files else sum(files[file] for file in self.crate.below(path))
        claimed = sum(s.plane_count * s.size_y * s.size_x * s.dtype.itemsize for s in image.scenes)
        if claimed > self.limit and claimed > _MAX_HOLLOW * stored:
            raise UnsafePath(
                f"it claims {claimed >> 20} MiB of pixels, of which {stored >> 20} MiB are stored",
                where=display(path),
                remedy="Ask who made it; `crate code` reads it all the same.",
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
        self._figure = None
        self._rasters = None
        self._files.clear()
        self._laid_out.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _open_member(archive: zipfile.ZipFile, packed: Packed, path: str) -> IO[bytes]:
    return archive.open(packed.entries[packed.prefix + path])
