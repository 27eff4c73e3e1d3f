"""What people see of a crate: one self-contained page, a graph of the provenance, edges in words.

Start with :func:`report_html` and :func:`report_from_crate`.
"""

from biocodes_crate.report.apology import apology_html
from biocodes_crate.report.compose import compose_report, graph_from_crate, report_from_crate
from biocodes_crate.report.facts import Facts
from biocodes_crate.report.graph import provenance_svg
from biocodes_crate.report.page import report_html
from biocodes_crate.report.painter import Files, Painter, StudyFiles
from biocodes_crate.report.rendering import Layer, difference, render_source
from biocodes_crate.report.states import PanelState, Tally, state_of, tally
from biocodes_crate.report.summary import report_as_json
from biocodes_crate.report.view import (
    Code,
    FigureView,
    FileView,
    ImageView,
    PageView,
    PanelView,
    Person,
    ReportView,
    SceneFacts,
    SceneView,
    SourceView,
    StudyFacts,
)
from biocodes_crate.report.words import describe_edge, describe_plane, explain_evidence, explain_status

__all__ = [
    "Code",
    "Facts",
    "FigureView",
    "FileView",
    "Files",
    "ImageView",
    "Layer",
    "PageView",
    "Painter",
    "PanelState",
    "PanelView",
    "Person",
    "ReportView",
    "SceneFacts",
    "SceneView",
    "SourceView",
    "StudyFacts",
    "StudyFiles",
    "Tally",
    "apology_html",
    "compose_report",
    "describe_edge",
    "describe_plane",
    "difference",
    "explain_evidence",
    "explain_status",
    "graph_from_crate",
    "provenance_svg",
    "render_source",
    "report_as_json",
    "report_from_crate",
    "report_html",
    "state_of",
    "tally",
]
