"""What OME-XML says about images: names, physical sizes, channels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from xml.etree import ElementTree

from biocodes_crate.images.model import Channel
from biocodes_crate.images.units import micrometres


@dataclass(frozen=True, slots=True)
class DescribedImage:
    """One `Image` element; physical sizes in micrometres."""

    name: str | None
    sizes: tuple[int, int, int, int, int]  # X, Y, Z, C, T
    channels: tuple[Channel, ...]
    physical_size_x: float | None
    physical_size_y: float | None
    physical_size_z: float | None
    identifier: str = ""  # "Image:0" and so on; OMERO writes its own numbers here


def parse_ome_xml(document: str | bytes) -> list[DescribedImage]:
    """The images in their order; none when the document is not OME-XML.

    Entities are expanded by expat, which since 2.4.1 stops at amplification attacks; external ones never are.
    """
    root = _root(document)
    if root is None:
        return []
    images = []
    for element in root:
        pixels = next((child for child in element if _tag(child) == "Pixels"), None)
        if _tag(element) != "Image" or pixels is None:
            continue
        channels = tuple(
            Channel(child.get("Name") or None, _color(child.get("Color")))
            for child in pixels
            if _tag(child) == "Channel"
        )
        x, y, z, c, t = (_int(pixels.get(f"Size{axis}")) for axis in "XYZCT")
        images.append(
            DescribedImage(
                element.get("Name") or None,
                (x, y, z, c, t),
                channels,
                _length(pixels, "X"),
                _length(pixels, "Y"),
                _length(pixels, "Z"),
                element.get("ID") or "",
            )
        )
    return images


def omero_id_of(described: list[DescribedImage]) -> int | None:
    """The number that OMERO knows an image by, where its OME-XML came from there.

    Other writers count their images from 0 or 1; then the number says nothing.
    """
    if len(described) != 1:
        return None
    number = described[0].identifier.partition(":")[2]
    return int(number) if number.isascii() and number.isdigit() and 1 < int(number) < 2**53 else None


def namespace(document: str) -> str | None:
    """The IRI of the OME schema that the document follows."""
    root = _root(document)
    if root is None or not root.tag.startswith("{"):
        return None
    return root.tag[1:].partition("}")[0] or None


def named_files(document: str) -> list[str]:
    """Files that the document refers to, as it names them."""
    root = _root(document)
    if root is None:
        return []
    names = [element.get("FileName") or element.get("MetadataFile") for element in root.iter()]
    return [name for name in names if name]


def stays_beside(name: str) -> bool:
    """Whether a file name leads to the same folder or below it, on any system."""
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    absolute = PurePosixPath(name).is_absolute() or bool(PureWindowsPath(name).anchor)
    return not absolute and ".." not in parts and "\0" not in name


def _root(document: str | bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(document)  # noqa: S314  # see parse_ome_xml
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _int(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return 0


def _length(pixels: ElementTree.Element, axis: str) -> float | None:
    try:
        value = float(pixels.get(f"PhysicalSize{axis}") or "")
    except ValueError:
        return None
    return micrometres(value, pixels.get(f"PhysicalSize{axis}Unit") or "µm")  # the schema's default


def _color(text: str | None) -> str | None:
    """RRGGBB of a signed 32-bit RGBA number."""
    try:
        value = int(text or "")
    except ValueError:
        return None
    return f"{value & 0xFFFFFFFF:08X}"[:6]
