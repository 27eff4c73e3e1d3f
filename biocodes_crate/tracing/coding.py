"""Codes and index of an image, from one pass over its pixels or from the cache."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from biocodes_crate.codes import CodeCache, ImageCodes, code_image, remember
from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images import Image
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.tracing.index import ImageIndex, IndexBuilder


def code_and_index(
    image: Image,
    name: str,
    *,
    cache: CodeCache | None,
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> tuple[ImageCodes, ImageIndex]:
    """The codes of an image and its index for tracing, in which it is called `name`.

    Raises
    ------
    UnreadableImage
        Pixels cannot be decoded, or a file not be read.
    """

    def make() -> tuple[ImageCodes, dict[str, NDArray[Any]]]:
        builder = IndexBuilder(name)
        codes = code_image(image, observe=builder.observe, workers=workers, on_progress=on_progress)
        return codes, builder.finish().to_arrays()

    known = remember(
        cache, image, make, lambda found: ImageIndex.from_arrays(name, found.attachments) is not None
    )  # what another version kept is made again
    index = ImageIndex.from_arrays(name, known.attachments)
    if index is None:
        raise UnreadableImage("its index could not be made", where=image.path)
    return known.codes, index
