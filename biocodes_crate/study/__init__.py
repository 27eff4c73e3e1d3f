"""Studies: which files of a folder are images and figures, and what its authors say about them."""

from biocodes_crate.study.files import OUTPUTS
from biocodes_crate.study.manifest import (
    Author,
    DeclaredFigure,
    DeclaredImage,
    DeclaredPanel,
    DeclaredProjection,
    DeclaredSource,
    Manifest,
    Region,
)
from biocodes_crate.study.model import Study, StudyFigure, StudyFile, StudyImage
from biocodes_crate.study.reading import read_manifest
from biocodes_crate.study.study import read_study
from biocodes_crate.study.template import init_study, manifest_template

__all__ = [
    "OUTPUTS",
    "Author",
    "DeclaredFigure",
    "DeclaredImage",
    "DeclaredPanel",
    "DeclaredProjection",
    "DeclaredSource",
    "Manifest",
    "Region",
    "Study",
    "StudyFigure",
    "StudyFile",
    "StudyImage",
    "init_study",
    "manifest_template",
    "read_manifest",
    "read_study",
]
