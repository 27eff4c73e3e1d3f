"""How ids of OMERO find the images of a study."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from biocodes_crate.errors import UnreadableImage
from biocodes_crate.figures import Box, Figure, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.images.omexml import omero_id_of, parse_ome_xml
from biocodes_crate.pipeline.omero import match_by_content, omero_names
from biocodes_crate.study.manifest import DeclaredImage, DeclaredSource
from biocodes_crate.tracing import Claim, Edge, PlaneRef, Status, TracedPage, TracedPanel


def coded(path: str, manifest: int | None = None, metadata: int | None = None) -> Any:
    declared = DeclaredImage(path, omero_id=manifest) if manifest is not None else None
    return SimpleNamespace(
        listed=SimpleNamespace(path=path, declared=declared), image=SimpleNamespace(omero_id=metadata)
    )


def test_an_id_is_known_by_manifest_then_file_name_then_metadata() -> None:
    images = [
        coded("images/12.ome.zarr", metadata=99),
        coded("images/b.ome.tif", metadata=12),
        coded("c.zarr", manifest=99),
    ]
    names = omero_names(images)
    assert names["12"] == "images/12.ome.zarr"
    assert names["99"] == "c.zarr"
    assert names["b.ome.tif"] == "images/b.ome.tif"


def test_a_name_of_two_images_stands_for_none() -> None:
    assert "a.tif" not in omero_names([coded("one/a.tif"), coded("two/a.tif")])


@pytest.mark.parametrize(("identifier", "number"), [("Image:6001240", 6001240), ("Image:0", None), ("Image:1", None)])
def test_the_id_in_ome_xml_counts_where_omero_wrote_it(identifier: str, number: int | None) -> None:
    document = (
        f'<OME><Image ID="{identifier}"><Pixels SizeX="2" SizeY="2" SizeZ="1" SizeC="1" SizeT="1"/></Image></OME>'
    )
    assert omero_id_of(parse_ome_xml(document)) == number


def traced(edges: tuple[Edge, ...]) -> TracedPanel:
    return TracedPanel("A", Box(0, 0, 10, 10), PanelKind.IMAGE, 10, 10, edges=edges)


def figure_of(*sources: str) -> Figure:
    blank = np.zeros((10, 10, 3), np.uint8)
    panels = tuple(
        Panel(
            Box(0, 0, 10, 10), PanelKind.IMAGE, blank, blank[..., 0] > 0, declared=(DeclaredSource(s, z=0, c=0, t=0),)
        )
        for s in sources
    )
    return Figure(Path("f.pdf"), "application/pdf", (FigurePage(1, 100, 100, PageUnit.PERCENT, panels),))


def scenes(image: str, scene: int) -> Any:
    if image.startswith("omero:"):
        raise UnreadableImage("there is no such image")
    return SimpleNamespace(size_z=5, size_c=1, size_t=1)


PROVEN = Edge(Status.VERIFIED, Claim.DISCOVERED, "a.zarr", 0, PlaneRef(0, 0, 0))
MISSING = Edge(Status.UNVERIFIED, Claim.DECLARED, "omero:5", 0, PlaneRef(0, 0, 0))


def test_an_unknown_id_means_the_image_that_its_panels_show() -> None:
    pages = (TracedPage("f.pdf", 1, 100, 100, PageUnit.PERCENT, (traced((MISSING, PROVEN)),)),)
    (page,) = match_by_content(figure_of("omero:5"), pages, scenes)
    (edge,) = page.panels[0].edges
    assert (edge.status, edge.claim, edge.image) == (Status.VERIFIED, Claim.DECLARED, "a.zarr")


def test_an_unknown_id_whose_panels_show_several_images_stays_unknown() -> None:
    other = replace(PROVEN, image="b.zarr")
    page = TracedPage("f.pdf", 1, 100, 100, PageUnit.PERCENT, (traced((MISSING, PROVEN)), traced((MISSING, other))))
    assert match_by_content(figure_of("omero:5", "omero:5"), (page,), scenes) == (page,)


def test_two_ids_are_never_the_same_image() -> None:
    page = TracedPage("f.pdf", 1, 100, 100, PageUnit.PERCENT, (traced((MISSING, PROVEN)), traced((MISSING, PROVEN))))
    assert match_by_content(figure_of("omero:5", "omero:6"), (page,), scenes) == (page,)


def test_a_file_that_is_not_there_is_not_replaced_by_what_the_panel_shows() -> None:
    page = TracedPage("f.pdf", 1, 100, 100, PageUnit.PERCENT, (traced((replace(MISSING, image="x.tif"), PROVEN)),))
    assert match_by_content(figure_of("x.tif"), (page,), scenes) == (page,)
