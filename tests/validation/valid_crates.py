"""Changes of the valid crate that leave it valid: what both validators must let pass."""

from broken_crates import AMBIGUOUS, EDGE, FIGURE, PAGE, PLANE, SCENE, TIFF, add, put


def _own_terms(metadata):
    metadata["@context"].append({"temperature": "https://example.org/temperature"})
    put(SCENE, temperature=37)(metadata)


def _a_file_more(metadata):
    file = {"@id": "notes.txt", "@type": "File", "name": "Notes", "description": "x", "encodingFormat": "text/plain"}
    add(file)(metadata)
    metadata["@graph"][1]["hasPart"].append({"@id": "notes.txt"})


def _another_order(metadata):
    metadata["@graph"].reverse()


def _without_intensity(metadata):
    put(EDGE, transformStep=[{"@id": f"{EDGE}/transform/0"}])(metadata)
    metadata["@graph"] = [entity for entity in metadata["@graph"] if entity["@id"] != f"{EDGE}/transform/1"]


VARIANTS = {
    "as it is": lambda _: None,
    "entities in another order": _another_order,
    "a property of one's own, defined": _own_terms,
    "a file more": _a_file_more,
    "no caption": put(FIGURE, caption=None),
    "no physical sizes": put(SCENE, physicalSizeX=None, physicalSizeY=None, physicalSizeZ=None),
    "no digital source": put("images/zellen%20%231.ome.zarr/", digitalSourceType=None),
    "no label": put(f"{PAGE}/panel/0", panelLabel=None),
    "no codes of a plane": put(
        PLANE, dataCode=None, instanceCode=None, imageCode=None, iscc_code=None, identifier=None
    ),
    "an edge without intensity": _without_intensity,
    "a size that is not known": put(TIFF, contentSize=None),
    "a date with time": put("./", datePublished="2026-11-22T10:00:00Z"),
    "an ambiguous edge of another claim": put(AMBIGUOUS, claim={"@id": "bc:declared"}),
}
