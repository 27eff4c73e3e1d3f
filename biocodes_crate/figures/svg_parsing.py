"""The tree of an SVG file, within bounds: no entities, not too many elements, not too deep."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.images import AnyFile

_MOST_BYTES = 300 << 20
_MOST_ELEMENTS = 500_000
_MOST_DEPTH = 250  # of elements within elements; far beyond what programs write, far from where Python gives up
_CHUNK = 1 << 20


class _TooMuchError(Exception):
    """A file has more in it than a figure has."""


class _Bounded(TreeBuilder):
    """Builds a tree as long as it stays within bounds."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._elements += 1
        self._depth += 1
        if self._elements > _MOST_ELEMENTS:
            raise _TooMuchError(f"the SVG has more than {_MOST_ELEMENTS} elements")
        if self._depth > _MOST_DEPTH:
            raise _TooMuchError(f"the SVG has elements within elements more than {_MOST_DEPTH} deep")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse_svg(path: AnyFile) -> Element:
    """The root element of an SVG file.

    Raises
    ------
    UnreadableFigure
        If it is not well-formed, declares entities, exceeds the limits, or is no SVG.
    """
    parser = DefusedXMLParser(target=_Bounded())
    try:
        with open_svg(path) as file:
            seen = 0
            while chunk := file.read(_CHUNK):
                seen += len(chunk)
                if seen > _MOST_BYTES:
                    message = f"the SVG is larger than {_MOST_BYTES >> 20} MB"
                    raise UnreadableFigure(message, where=path, remedy="Export it as PDF.")
                parser.feed(chunk)
            root = parser.close()
    except _TooMuchError as error:
        raise UnreadableFigure(str(error), where=path, remedy="Export it as PNG or TIFF.") from None
    except DefusedXmlException as error:
        raise UnreadableFigure(
            "the SVG declares entities, which could be an attack",
            where=path,
            remedy="Save it as plain SVG, without entities.",
        ) from error
    except (ParseError, ValueError, OSError, EOFError, zlib.error, RecursionError, LookupError) as error:
        raise UnreadableFigure(
            f"the SVG is not well-formed ({error})", where=path, remedy="Export it again."
        ) from error
    tag = getattr(root, "tag", None)
    if not isinstance(root, Element) or not isinstance(tag, str) or tag.rpartition("}")[2] != "svg":
        raise UnreadableFigure("its root element is not svg", where=path, remedy="Export it again.")
    return root


@contextmanager
def open_svg(path: AnyFile) -> Iterator[IO[bytes]]:
    """The text of an SVG, which may be packed by gzip (SVGZ)."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield unpacked  # type: ignore[misc]
