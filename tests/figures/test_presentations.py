"""Where PowerPoint keeps pictures besides in plain picture shapes, and what it shows of them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_drawing import micrograph
from lxml import etree
from PIL import Image
from pptx import Presentation
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml.ns import qn
from pptx.util import Emu

from biocodes_crate.figures import Figure, open_figure

PIXELS = micrograph(1, 200, 160)
SPACES = " ".join(
    f'xmlns:{name}="http://schemas.openxmlformats.org/{path}"'
    for name, path in (
        ("a", "drawingml/2006/main"),
        ("p", "presentationml/2006/main"),
        ("r", "officeDocument/2006/relationships"),
    )
)


class Deck:
    """One slide of 4,000,000 by 2,000,000 EMU, and the file that it is written to."""

    def __init__(self, folder: Path) -> None:
        self.source, self.path = str(folder / "a.png"), folder / "fig.pptx"
        Image.fromarray(PIXELS).save(self.source)
        self.deck = Presentation()
        self.deck.slide_width, self.deck.slide_height = Emu(4_000_000), Emu(2_000_000)
        self.slide: Any = self.deck.slides.add_slide(self.deck.slide_layouts[6])

    def add_picture(self) -> Any:
        """At 5, 10, 50, 80 % of the slide."""
        return self.slide.shapes.add_picture(self.source, 200_000, 200_000, 2_000_000, 1_600_000)

    def fill(self, prefix: str, inner: str = "<a:fillRect/>", holder: Any = None) -> str:
        """A fill with the picture, which becomes a part of the slide, or of another holder."""
        _, name = (holder or self.slide).part.get_or_add_image_part(self.source)
        return (
            f'<{prefix}:blipFill {SPACES}><a:blip r:embed="{name}"/><a:stretch>{inner}</a:stretch></{prefix}:blipFill>'
        )

    def open(self) -> Figure:
        self.deck.save(str(self.path))
        return open_figure(self.path)


def boxes_of(figure: Figure) -> list[list[float]]:
    return [np.round(panel.box, 1).tolist() for panel in figure.pages[0].panels]


@pytest.mark.parametrize(
    ("crop", "box", "cut"),
    [
        ({"crop_left": 0.25, "crop_right": 0.25}, [5, 10, 50, 80], np.s_[:, 50:150]),
        # A third of the width and a fifth of the height are margin.
        ({"crop_left": -0.5, "crop_top": -0.25}, [21.7, 26, 33.3, 64], np.s_[:, :]),
        ({"crop_left": -0.25, "crop_right": 0.25}, [17.5, 10, 37.5, 80], np.s_[:, :150]),
    ],
)
def test_crops_cut_and_negative_crops_add_a_margin(
    tmp_path: Path, crop: dict[str, float], box: list[float], cut: Any
) -> None:
    deck = Deck(tmp_path)
    picture = deck.add_picture()
    for side, value in crop.items():
        setattr(picture, side, value)
    figure = deck.open()
    assert boxes_of(figure) == [box]
    assert np.array_equal(figure.pages[0].panels[0].pixels, PIXELS[cut])


def test_a_fill_may_be_stretched_to_a_part_of_its_shape_or_beyond_it(tmp_path: Path) -> None:
    for inner, box, cut in (
        ('<a:fillRect l="50000" t="25000"/>', [30, 30, 25, 60], np.s_[:, :]),
        ('<a:fillRect l="-100000"/>', [5, 10, 50, 80], np.s_[:, 100:]),
    ):
        deck = Deck(tmp_path)
        shape = deck.slide.shapes.add_shape(1, 200_000, 200_000, 2_000_000, 1_600_000)
        shape._element.spPr.insert(2, etree.fromstring(deck.fill("a", inner)))
        figure = deck.open()
        assert boxes_of(figure) == [box]
        assert np.array_equal(figure.pages[0].panels[0].pixels, PIXELS[cut])


def add_film(deck: Deck) -> None:
    deck.slide.shapes.add_movie(
        io.BytesIO(b"film"),
        200_000,
        200_000,
        2_000_000,
        1_600_000,
        poster_frame_image=deck.source,
        mime_type="video/mp4",
    )


def add_object(deck: Deck) -> None:
    """A chart of another program, say, which is shown by a picture."""
    deck.slide.shapes.add_ole_object(io.BytesIO(b"data"), "Prism", 200_000, 200_000, 2_000_000, 1_600_000, deck.source)


def add_cell(deck: Deck) -> None:
    frame = deck.slide.shapes.add_table(2, 2, Emu(-1_800_000), Emu(-1_400_000), Emu(4_000_000), Emu(3_200_000))
    frame.table.cell(1, 1)._tc.get_or_add_tcPr().append(etree.fromstring(deck.fill("a")))


def add_to(holder: Any, deck: Deck) -> None:
    picture = etree.fromstring(
        f'<p:pic {SPACES}><p:nvPicPr><p:cNvPr id="99" name="logo"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr>'
        f'{deck.fill("p", holder=holder)}<p:spPr><a:xfrm><a:off x="200000" y="200000"/>'
        '<a:ext cx="2000000" cy="1600000"/></a:xfrm></p:spPr></p:pic>'
    )
    holder.shapes._spTree.append(picture)


def add_to_layout(deck: Deck) -> None:
    add_to(deck.slide.slide_layout, deck)


def add_to_master(deck: Deck) -> None:
    add_to(deck.slide.slide_layout.slide_master, deck)


def add_stand_in(deck: Deck) -> None:
    """What programs show that do not know the newer choice, such as a 3D model."""
    picture = deck.add_picture()._element
    space = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    choice = etree.SubElement(picture.getparent(), f"{{{space}}}AlternateContent")
    etree.SubElement(choice, f"{{{space}}}Choice", Requires="am3d")
    etree.SubElement(choice, f"{{{space}}}Fallback").append(picture)


def add_placeholder(deck: Deck) -> None:
    layout = deck.deck.slide_layouts[8]  # "Picture with Caption"
    for holder in layout.placeholders:
        holder.left, holder.top, holder.width, holder.height = 200_000, 200_000, 2_000_000, 1_600_000
    slide = deck.deck.slides.add_slide(layout)
    deck.deck.slides._sldIdLst.remove(deck.deck.slides._sldIdLst[0])
    slide.placeholders[1].insert_picture(deck.source)


@pytest.mark.parametrize(
    "add",
    [Deck.add_picture, add_film, add_object, add_cell, add_to_layout, add_to_master, add_stand_in, add_placeholder],
)
def test_pictures_are_found_wherever_they_are(tmp_path: Path, add: Callable[[Deck], Any]) -> None:
    deck = Deck(tmp_path)
    add(deck)
    figure = deck.open()
    assert boxes_of(figure) == [[5, 10, 50, 80]]
    assert np.array_equal(figure.pages[0].panels[0].pixels, PIXELS)
    assert figure.findings == ()


def test_the_picture_behind_a_slide_fills_it(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.slide._element.cSld.insert(
        0, etree.fromstring(f"<p:bg {SPACES}><p:bgPr>{deck.fill('a')}<a:effectLst/></p:bgPr></p:bg>")
    )
    assert boxes_of(deck.open()) == [[0, 0, 100, 100]]


def hide(deck: Deck) -> None:
    deck.add_picture()._element.nvPicPr.cNvPr.set("hidden", "1")


def hide_group(deck: Deck) -> None:
    deck.slide.shapes.add_group_shape([deck.add_picture()])._element.nvGrpSpPr.cNvPr.set("hidden", "1")


def hide_master(deck: Deck) -> None:
    add_to_master(deck)
    add_to_layout(deck)
    deck.slide._element.set("showMasterSp", "0")


def make_clear(deck: Deck) -> None:
    blip = deck.add_picture()._element.find(f".//{qn('a:blip')}")
    etree.SubElement(blip, qn("a:alphaModFix"), amt="0")


@pytest.mark.parametrize("add", [hide, hide_group, hide_master, make_clear])
def test_pictures_that_are_not_shown_are_no_panels(tmp_path: Path, add: Callable[[Deck], None]) -> None:
    deck = Deck(tmp_path)
    add(deck)
    assert boxes_of(deck.open()) == []


def test_metafiles_are_told_of(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    blip = deck.add_picture()._element.find(f".//{qn('a:blip')}")
    data = b"\1\0\0\0l\0\0\0" + bytes(32) + b" EMF" + bytes(200)
    part = Part(PackURI("/ppt/media/image9.emf"), "image/x-emf", deck.slide.part.package, data)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
    blip.set(qn("r:embed"), deck.slide.part.relate_to(part, kind))
    figure = deck.open()
    assert figure.pages[0].panels == ()
    (finding,) = figure.findings
    assert finding.id == "figure-image-unreadable"
    assert "metafile" in finding.message


def test_linked_pictures_are_told_of(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    blip = deck.add_picture()._element.find(f".//{qn('a:blip')}")
    blip.set(qn("r:link"), blip.attrib.pop(qn("r:embed")))
    (finding,) = deck.open().findings
    assert "linked" in finding.message


def test_a_cell_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    frame = deck.slide.shapes.add_table(2, 2, Emu(-1_800_000), Emu(-1_400_000), Emu(4_000_000), Emu(3_200_000))
    linked = etree.fromstring(deck.fill("a"))
    blip = linked.find(qn("a:blip"))
    blip.set(qn("r:link"), blip.attrib.pop(qn("r:embed")))
    frame.table.cell(0, 0)._tc.get_or_add_tcPr().append(linked)
    frame.table.cell(1, 1)._tc.get_or_add_tcPr().append(etree.fromstring(deck.fill("a")))
    figure = deck.open()
    assert len(figure.pages[0].panels) == 1
    (finding,) = figure.findings
    assert "linked" in finding.message
