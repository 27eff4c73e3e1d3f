"""Which reader takes a file or folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zipfile import ZipInfo

from biocodes_crate.errors import BiocodesError, NotAnImage, UnreadableImage
from biocodes_crate.images import omezarr, picture, plugins, tiff
from biocodes_crate.images.model import Image
from biocodes_crate.images.packed import AnyFile, NeedsPath, PackedFile
from biocodes_crate.images.stores import ZipStore
from biocodes_crate.images.webstore import WebStore
from biocodes_crate.remote import Web

_FILES = (*tiff.SUFFIXES, *picture.SUFFIXES, *plugins.SUFFIXES, *omezarr.ZIP_SUFFIXES)


def open_image(path: AnyFile) -> Image:
    """Open an image file or folder; pixels are read later, as they are asked for.

    Raises
    ------
    NeedsPath
        It is a file in a zip, whose reader cannot do with that.
    NotAnImage
        No reader takes it.
    MissingReader
        The format is known, but the plug-in that reads it is not installed.
    UnreadableImage
        It is damaged, or holds what no code is defined for.
    """
    name = path.name.lower()
    try:
        if isinstance(path, Path) and not path.exists():
            raise NotAnImage("it does not exist", where=path, remedy="Check the path.")
        if not path.is_file() or name.endswith(omezarr.ZIP_SUFFIXES):
            return omezarr.open_ome_zarr(path)
        if name.endswith(tiff.SUFFIXES):
            return tiff.open_tiff(path)
        if name.endswith(picture.SUFFIXES):
            return picture.open_picture(path)
        if name.endswith(plugins.SUFFIXES):
            if isinstance(path, PackedFile):
                other = plugins.beside_it(path.name)
                others = path.beside([other]) if other is not None else ()
                raise NeedsPath("its plug-in reads no file in a zip", path, others)
            return plugins.open_with_plugin(path)
    except BiocodesError:
        raise
    except OSError as error:
        raise UnreadableImage(
            f"it cannot be opened ({error.strerror or error})", where=path, remedy="Check its permissions."
        ) from error
    raise NotAnImage(
        "it is not an image of a known format",
        where=path,
        remedy="Images are OME-Zarr, TIFF, PNG, JPEG, or what a bioio plug-in reads.",
    )


def open_packed_image(archive: Path, members: Mapping[str, ZipInfo], name: str) -> Image:
    """Open an image that is a file or folder in a zip file, without unpacking it.

    Parameters
    ----------
    archive
        The zip file.
    members
        Its files by their names in it, checked by the caller.
    name
        The name of the file or folder in the zip, without a slash at its end.

    Raises
    ------
    NeedsPath
        Its reader cannot read from within a zip: it is the plug-in of a vendor's format, or the image is a set of
        several files.
    UnreadableImage
        It is no image, or is damaged.
    """
    if name not in members:
        return omezarr.open_ome_zarr(archive / name, ZipStore(archive, members, f"{name}/"))
    return open_image(PackedFile(archive, members, name))


def open_web_image(web: Web, url: str) -> Image:
    """Open an OME-Zarr folder at an address. Pixels are fetched as they are asked for, from below it only.

    Raises
    ------
    UnreadableImage
        It is no OME-Zarr, is damaged, or holds what no code is defined for.
    RemoteUnreadable
        The server cannot be reached, or refuses.
    """
    name = PurePosixPath(urlsplit(url).path).name or "image.zarr"
    return omezarr.open_ome_zarr(Path(name), WebStore(web, url))


def is_image(path: Path) -> bool:
    """Whether a file or folder is an image by its name or, for a folder, its metadata. Cheap: no pixel is read."""
    try:
        return omezarr.is_ome_zarr(path) if path.is_dir() else path.is_file() and looks_like_image_name(path.name)
    except OSError:
        return False


def looks_like_image_name(name: str) -> bool:
    """Whether a file is an image by its name."""
    return name.lower().endswith(_FILES)
