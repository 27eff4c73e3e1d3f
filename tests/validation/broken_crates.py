"""A corpus of broken crates: each breaks one rule of a valid crate.

`CASES` gives, for each, the change, the id of our finding, and the entity that it is about. Tests hold our verdict
against it, and `agreement.py` our verdict against that of rocrate-validator.
"""

import json

from crate_examples import DATA_CODE, IMAGE_CODE, INSTANCE_CODE, SUM_CODE, example_content

from biocodes_crate.crate import crate_metadata, metadata_bytes

VALID = json.loads(metadata_bytes(crate_metadata(example_content())))
PAGE = "#figures/Abb.%201%20ü%23.png/page/1"
EDGE = f"{PAGE}/panel/0/edge/0"
SCENE = "#images/zellen%20%231.ome.zarr/scene/0"
PLANE = f"{SCENE}/plane/z5c1t0"


def put(entity_id, **properties):
    """Set properties of an entity; None takes them away."""

    def change(metadata):
        entity = next(entity for entity in metadata["@graph"] if entity["@id"] == entity_id)
        for key, value in properties.items():
            key = {"id_": "@id", "type_": "@type"}.get(key, key)
            if value is None:
                del entity[key]
            else:
                entity[key] = value

    return change


def add(entity):
    return lambda metadata: metadata["@graph"].append(entity)


def drop(entity_id):
    def change(metadata):
        metadata["@graph"] = [entity for entity in metadata["@graph"] if entity["@id"] != entity_id]

    return change


def context(*parts):
    return lambda metadata: metadata.update({"@context": list(parts)})


def listed(path):
    """Add a file to the crate, and to the parts of its root."""
    file = {"@id": path, "@type": "File", "name": "x", "encodingFormat": "text/plain"}
    return lambda metadata: (add(file)(metadata), metadata["@graph"][1]["hasPart"].append({"@id": path}))


def second_scene(metadata):
    """A copy of a scene, with the same index."""
    scene = next(entity for entity in metadata["@graph"] if entity["@id"] == SCENE)
    metadata["@graph"].append({**scene, "@id": f"{SCENE}b"})
    put("images/zellen%20%231.ome.zarr/", hasPart=[{"@id": SCENE}, {"@id": f"{SCENE}b"}])(metadata)


def unlist(owner, part):
    """Take a part off a list of parts."""

    def change(metadata):
        entity = next(entity for entity in metadata["@graph"] if entity.get("@id") == owner)
        entity["hasPart"] = [other for other in entity["hasPart"] if other["@id"] != part]

    return change


