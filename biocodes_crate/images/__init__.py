"""Open an image and read its scenes and planes, whatever the file format."""

from biocodes_crate.images.model import (
    Channel,
    Image,
    ImageFormat,
    PixelSource,
    PlaneIndex,
    RegionSource,
    Scene,
)
from biocodes_crate.images.packed import AnyFile, NeedsPath, PackedFile
from biocodes_crate.images.reader import is_image, looks_like_image_name, open_image, open_packed_image, open_web_image

__all__ = [
    "AnyFile",
    "Channel",
    "Image",
    "ImageFormat",
    "NeedsPath",
    "PackedFile",
    "PixelSource",
    "PlaneIndex",
    "RegionSource",
    "Scene",
    "is_image",
    "looks_like_image_name",
    "open_image",
    "open_packed_image",
    "open_web_image",
]
