"""Small files of microscope makers, with pixels that are known."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def write_lif(path: Path, scenes: dict[str, np.ndarray]) -> Path:
    """A Leica Image File, version 2, with a series for each (T, C, Z, Y, X) array of 8 or 16 bits.

    Source: Leica Microsystems, "LAS AF Image File Formats" (2007): a header of UTF-16 XML, then memory
    blocks. Within one, rows come first, then z, then t, then channels; the XML states every stride.
    """
    elements, blocks = [], []
    for number, (name, pixels) in enumerate(scenes.items()):
        t, c, z, y, x = pixels.shape
        item = pixels.itemsize
        strides = {1: item, 2: x * item, 3: y * x * item, 4: z * y * x * item}
        channel = t * z * y * x * item
        channels = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{8 * item}" NameOfMeasuredQuantity="" Min="0" '
            f'Max="{2 ** (8 * item) - 1}" Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="{i * channel}" BitInc="0"/>'
            for i in range(c)
        )
        dimensions = "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{size}" Origin="0" Length="{(size - 1) * 1e-6}" '
            f'Unit="{"s" if axis == 4 else "m"}" BytesInc="{strides[axis]}" BitInc="0"/>'
            for axis, size in ((1, x), (2, y), (3, z), (4, t))
            if size > 1 or axis < 3
        )
        elements.append(
            f'<Element Name="{name}" Visibility="1" CopyOption="1" UniqueID="{number}"><Data><Image TextDescription="">'
            f"<ImageDescription><Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription>"
            f'</Image></Data><Memory Size="{pixels.nbytes}" MemoryBlockID="MemBlock_{number}"/><Children/></Element>'
        )
        blocks.append((f"MemBlock_{number}", pixels.transpose(1, 0, 2, 3, 4).tobytes()))
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="study.lif" Visibility="1" CopyOption="1" UniqueID="x"><Data>'
        '<Experiment Path="study.lif"/></Data><Memory Size="0" MemoryBlockID="MemBlock_x"/>'
        f"<Children>{''.join(elements)}</Children></Element></LMSDataContainerHeader>"
    )
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, 2 * len(xml) + 5, 0x2A, len(xml)) + xml.encode("utf-16-le"))
        for name, data in [("MemBlock_x", b""), *blocks]:
            text = name.encode("utf-16-le")
            file.write(struct.pack("<IIBQBI", 0x70, len(text) + 14, 0x2A, len(data), 0x2A, len(name)) + text + data)
    return path


def write_dv(path: Path, pixels: np.ndarray) -> Path:
    """A DeltaVision file of a (1, C, Z, Y, X) array, as the library `mrc` writes it."""
    import mrc

    mrc.imsave(str(path), pixels[0], zAxisOrder="wz", metadata={"dx": 0.1, "dy": 0.1, "dz": 0.2})
    return path
