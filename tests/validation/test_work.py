"""What lists of thousands cost: work is counted, since time is another on every machine."""

import copy

import pytest
from broken_crates import EDGE, PAGE, VALID, put
from hypothesis import given
from hypothesis import strategies as st

from biocodes_crate.crate import entities
from biocodes_crate.crate.entities import Index
from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.figures.model import Box
from biocodes_crate.validation import reuse
from biocodes_crate.validation.edges import check_edges
from biocodes_crate.validation.geometry import check_scenes
from biocodes_crate.validation.rules import Findings

PANEL = f"{PAGE}/panel/0"


def refs(ids):
    return [{"@id": entity_id} for entity_id in ids]


def copies(metadata, entity_id, count, **properties):
    entity = next(entity for entity in metadata["@graph"] if entity["@id"] == entity_id)
    made = [{**entity, "@id": f"{entity_id}x{number}", **properties} for number in range(count)]
    metadata["@graph"] += made
    return [entity["@id"] for entity in made]


def many_edges_of_one_panel(metadata, count):
    put(PANEL, hasProvenanceEdge=refs(copies(metadata, EDGE, count)))(metadata)


def many_edges_that_their_panel_does_not_list(metadata, count):
    copies(metadata, EDGE, count)
    put(PANEL, hasProvenanceEdge=refs(f"#none{number}" for number in range(count)))(metadata)


def many_panels_of_one_figure(metadata, count):
    figure = next(entity for entity in metadata["@graph"] if entity["@id"] == PANEL)["isPartOf"]["@id"]
    put(figure, hasPart=refs(copies(metadata, PANEL, count)))(metadata)


def one_edge_of_many_panels(metadata, count):
    figure = next(entity for entity in metadata["@graph"] if entity["@id"] == PANEL)["isPartOf"]["@id"]
    put(figure, hasPart=refs(copies(metadata, PANEL, count, hasProvenanceEdge=refs([EDGE] * 10))))(metadata)


def one_panel_over_and_over(metadata, count):
    figure = next(entity for entity in metadata["@graph"] if entity["@id"] == PANEL)["isPartOf"]["@id"]
    put(figure, hasPart=refs([PANEL] * count))(metadata)
    put(PANEL, hasProvenanceEdge=refs([EDGE] * count))(metadata)


def a_region_of_many_boxes_for_many_edges(metadata, count):
    region = next(entity for entity in metadata["@graph"] if entity["@id"] == EDGE)["source"]["@id"]
    put(region, hasSelector=refs(["#run"] * count))(metadata)
    many_edges_of_one_panel(metadata, count)


@pytest.mark.parametrize(
    "shape",
    [
        many_edges_of_one_panel,
        many_edges_that_their_panel_does_not_list,
        many_panels_of_one_figure,
        one_edge_of_many_panels,
        one_panel_over_and_over,
        a_region_of_many_boxes_for_many_edges,
    ],
)
def test_ten_times_the_entities_are_ten_times_the_work(shape, monkeypatch):
    def values_looked_at(count):
        metadata = copy.deepcopy(VALID)
        shape(metadata, count)
        index, looked, real = Index(metadata), [0], entities._listed

        def counted(value):
            for item in real(value):
                looked[0] += 1
                yield item

        monkeypatch.setattr(entities, "_listed", counted)
        check_edges(metadata, index, check_scenes(index, Findings()), Findings())
        monkeypatch.setattr(entities, "_listed", real)
        return looked[0]

    few, many = values_looked_at(150), values_looked_at(1500)
    assert many < 12 * few


numbers = st.floats(-1000, 1000)
sizes = st.floats(0.01, 1000)
changes = st.floats(-0.25, 0.25)


@given(numbers, numbers, sizes, sizes, changes, changes, changes, changes)
def test_regions_that_are_the_same_are_looked_for_near_each_other(x, y, w, h, dx, dy, dw, dh):
    one, other = Box(x, y, w, h), Box(x + dx * w, y + dy * h, w * (1 + dw), h * (1 + dh))
    if intersection_over_union(one, other) > reuse._REUSE_OVERLAP:
        assert reuse._cell(other) in set(reuse._near(one))
        assert reuse._cell(one) in set(reuse._near(other))
