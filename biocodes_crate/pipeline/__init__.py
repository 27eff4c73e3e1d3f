"""Whole jobs: build a crate from a study, trace one figure."""

from biocodes_crate.pipeline.build import BuildResult, build_study
from biocodes_crate.pipeline.content import crate_content, image_record
from biocodes_crate.pipeline.figures import panel_findings, trace_figures
from biocodes_crate.pipeline.images import CodedImage, CodedImages, Scenes, code_images
from biocodes_crate.pipeline.memory import TraceMemory
from biocodes_crate.pipeline.trace import trace_one
from biocodes_crate.pipeline.traced import TracedFigure, TracedFigures
from biocodes_crate.pipeline.words import panel_name

__all__ = [
    "BuildResult",
    "CodedImage",
    "CodedImages",
    "Scenes",
    "TraceMemory",
    "TracedFigure",
    "TracedFigures",
    "build_study",
    "code_images",
    "crate_content",
    "image_record",
    "panel_findings",
    "panel_name",
    "trace_figures",
    "trace_one",
]
