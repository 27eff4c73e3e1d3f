"""Boxes, regions and transforms fit together: what SHACL cannot reckon."""

import json
import re

from rocrate_validator.models import ValidationContext
from rocrate_validator.requirements.python import PyFunctionCheck, check, requirement

SLACK = 2.0  # pixels: boxes are whole pixels, transforms are not
BOX = re.compile(r"xywh=(pixel|percent):([0-9.]+),([0-9.]+),([0-9.]+),([0-9.]+)")


def listed(value):
    return value if isinstance(value, list) else [value]


def types(entity):
    return [kind for kind in listed(entity.get("@type")) if isinstance(kind, str)]


class Graph:
    """The entities of a crate by id; what is not there is empty."""

    def __init__(self, context):
        graph = context.ro_crate.metadata.as_dict().get("@graph", [])
        self.entities = [e for e in graph if isinstance(e, dict) and isinstance(e.get("@id"), str)]
        self.by_id = {entity["@id"]: entity for entity in self.entities}

    def follow(self, entity, key):
        targets = (v["@id"] for v in listed(entity.get(key)) if isinstance(v, dict) and isinstance(v.get("@id"), str))
        return [self.by_id[target] for target in targets if target in self.by_id]

    def first(self, entity, key):
        return next(iter(self.follow(entity, key)), {})

    def box(self, entity):
        """x, y, w, h of the first box of an entity, and its unit."""
        for selector in self.follow(entity, "hasSelector"):
            found = BOX.fullmatch(str(selector.get("selectorValue")))
            if found:
                try:
                    return found[1], *(float(value) for value in found.groups()[1:])
                except ValueError:
                    return None
        return None

    def edges(self):
        return [entity for entity in self.entities if "ProvenanceEdge" in types(entity)]

    def affine(self, edge):
        for step in self.follow(edge, "transformStep"):
            try:
                (a, b, c), (d, e, f) = json.loads(step.get("panelToSource", "null"))
                return tuple(float(value) for value in (a, b, c, d, e, f))
            except (TypeError, ValueError):
                continue
        return None


def number(entity, key):
    value = entity.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@requirement(name="Geometry")
class Geometry(PyFunctionCheck):
    """What lies in something lies within it, and transforms lead where they say."""

    @check(name="A region MUST lie within its plane")
    def check_regions(self, context: ValidationContext) -> bool:
        """Half of it at least: registration is exact to the pixel, and a panel may reach over an edge."""
        graph = Graph(context)
        passed = True
        for edge in graph.edges():
            region = graph.first(edge, "source")
            scene = graph.first(graph.first(region, "isPartOf"), "isPartOf")
            box, width, height = graph.box(region), number(scene, "sizeX"), number(scene, "sizeY")
            if box is None or width is None or height is None:
                continue
            _, x, y, w, h = box
            inside_x, inside_y = min(x + w, width) - max(x, 0), min(y + h, height) - max(y, 0)
            if inside_x <= 0 or inside_y <= 0 or inside_x * inside_y < 0.5 * w * h:
                message = f"The region is not within the plane, {width} x {height}"
                context.result.add_issue(message, self, violatingEntity=edge["@id"])
                passed = False
        return passed

    @check(name="A transform MUST have an inverse")
    def check_inverse(self, context: ValidationContext) -> bool:
        """A transform maps a panel onto no line and no point."""
        graph = Graph(context)
        passed = True
        for edge in graph.edges():
            affine = graph.affine(edge)
            if affine is not None and abs(affine[0] * affine[4] - affine[1] * affine[3]) < 1e-9:
                context.result.add_issue("`panelToSource` has no inverse", self, violatingEntity=edge["@id"])
                passed = False
        return passed

    @check(name="A transform MUST map the panel onto the region")
    def check_transforms(self, context: ValidationContext) -> bool:
        """The corners of the panel's raster come to lie on the region's."""
        graph = Graph(context)
        passed = True
        for edge in graph.edges():
            panel = graph.first(edge, "panel")
            box, affine = graph.box(graph.first(edge, "source")), graph.affine(edge)
            width, height = number(panel, "width"), number(panel, "height")
            if box is None or affine is None or width is None or height is None:
                continue
            a, b, c, d, e, f = affine
            corners = ((0, 0), (width, 0), (width, height), (0, height))
            xs, ys = [a * x + b * y + c for x, y in corners], [d * x + e * y + f for x, y in corners]
            slack = SLACK + 0.02 * max(max(xs) - min(xs), max(ys) - min(ys))
            _, x, y, w, h = box
            stated, mapped = (x, y, x + w, y + h), (min(xs), min(ys), max(xs), max(ys))
            if any(abs(one - other) > slack for one, other in zip(stated, mapped, strict=True)):
                context.result.add_issue("`panelToSource` leads elsewhere", self, violatingEntity=edge["@id"])
                passed = False
        return passed

    @check(name="A box MUST lie within its page")
    def check_boxes(self, context: ValidationContext) -> bool:
        """The boxes of panels, and of regions in them that are not explained."""
        graph = Graph(context)
        passed = True
        for panel in graph.entities:
            if "FigurePanel" not in types(panel):
                continue
            wanted = number(panel, "pageNumber") or 1
            pages = graph.follow(graph.first(panel, "isPartOf"), "figurePage")
            page = next((one for one in pages if number(one, "pageNumber") == wanted), {})
            width, height = number(page, "width"), number(page, "height")
            for entity in (panel, *graph.follow(panel, "unexplained")):
                box = graph.box(entity)
                if box is None or width is None or height is None:
                    continue
                unit, x, y, w, h = box
                limits = (100.5, 100.5) if unit == "percent" else (width + SLACK, height + SLACK)
                if x + w > limits[0] or y + h > limits[1]:
                    context.result.add_issue("The box is not within its page", self, violatingEntity=panel["@id"])
                    passed = False
        return passed
