"""Trace figure panels to the planes they show, verify it on the pixels, and check such edges again."""

from biocodes_crate.tracing.coding import code_and_index
from biocodes_crate.tracing.index import ImageIndex, IndexBuilder, KeyPicture, TraceIndex
from biocodes_crate.tracing.model import (
    Affine,
    Claim,
    Edge,
    Evidence,
    Intensity,
    PlaneRef,
    Projection,
    ProjectionKind,
    Status,
    TracedPage,
    TracedPanel,
)
from biocodes_crate.tracing.pixels import SceneProvider
from biocodes_crate.tracing.recheck import Recheck, recheck_panel
from biocodes_crate.tracing.reuse import find_reuse
from biocodes_crate.tracing.stored import read_index, write_index
from biocodes_crate.tracing.trace import trace_figure, trace_panel
from biocodes_crate.tracing.windows import tones_off

__all__ = [
    "Affine",
    "Claim",
    "Edge",
    "Evidence",
    "ImageIndex",
    "IndexBuilder",
    "Intensity",
    "KeyPicture",
    "PlaneRef",
    "Projection",
    "ProjectionKind",
    "Recheck",
    "SceneProvider",
    "Status",
    "TraceIndex",
    "TracedPage",
    "TracedPanel",
    "code_and_index",
    "find_reuse",
    "read_index",
    "recheck_panel",
    "tones_off",
    "trace_figure",
    "trace_panel",
    "write_index",
]
