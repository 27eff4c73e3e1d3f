"""A traced panel beside its source, with matplotlib: the only module that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biocodes_crate.crate import display
from biocodes_crate.errors import MissingExtra, UnreadableImage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as PlottedFigure

    from biocodes_crate.api.figures import Source

_OUTLINES = {"verified": "#0a7a50", "ambiguous": "#8f5d00", "contradicted": "#c01c28", "unverified": "#6b3fc4"}


def plot_source(source: Source) -> PlottedFigure:
    """The pictures of a source in a row, titled in words."""
    try:
        import matplotlib as mpl  # noqa: PLC0415
        from matplotlib import pyplot as plt  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(
            "plots need matplotlib, which is not installed", remedy="Run `pip install 'biocodes-crate[plot]'`."
        ) from error
    pictures = source.pictures()
    if not pictures:
        raise UnreadableImage(source.view.note or "there is nothing to show", where=display(source.image))
    figure, axes = plt.subplots(1, len(pictures), figsize=(3 * len(pictures), 3.9), squeeze=False, layout="constrained")
    for axis, (title, picture) in zip(axes[0], pictures, strict=True):
        axis.imshow(picture)
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
        if title == "Source plane":
            _outline(axis, source, picture.shape)
    words = _unparsed(display("\n".join(source.words)))
    head = f"{source.panel.page.figure}, panel {source.panel.name} ← {source.image}: {source.status.value}"
    figure.suptitle(f"{_unparsed(display(head))}\n{words}", fontsize=10)
    if "inline" in mpl.get_backend():
        plt.close(figure)  # a notebook shows what a cell returns, and would show it twice
    return figure


def _outline(axis: Axes, source: Source, shape: tuple[int, ...]) -> None:
    scene, affine, traced = source.view.scene, source.transform, source.panel.traced
    if scene is None or not scene.size_x or not scene.size_y:
        return
    if affine is not None:
        corners = [(0, 0), (traced.width, 0), (traced.width, traced.height), (0, traced.height)]
        points = [(a[0] * x + a[1] * y + a[2], b[0] * x + b[1] * y + b[2]) for x, y in corners for a, b in [affine]]
    elif source.region is not None:
        x, y, w, h = source.region
        points = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    else:
        return
    across, down = shape[1] / scene.size_x, shape[0] / scene.size_y
    xs, ys = zip(*((x * across - 0.5, y * down - 0.5) for x, y in points), strict=True)
    for color, width in (("#ffffff", 4.0), (_OUTLINES[source.status.value], 2.0)):
        axis.fill(xs, ys, facecolor="none", edgecolor=color, linewidth=width)
    axis.set_xlim(-0.5, shape[1] - 0.5)
    axis.set_ylim(shape[0] - 0.5, -0.5)


def _unparsed(text: str) -> str:
    """Text of anybody in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
