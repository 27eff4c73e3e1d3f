"""A commented `study.yaml` to fill in."""

from __future__ import annotations

import json
import re
from pathlib import Path

from biocodes_crate.errors import CannotWrite
from biocodes_crate.study.manifest import Manifest
from biocodes_crate.study.model import Study
from biocodes_crate.study.reading import STUDY_YAML
from biocodes_crate.study.study import read_study

SCHEMA = "https://w3id.org/biocodes/schemas/0.1/study.schema.json"
"""What editors take completion and checks of a `study.yaml` from; it ships as `schemas/study.schema.json`."""

_HEAD = """\
# yaml-language-server: $schema={schema}
# What you say about this study. Everything is optional; `crate build` tells you what is missing.
# Images, figures and panels that you leave out here are found by the tool.

{title}
{description}
{license}
{authors}
keywords: []
{publication}
funding: []
# organism: NCBITaxon:9606                # NCBI taxonomy, here: human
# imaging_method: FBbi:00000251           # Biological Imaging Methods Ontology, here: confocal microscopy
"""

_PANELS = """\
    # panels:                             # where panels come from, if you know: it will be checked
    #   - label: A
    #     box: [x, y, width, height]      # pixels of the figure; left out: found by the tool
    #     digital_source: digitalCapture
    #     sources: [{image: images/a.ome.zarr, scene: 0, z: 5, c: 1, t: 0, region: [x, y, width, height]}]
"""

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./ +-]*")


def init_study(root: Path) -> Path:
    """Look through a folder and write a commented `study.yaml` into it.

    Raises
    ------
    CannotWrite
        There is one already, or the folder cannot be written to.
    NotAStudy
        There is no such folder.
    """
    path = root / STUDY_YAML
    exists = CannotWrite("it exists already and is left as it is", where=path, remedy="Edit it, or move it away first.")
    if path.exists() or path.is_symlink():
        raise exists
    text = manifest_template(read_study(root))
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise exists from None
    except OSError as error:
        raise CannotWrite(
            f"it cannot be written ({error.strerror or error})",
            where=path,
            remedy="Check the rights and the free space.",
        ) from error
    return path


def manifest_template(study: Study) -> str:
    """The text of a `study.yaml` with what is known of a study, and room for what is not."""
    return _head(study.manifest) + _images(study) + _figures(study) + '\nexclude: []  # such as "**/scratch/**"\n'


def _head(manifest: Manifest) -> str:
    authors = [
        "  - {" + ", ".join(f"{key}: {_quote(value)}" for key, value in known.items() if value) + "}"
        for known in (
            {"name": a.name, "orcid": a.orcid, "affiliation": a.affiliation, "ror": a.ror} for a in manifest.authors
        )
    ]
    example = "  # - {name: 'Family, Given', orcid: 0000-0000-0000-0000, affiliation: Institution, ror: 000000000}"
    return _HEAD.format(
        schema=SCHEMA,
        title=_line("title", manifest.title, ""),
        description=_line("description", manifest.description, ""),
        license=_line("license", manifest.license, "SPDX identifier, such as CC-BY-4.0 or CC0-1.0"),
        publication=_line("publication", manifest.publication, "DOI of the paper, such as 10.1234/abcd"),
        authors="\n".join(["authors:", *(authors or [example])]),
    )


def _line(key: str, value: str | None, comment: str) -> str:
    return (f"{key}: {_quote(value)}" if value else f"{key}:") + (f"  # {comment}" if comment else "")


def _images(study: Study) -> str:
    lines = ["", "images:" if study.images else "images: []  # none found"]
    for image in study.images:
        lines += [
            f"  - path: {_quote(image.path)}  # {_comment(image.reason)}",
            "    description:",
            "    digital_source: digitalCapture",
        ]
    return "\n".join(lines) + "\n"


def _figures(study: Study) -> str:
    lines = ["", "figures:" if study.figures else "figures: []  # none found"]
    for figure in study.figures:
        lines += [f"  - path: {_quote(figure.path)}  # {_comment(figure.reason)}", "    caption:"]
    return "\n".join(lines) + "\n" + (_PANELS if study.figures else "")


def _quote(value: str) -> str:
    """As YAML: plain where that is safe, else in double quotes, as in JSON."""
    if _PLAIN.fullmatch(value) and not re.fullmatch(
        r"[0-9.eE+-]+|null|true|false|yes|no|on|off|y|n|~", value, re.IGNORECASE
    ):
        return value.rstrip() if value == value.rstrip() else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def _comment(reason: str) -> str:
    return " ".join(reason.split())
