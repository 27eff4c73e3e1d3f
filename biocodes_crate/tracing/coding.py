"""Codes and index of an image, from one pass over its pixels or from the cache."""

from __future__ import annotations

from functools import partial
from typing import Any

from numpy.typing import NDArray

from biocodes_crate.codes import Cluster, CodeCache, ImageCodes, code_image, remember
from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images import Image
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.tracing.index import ImageIndex, IndexBuilder, merge_indexes


def code_and_index(
    image: Image,
    name: str,
    *,
    cache: CodeCache | None,
    workers: int | None = None,
    cluster: Cluster | None = None,
    on_progress: OnProgress = ignore_progress,
) -> tuple[ImageCodes, ImageIndex]:
    """The codes of an image and its index for tracing, in which it is called `name`.

    They are made by threads of this process, or else by a `cluster`.

    Raises
    ------
    UnreadableImage
        Pixels cannot be decoded, or a file not be read.
    """

    def make() -> tuple[ImageCodes, dict[str, NDArray[Any]]]:
        if cluster is not None:
            codes, parts = cluster.code_image(image, observer=partial(IndexBuilder, name), on_progress=on_progress)
            return codes, merge_indexes(name, parts).to_arrays()
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