ROTATED = f"{PAGE}/panel/0/edge/1"
AMBIGUOUS = f"{PAGE}/panel/1/edge/0"
PROJECTION = f"{SCENE}/projection/max-z0-11-c0t0"
TIFF = "images/b.ome.tif"
FIGURE = "figures/Abb.%201%20ü%23.png"
ADA = "https://orcid.org/0000-0002-1825-0097"
CASES = {
    "no RO-Crate context": (context(VALID["@context"][1]), "context-missing", "ro-crate-metadata.json"),
    "an entity without id": (add({"@type": "Thing"}), "entity-malformed", f"@graph[{len(VALID['@graph'])}]"),
    "an entity that is no object": (add(7), "entity-malformed", f"@graph[{len(VALID['@graph'])}]"),
    "an entity without type": (add({"@id": "#x", "name": "x"}), "entity-malformed", "#x"),
    "one id twice": (add({"@id": "#run", "@type": "Thing"}), "id-duplicate", "#run"),
    "ids that collide": (add({"@id": "#run/", "@type": "Thing"}), "id-collision", "#run/"),
    "ids that collide once decoded": (add({"@id": "#r%75n", "@type": "Thing"}), "id-collision", "#r%75n"),
    "a nested object": (put("#run", name={"text": "x"}), "value-nested", "#run"),
    "no descriptor": (drop("ro-crate-metadata.json"), "descriptor-missing", "ro-crate-metadata.json"),
    "no root": (drop("./"), "root-missing", "./"),
    "no licence": (put("./", license=None), "root-incomplete", "./"),
    "no name": (put("./", name=None), "root-incomplete", "./"),
    "a date that is none": (put("./", datePublished="soon"), "root-incomplete", "./"),
    "a part that is missing": (drop("study.yaml"), "part-missing", "study.yaml"),
    "a file that is no part": (
        add({"@id": "new.txt", "@type": "File", "name": "x", "encodingFormat": "text/plain"}),
        "part-unlisted",
        "new.txt",
    ),
    "no media type": (put("study.yaml", encodingFormat=None), "property-missing", "study.yaml"),
    "a size that is no number": (put("study.yaml", contentSize="big"), "property-invalid", "study.yaml"),
    "a status that is none": (put(EDGE, verificationStatus={"@id": "bc:sure"}), "property-invalid", EDGE),
    "a panel kind that is none": (put(f"{PAGE}/panel/3", panelKind="art"), "property-invalid", f"{PAGE}/panel/3"),
    "no software version": (put("#biocodes-crate-0.1.0", version=None), "property-missing", "#biocodes-crate-0.1.0"),
    "a broken link": (put(f"{EDGE}/region", hasSource={"@id": "#gone"}), "link-broken", f"{EDGE}/region"),
    "a link to another type": (put(EDGE, wasGeneratedBy={"@id": "./"}), "link-wrong-type", EDGE),
    "a code of another kind": (put(PLANE, imageCode=DATA_CODE, identifier=None), "code-invalid", PLANE),
    "a code that is none": (put("study.yaml", iscc_code="ISCC:ABC", identifier=None), "code-invalid", "study.yaml"),
    "codes that contradict": (put("study.yaml", identifier={"@id": IMAGE_CODE}), "code-mismatch", "study.yaml"),
    "a scene without sizes": (put(SCENE, sizeX=None), "scene-incomplete", SCENE),
    "a plane beyond the stack": (put(PLANE, theZ=12), "plane-outside", PLANE),
    "a projection beyond the stack": (
        put(f"{SCENE}/projection/max-z0-11-c0t0", zEnd=99),
        "plane-outside",
        f"{SCENE}/projection/max-z0-11-c0t0",
    ),
    "a projection backwards": (
        put(f"{SCENE}/projection/max-z0-11-c0t0", zStart=5, zEnd=3),
        "plane-outside",
        f"{SCENE}/projection/max-z0-11-c0t0",
    ),
    "a region outside": (put(f"{EDGE}/region/selector", selectorValue="xywh=pixel:500,38,60,60"), "region-outside", EDGE),
    "a region elsewhere": (put(f"{EDGE}/region/selector", selectorValue="xywh=pixel:0,0,60,60"), "transform-outside", EDGE),
    "a box outside of the page": (
        put(f"{PAGE}/panel/3/selector", selectorValue="xywh=pixel:9000,0,9,9"),
        "box-outside",
        f"{PAGE}/panel/3",
    ),
    "a singular transform": (put(f"{EDGE}/transform/0", panelToSource="[[0,0,40],[0,0,38]]"), "transform-singular", EDGE),
    "a transform elsewhere": (put(f"{EDGE}/transform/0", panelToSource="[[0.2,0,0],[0,0.2,0]]"), "transform-outside", EDGE),
    "a verified edge without evidence": (put(EDGE, evidence=None), "edge-incomplete", EDGE),
    "a verified edge without transform": (put(EDGE, transformStep=None), "edge-incomplete", EDGE),
    "candidates of a verified edge": (
        put(EDGE, candidate=[{"@id": PLANE}, {"@id": f"{SCENE}/projection/max-z0-11-c0t0"}]),
        "edge-candidates",
        EDGE,
    ),
    "an edge of another panel": (put(EDGE, panel={"@id": f"{PAGE}/panel/1"}), "edge-misplaced", EDGE),
    "no derivation of a verified edge": (put(f"{PAGE}/panel/0", wasDerivedFrom=None), "derivation-missing", f"{PAGE}/panel/0"),
    "a derivation that nothing proves": (
        put(f"{PAGE}/panel/1", wasDerivedFrom={"@id": PLANE}),
        "derivation-unproven",
        f"{PAGE}/panel/1",
    ),
    "a correlation above one": (
        put(f"{EDGE}/evidence/correlation", value=1.5),
        "evidence-out-of-range",
        f"{EDGE}/evidence/correlation",
    ),
    "an id that leads out": (
        lambda m: (
            add({"@id": "../x.txt", "@type": "File", "name": "x", "encodingFormat": "text/plain"})(m),
            m["@graph"][1]["hasPart"].append({"@id": "../x.txt"}),
        ),
        "id-unsafe",
        "../x.txt",
    ),
    "a file of this computer": (
        lambda m: (
            add({"@id": "file:///etc/passwd", "@type": "File", "name": "x", "encodingFormat": "text/plain"})(m),
            m["@graph"][1]["hasPart"].append({"@id": "file:///etc/passwd"}),
        ),
        "id-unsafe",
        "file:///etc/passwd",
    ),
    # RO-Crate
    "a descriptor about nothing": (put("ro-crate-metadata.json", about=None), "descriptor-missing", "ro-crate-metadata.json"),
    "a root that is no dataset": (put("./", type_="CreativeWork"), "root-missing", "./"),
    "no description": (put("./", description=None), "root-incomplete", "./"),
    "no date": (put("./", datePublished=None), "root-incomplete", "./"),
    "a list in a list": (put("#run", object=[[{"@id": "./"}]]), "value-nested", "#run"),
    "a reference that is no text": (put("#run", object={"@id": 7}), "value-nested", "#run"),
    "an absolute path": (listed("/etc/passwd"), "id-unsafe", "/etc/passwd"),
    "a path with a backslash": (listed("a\\..\\b.txt"), "id-unsafe", "a\\..\\b.txt"),
    "a path that climbs once decoded": (listed("%2e%2e/x.txt"), "id-unsafe", "%2e%2e/x.txt"),
    "software without a name": (put("#biocodes-crate-0.1.0", name=None), "property-missing", "#biocodes-crate-0.1.0"),
    # Images and scenes
    "an image without media type": (put(TIFF, encodingFormat=None), "property-missing", TIFF),
    "an image without code": (put(TIFF, iscc_code=None), "property-missing", TIFF),
    "an image whose code is none": (put(TIFF, iscc_code="ISCC:12345", identifier=None), "code-invalid", TIFF),
    "an image with the code of pixels alone": (put(TIFF, iscc_code=IMAGE_CODE, identifier=None), "code-invalid", TIFF),
    "a scene without name": (put(SCENE, name=None), "property-missing", SCENE),
    "a scene without image": (put(SCENE, isPartOf=None), "property-missing", SCENE),
    "a scene of another kind of thing": (put(SCENE, isPartOf={"@id": "#run"}), "link-wrong-type", SCENE),
    "a scene without index": (put(SCENE, sceneIndex=None), "property-missing", SCENE),
    "a scene with a negative index": (put(SCENE, sceneIndex=-1), "property-invalid", SCENE),
    "a scene whose index is text": (put(SCENE, sceneIndex="0"), "property-invalid", SCENE),
    "a scene of no width": (put(SCENE, sizeX=0), "property-invalid", SCENE),
    "a scene of half a plane": (put(SCENE, sizeZ=1.5), "property-invalid", SCENE),
    "a scene without pixel type": (put(SCENE, pixelType=None), "scene-incomplete", SCENE),
    "a scene twice": (second_scene, "scene-duplicate", f"{SCENE}b"),
    # Planes and projections
    "a plane without name": (put(PLANE, name=None), "property-missing", PLANE),
    "a plane without scene": (put(PLANE, isPartOf=None), "property-missing", PLANE),
    "a plane of a figure": (put(PLANE, isPartOf={"@id": FIGURE}), "link-wrong-type", PLANE),
    "a plane without channel": (put(PLANE, theC=None), "property-missing", PLANE),
    "a plane without time": (put(PLANE, theT=None), "property-missing", PLANE),
    "a plane at a negative time": (put(PLANE, theT=-1), "property-invalid", PLANE),
    "a plane beyond the channels": (put(PLANE, theC=2), "plane-outside", PLANE),
    "a projection without kind": (put(PROJECTION, projection=None), "property-missing", PROJECTION),
    "a projection of no known kind": (put(PROJECTION, projection="median"), "property-invalid", PROJECTION),
    "a projection without start": (put(PROJECTION, zStart=None), "property-missing", PROJECTION),
    "a projection without end": (put(PROJECTION, zEnd=None), "property-missing", PROJECTION),
    # Regions and boxes
    "a region of nothing": (put(f"{EDGE}/region", isPartOf=None), "property-missing", f"{EDGE}/region"),
    "a region without source": (put(f"{EDGE}/region", hasSource=None), "property-missing", f"{EDGE}/region"),
    "a region of two minds": (put(f"{EDGE}/region", hasSource={"@id": PROJECTION}), "region-source-differs", f"{EDGE}/region"),
    "a region of a scene": (
        put(f"{EDGE}/region", isPartOf={"@id": SCENE}, hasSource={"@id": SCENE}), "link-wrong-type", f"{EDGE}/region"
    ),
    "a region chosen by a run": (put(f"{EDGE}/region", hasSelector={"@id": "#run"}), "link-wrong-type", f"{EDGE}/region"),
    "a box of no standard": (put(f"{EDGE}/region/selector", conformsTo=None), "property-missing", f"{EDGE}/region/selector"),
    "a box of another standard": (
        put(f"{EDGE}/region/selector", conformsTo={"@id": "https://example.org/"}), "property-invalid", f"{EDGE}/region/selector"
    ),
    "a box without value": (put(f"{EDGE}/region/selector", selectorValue=None), "property-missing", f"{EDGE}/region/selector"),
    "a box in another notation": (
        put(f"{EDGE}/region/selector", selectorValue="40,38,60,60"), "property-invalid", f"{EDGE}/region/selector"
    ),
    "a box of half pixels": (
        put(f"{EDGE}/region/selector", selectorValue="xywh=pixel:40.5,38,60,60"), "property-invalid", f"{EDGE}/region/selector"
    ),
    "a box of no width": (
        put(f"{PAGE}/panel/3/selector", selectorValue="xywh=pixel:10,320,0,40"), "property-invalid", f"{PAGE}/panel/3/selector"
    ),
    "an outline that is no SVG": (put(f"{ROTATED}/region/outline", selectorValue="M 0 0"), "property-invalid", f"{ROTATED}/region/outline"),
    "an unexplained region of nothing": (
        put(f"{PAGE}/panel/0/unexplained/0", isPartOf=None), "property-missing", f"{PAGE}/panel/0/unexplained/0"
    ),
    "an unexplained region without box": (
        put(f"{PAGE}/panel/0/unexplained/0", hasSelector=None), "property-missing", f"{PAGE}/panel/0/unexplained/0"
    ),
    # Figures, pages and panels
    "a figure without media type": (put(FIGURE, encodingFormat=None), "property-missing", FIGURE),
    "a figure without code": (put(FIGURE, iscc_code=None), "property-missing", FIGURE),
    "a page without number": (put(PAGE, pageNumber=None), "property-missing", PAGE),
    "a page before the first": (put(PAGE, pageNumber=0), "property-invalid", PAGE),
    "a page in inches": (put(PAGE, pageUnit="inch"), "property-invalid", PAGE),
    "a page without width": (put(PAGE, width=None), "property-missing", PAGE),
    "a panel without name": (put(f"{PAGE}/panel/3", name=None), "property-missing", f"{PAGE}/panel/3"),
    "a panel of no figure": (put(f"{PAGE}/panel/3", isPartOf=None), "property-missing", f"{PAGE}/panel/3"),
    "a panel of a run": (put(f"{PAGE}/panel/3", isPartOf={"@id": "#run"}), "link-wrong-type", f"{PAGE}/panel/3"),
    "a panel that its figure does not list": (unlist(FIGURE, f"{PAGE}/panel/0"), "panel-misplaced", f"{PAGE}/panel/0"),
    "a panel of two figures": (
        put("figures/talk.pptx", hasPart=[{"@id": f"{PAGE}/panel/0"}, {"@id": "#figures/talk.pptx/page/2/panel/0"}]),
        "panel-misplaced",
        f"{PAGE}/panel/0",
    ),
    "a panel of no kind": (put(f"{PAGE}/panel/3", panelKind=None), "property-missing", f"{PAGE}/panel/3"),
    "a panel without box": (put(f"{PAGE}/panel/3", hasSelector=None), "property-missing", f"{PAGE}/panel/3"),
    "a panel of two boxes": (
        put(f"{PAGE}/panel/3", hasSelector=[{"@id": f"{PAGE}/panel/3/selector"}, {"@id": f"{PAGE}/panel/4/selector"}]),
        "property-invalid",
        f"{PAGE}/panel/3",
    ),
    "an edge that is none": (
        put(f"{PAGE}/panel/3", hasProvenanceEdge=[{"@id": "#run"}]), "link-wrong-type", f"{PAGE}/panel/3"
    ),
    "based on less than derived from": (put(f"{PAGE}/panel/0", isBasedOn={"@id": PLANE}), "derivation-missing", f"{PAGE}/panel/0"),
    "a derivation that is not qualified": (put(f"{PAGE}/panel/0", qualifiedDerivation=None), "derivation-missing", f"{PAGE}/panel/0"),
    # Edges
    "an edge without name": (put(EDGE, name=None), "property-missing", EDGE),
    "an edge without panel": (put(EDGE, panel=None), "property-missing", EDGE),
    "an edge without source": (put(EDGE, source=None), "property-missing", EDGE),
    "an edge from a plane, not a region": (put(EDGE, source={"@id": PLANE}), "link-wrong-type", EDGE),
    "an edge that nobody claims": (put(EDGE, claim=None), "property-missing", EDGE),
    "an edge of an unknown claim": (put(EDGE, claim={"@id": "bc:guessed"}), "property-invalid", EDGE),
    "an edge without status": (put(EDGE, verificationStatus=None), "property-missing", EDGE),
    "an edge of two statuses": (
        put(EDGE, verificationStatus=[{"@id": "bc:verified"}, {"@id": "bc:unverified"}]), "property-invalid", EDGE
    ),
    "an edge that no run made": (put(EDGE, wasGeneratedBy=None), "property-missing", EDGE),
    "an ambiguous edge without candidates": (put(AMBIGUOUS, candidate=None), "edge-candidates", AMBIGUOUS),
    "an ambiguous edge of one candidate": (
        put(AMBIGUOUS, candidate=[{"@id": "#images/b.ome.tif/scene/0/plane/z0c0t0"}]), "edge-candidates", AMBIGUOUS
    ),
    "a candidate that is a run": (
        put(AMBIGUOUS, candidate=[{"@id": "#images/b.ome.tif/scene/0/plane/z0c0t0"}, {"@id": "#run"}]), "link-wrong-type", AMBIGUOUS
    ),
    "a verified edge that is no derivation": (put(EDGE, type_=["Role", "ProvenanceEdge"]), "derivation-unproven", EDGE),
    "an ambiguous edge that is a derivation": (
        put(AMBIGUOUS, type_=["Role", "ProvenanceEdge", "Derivation"]), "derivation-unproven", AMBIGUOUS
    ),
    "an ambiguous edge without box": (
        put(f"{AMBIGUOUS}/region", hasSelector=None), "edge-incomplete", AMBIGUOUS
    ),
    "a transform that is a run": (put(EDGE, transformStep=[{"@id": "#run"}]), "link-wrong-type", EDGE),
    "evidence that is a run": (put(EDGE, evidence=[{"@id": "#run"}]), "link-wrong-type", EDGE),
    # Transforms, evidence and runs
    "a transform without position": (put(f"{EDGE}/transform/0", position=None), "property-missing", f"{EDGE}/transform/0"),
    "a transform before the first": (put(f"{EDGE}/transform/0", position=-1), "property-invalid", f"{EDGE}/transform/0"),
    "a rotation that is not the affine's": (
        put(f"{ROTATED}/transform/0", rotationDegrees=31.5), "transform-differs", f"{ROTATED}/transform/0"
    ),
    "a scale that is not the affine's": (
        put(f"{EDGE}/transform/0", scaleFactor=0.21), "transform-differs", f"{EDGE}/transform/0"
    ),
    "a flip that is not the affine's": (put(f"{EDGE}/transform/0", flipped=True), "transform-differs", f"{EDGE}/transform/0"),
    "a transform of four numbers": (
        put(f"{EDGE}/transform/0", panelToSource="[[1,0],[0,1]]"), "property-invalid", f"{EDGE}/transform/0"
    ),
    "a gamma that is no number": (put(f"{EDGE}/transform/1", gamma="high"), "property-invalid", f"{EDGE}/transform/1"),
    "evidence of nothing": (put(f"{EDGE}/evidence/plane-margin", propertyID=None), "property-missing", f"{EDGE}/evidence/plane-margin"),
    "evidence without value": (put(f"{EDGE}/evidence/plane-margin", value=None), "property-missing", f"{EDGE}/evidence/plane-margin"),
    "evidence that is text": (put(f"{EDGE}/evidence/plane-margin", value="much"), "property-invalid", f"{EDGE}/evidence/plane-margin"),
    "a distance below zero": (
        put(f"{EDGE}/evidence/image-code-hamming", value=-1), "evidence-out-of-range", f"{EDGE}/evidence/image-code-hamming"
    ),
    "a false alarm more than certain": (
        put(f"{EDGE}/evidence/log10-false-alarm", value=2), "evidence-out-of-range", f"{EDGE}/evidence/log10-false-alarm"
    ),
    "a run without instrument": (put("#run", instrument=None), "property-missing", "#run"),
    "a run with a person as instrument": (put("#run", instrument={"@id": ADA}), "link-wrong-type", "#run"),
    "a run without end": (put("#run", endTime=None), "property-missing", "#run"),
    # Codes
    "a Data-Code that is an Instance-Code": (put(PLANE, dataCode=INSTANCE_CODE, identifier=None), "code-invalid", PLANE),
    "an Instance-Code that is a Data-Code": (put(PLANE, instanceCode=DATA_CODE, identifier=None), "code-invalid", PLANE),
    "a code entity with the value of another": (put(SUM_CODE, value=IMAGE_CODE), "code-mismatch", SUM_CODE),
}  # fmt: skip
