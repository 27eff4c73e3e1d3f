"""Pages of PDFs: their boxes, what hides an image on them, and kinds of images that few libraries write."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from figure_drawing import Pixels, micrograph
from pdf_writing import draw, image, stream, write_objects
from PIL import Image

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import Panel, open_figure

PIXELS = micrograph(1, 200, 160)
GREY = micrograph(3, 200, 160)[..., 0]
OTHER = micrograph(5, 100, 80)
DARK = GREY > 100
PLACED = draw(6, 20, 20, 200, 160)  # at 5, 10, 50, 80 % of the page
BESIDE = draw(7, 240, 20, 100, 80)  # at 60, 50, 25, 40 %


def pdf(
    content: bytes,
    images: list[bytes],
    page: bytes = b"",
    resources: bytes = b"",
    catalog: bytes = b"",
    media: bytes = b"0 0 400 200",
) -> bytes:
    """A page that draws with `content`; further objects may follow the images, which begin with number 6."""
    names = b"".join(b"/I%d %d 0 R" % (6 + i, 6 + i) for i in range(len(images)))
    return write_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources 5 0 R%s>>" % (media, page),
            stream(b"", content),
            b"<</XObject<<%s>>%s>>" % (names, resources),
            *images,
        ]
    )


def panels_of(tmp_path: Path, content: bytes) -> tuple[Panel, ...]:
    (tmp_path / "fig.pdf").write_bytes(content)
    return open_figure(tmp_path / "fig.pdf").pages[0].panels


def boxes_of(panels: tuple[Panel, ...]) -> list[list[float]]:
    return [np.round(panel.box, 1).tolist() for panel in panels]


@pytest.mark.parametrize(
    ("page", "media", "box"),
    [
        (b"/CropBox[10 10 310 190]", b"0 0 400 200", [3.3, 5.6, 66.7, 88.9]),
        (b"/CropBox[10 10 310 190]/Rotate 90", b"0 0 400 200", [5.6, 3.3, 88.9, 66.7]),
        (b"/CropBox[10 10 310 190]/Rotate 180", b"0 0 400 200", [30, 5.6, 66.7, 88.9]),
        (b"/CropBox[-50 -50 900 900]", b"0 0 400 200", [5, 10, 50, 80]),
        (b"/UserUnit 2.0", b"0 0 400 200", [5, 10, 50, 80]),
        (b"", b"-100 -50 300 150", [30, 0, 50, 65]),
    ],
)
def test_places_are_those_on_the_page_as_it_is_shown(
    tmp_path: Path, page: bytes, media: bytes, box: list[float]
) -> None:
    (panel,) = panels_of(tmp_path, pdf(PLACED, [image(PIXELS)], page, media=media))
    assert boxes_of((panel,)) == [box]


def form(content: bytes, more: bytes) -> bytes:
    return stream(b"/Type/XObject/Subtype/Form/Resources 5 0 R" + more, content)


@pytest.mark.parametrize(
    ("content", "inner", "box", "hidden"),
    [
        (b"/I7 Do", form(PLACED, b"/BBox[20 20 120 100]"), [5, 50, 25, 40], 0),
        (b"q 1 0 0 1 100 0 cm /I7 Do Q", form(PLACED, b"/BBox[20 20 120 100]/Matrix[0.5 0 0 0.5 10 10]"), [30, 70, 12.5, 20], 0),
        (b"q 50 40 100 60 re W n " + PLACED + b"Q", b"null", [12.5, 50, 25, 30], 0),
        # A hole, and a circle, in the clip: the corners are hidden.
        (b"q 50 40 100 60 re 60 50 20 20 re W* n " + PLACED + b"Q", b"null", [12.5, 50, 25, 30], 400 / 6000),
        (
            b"q 200 100 m 200 144 164 180 120 180 c 76 180 40 144 40 100 c 40 56 76 20 120 20 c 164 20 200 56 200 100 c W n "
            + PLACED + b"Q", b"null", [10, 10, 40, 80], 1 - np.pi / 4,
        ),
    ],
)  # fmt: skip
def test_clips_of_any_shape_are_applied(
    tmp_path: Path, content: bytes, inner: bytes, box: list[float], hidden: float
) -> None:
    (panel,) = panels_of(tmp_path, pdf(content, [image(PIXELS), inner]))
    assert boxes_of((panel,)) == [box]
    assert panel.mask.mean() == pytest.approx(hidden, abs=0.01)


LAYER = b"<</Type/OCG/Name(layer)>>"
OFF = b"/OCProperties<</OCGs[8 0 R]/D<</OFF[8 0 R]>>>>"


@pytest.mark.parametrize(
    "content",
    [
        # On a layer that is switched off: a part of the content, or the image itself.
        pdf(
            b"/OC /L BDC " + PLACED + b" EMC " + BESIDE,
            [image(PIXELS), image(OTHER), LAYER],
            resources=b"/Properties<</L 8 0 R>>",
            catalog=OFF,
        ),
        pdf(PLACED + BESIDE, [image(PIXELS, b"/OC 8 0 R"), image(OTHER), LAYER], catalog=OFF),
        pdf(PLACED + b"1 1 1 rg 0 0 230 200 re f " + BESIDE, [image(PIXELS), image(OTHER)]),
        pdf(
            b"q /G gs " + PLACED + b" Q " + BESIDE,
            [image(PIXELS), image(OTHER)],
            resources=b"/ExtGState<</G<</ca 0/CA 0>>>>",
        ),
    ],
)
def test_an_image_that_the_page_does_not_show_is_no_panel(tmp_path: Path, content: bytes) -> None:
    (panel,) = panels_of(tmp_path, content)
    assert np.array_equal(panel.pixels, OTHER)


@pytest.mark.parametrize("how", ["pattern", "stamp"])
def test_images_in_patterns_and_stamps_are_found_on_the_drawn_page(tmp_path: Path, how: str) -> None:
    inner = draw(6, 0, 0, 200, 160)
    names = b"/Resources<</XObject<</I6 6 0 R>>>>"
    if how == "pattern":
        tile = b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 200 160]/XStep 200/YStep 160"
        content = pdf(
            b"/Pattern cs /P scn 20 20 200 160 re f " + BESIDE,
            [image(PIXELS), image(OTHER), stream(tile + b"/Matrix[1 0 0 1 20 20]" + names, inner)],
            resources=b"/Pattern<</P 8 0 R>>",
        )
    else:
        shown = stream(b"/Type/XObject/Subtype/Form/BBox[0 0 200 160]" + names, inner)
        stamp = b"<</Type/Annot/Subtype/Stamp/Rect[20 20 220 180]/F 4/AP<</N 8 0 R>>>>"
        content = pdf(BESIDE, [image(PIXELS), image(OTHER), shown, stamp], b"/Annots[9 0 R]")
    panels = panels_of(tmp_path, content)
    assert np.allclose([p.box for p in panels], [[5, 10, 50, 80], [60, 50, 25, 40]], atol=0.1)
    small = np.asarray(Image.fromarray(panels[0].pixels).resize((200, 160)), np.float32)
    assert np.corrcoef(small.ravel(), PIXELS.astype(np.float32).ravel())[0, 1] > 0.97


def coded(filters: bytes, data: bytes, space: bytes = b"", bits: int = 8, more: bytes = b"") -> bytes:
    head = b"<</Type/XObject/Subtype/Image/Width 200/Height 160/BitsPerComponent %d%s" % (bits, more)
    head += b"/ColorSpace" + space if space else b""
    head += b"/Filter" + filters if filters else b""
    return b"%s/Length %d>>\nstream\n%s\nendstream" % (head, len(data), data)


def saved(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def fax(pixels: np.ndarray) -> bytes:
    """Group 4 of what is true."""
    data = saved(pixels, "TIFF", compression="group4")
    tags = Image.open(io.BytesIO(data)).tag_v2
    assert tags[262] == 1
    return b"".join(data[at : at + size] for at, size in zip(tags[273], tags[279], strict=True))


def jbig2() -> bytes:
    """A page and one region of it, coded as Group 4 is (ITU-T T.88, 7.4)."""
    page = struct.pack(">IIIIBH", 200, 160, 0, 0, 0, 0)
    region = struct.pack(">IIIIB", 200, 160, 0, 0, 0) + b"\x01" + fax(~DARK)
    return b"".join(
        struct.pack(">IBBBI", i, kind, 0, 1, len(d)) + d for i, (kind, d) in enumerate([(48, page), (38, region)])
    )


BITS = np.packbits(DARK, axis=1).tobytes()
NIBBLES = ((GREY[:, ::2] & 0xF0) | (GREY[:, 1::2] >> 4)).tobytes()
LEVELS = bytes(v for i in range(16) for v in (17 * i,) * 3).hex().encode()
LAB = np.dstack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)])
WHITE = np.repeat(np.where(DARK, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
THREE = np.repeat(GREY[..., None], 3, axis=2)
FUNCTION = b"<</FunctionType 4/Domain[0 1 0 1]/Range[0 1]/Length 16>>\nstream\n{pop 1 exch sub}\nendstream"


@pytest.mark.parametrize(
    ("objects", "expected", "most"),
    [
        ([coded(b"/DCTDecode", saved(PIXELS, "JPEG", quality=97), b"/DeviceRGB")], PIXELS, 30),
        ([coded(b"/JPXDecode", saved(PIXELS, "JPEG2000"), b"/DeviceRGB")], PIXELS, 0),
        ([coded(b"/JPXDecode", saved(PIXELS, "JPEG2000"))], PIXELS, 0),
        ([coded(b"/JPXDecode", saved(GREY.astype(np.uint16) * 257, "JPEG2000"), b"/DeviceGray")], THREE, 1),
        ([coded(b"/CCITTFaxDecode", fax(~DARK), b"/DeviceGray", 1, b"/DecodeParms<</K -1/Columns 200/Rows 160>>")], WHITE, 0),
        ([coded(b"/JBIG2Decode", jbig2(), b"/DeviceGray", 1)], WHITE, 0),
        ([coded(b"", BITS, b"/DeviceGray", 1)], WHITE, 0),
        ([coded(b"", NIBBLES, b"/DeviceGray", 4)], THREE, 16),
        ([coded(b"", (GREY.astype(">u2") * 257).tobytes(), b"/DeviceGray", 16)], THREE, 1),
        ([image(GREY, b"/Decode[1 0]")], 255 - THREE, 1),
        ([image(LAB, space=b"[/Lab<</WhitePoint[0.95 1 1.09]/Range[-128 127 -128 127]>>]")], None, 0),
        (
            [coded(b"", np.dstack([255 - GREY, 0 * GREY]).tobytes(), b"[/DeviceN[/Black/Orange]/DeviceGray 7 0 R]"), FUNCTION],
            THREE, 1,
        ),
        (
            [
                coded(b"", NIBBLES, b"[/Indexed[/ICCBased 7 0 R]15<%s>]" % LEVELS, 4),
                b"<</N 3/Alternate/DeviceRGB/Length 4>>\nstream\nnone\nendstream",
            ],
            THREE, 16,
        ),
    ],
)  # fmt: skip
def test_images_of_every_coding_keep_their_pixels(
    tmp_path: Path, objects: list[bytes], expected: Pixels | None, most: int
) -> None:
    (panel,) = panels_of(tmp_path, pdf(PLACED, objects))
    assert boxes_of((panel,)) == [[5, 10, 50, 80]]
    if expected is None:  # L* is no linear grey, but rises with it
        assert np.corrcoef(panel.pixels[..., 0].ravel(), GREY.ravel())[0, 1] > 0.99
    else:
        assert np.abs(panel.pixels.astype(int) - expected).max() <= most


STENCIL = np.zeros((160, 200), bool)
STENCIL[:, :50] = True
KEYED = np.where(STENCIL[..., None], 255, np.minimum(PIXELS, 250)).astype(np.uint8)


@pytest.mark.parametrize(
    "objects",
    [
        [image(KEYED, b"/Mask[255 255 255 255 255 255]")],
        [
            image(PIXELS, b"/Mask 7 0 R"),
            coded(b"", np.packbits(STENCIL, axis=1).tobytes(), bits=1, more=b"/ImageMask true"),
        ],
        [image(PIXELS, b"/SMask 7 0 R"), image(np.where(STENCIL[::10, ::10], 0, 255).astype(np.uint8))],
        [coded(b"/JPXDecode", saved(np.dstack([PIXELS, np.where(STENCIL, 0, 255)]).astype(np.uint8), "JPEG2000"), more=b"/SMaskInData 1")],
    ],
)  # fmt: skip
def test_what_any_kind_of_mask_hides_is_masked(tmp_path: Path, objects: list[bytes]) -> None:
    (panel,) = panels_of(tmp_path, pdf(PLACED, objects))
    assert panel.mask[:, :45].all()
    assert panel.mask[:, 55:].mean() < 0.02
    assert np.array_equal(panel.pixels[:, 60:], np.minimum(PIXELS, 250)[:, 60:])


def test_an_inline_image_is_a_panel(tmp_path: Path) -> None:
    inline = b"q 200 0 0 160 20 20 cm BI /W 200 /H 160 /CS /RGB /BPC 8 /F /AHx ID\n" + PIXELS.tobytes().hex().encode()
    (panel,) = panels_of(tmp_path, pdf(inline + b">\nEI Q", []))
    assert np.array_equal(panel.pixels, PIXELS)


def test_an_illustrator_file_without_a_pdf_is_refused_in_words(tmp_path: Path) -> None:
    words = b"BT /F 9 Tf 10 100 Td (This is an Adobe Illustrator File that was saved without PDF Content.) Tj ET"
    font = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    (tmp_path / "fig.ai").write_bytes(pdf(words, [], resources=font))
    with pytest.raises(UnreadableFigure, match="holds no PDF"):
        open_figure(tmp_path / "fig.ai")


def test_characters_without_a_text_do_no_harm(tmp_path: Path) -> None:
    """Thousands in a row made the library that reads text call itself until Python gave up."""
    letters = b"<" + b"01" * 3000 + b"> Tj "
    font = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[1/nothing]>>>>>>"
    content = b"BT /F 1 Tf 10 100 Td " + letters + b"ET " + PLACED
    (panel,) = panels_of(tmp_path, pdf(content, [image(PIXELS)], resources=font))
    assert np.array_equal(panel.pixels, PIXELS)
