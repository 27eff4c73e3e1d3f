"""What panels are said to be, captured or synthetic, against what the pixels show."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from biocodes_crate.figures import PanelKind
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.words import panel_name
from biocodes_crate.tracing import Status, TracedPage, TracedPanel

# Terms of https://cv.iptc.org/newscodes/digitalsourcetype/; composites may hold captures, and are left out.
CAPTURED = frozenset({"digitalCapture", "computationalCapture", "compositeCapture"})
SYNTHETIC = frozenset({"trainedAlgorithmicMedia", "algorithmicMedia", "digitalCreation", "virtualRecording"})


def origin_findings(
    page: TracedPage, panel: TracedPanel, figure_source: str | None, synthetic_images: Collection[str]
) -> list[Finding]:
    """Captures without a source, and synthetic panels that verify against a capture.

    Parameters
    ----------
    figure_source
        What the whole figure is said to be, by `study.yaml` or its own metadata; the panel's own word goes first.
    synthetic_images
        Paths of images that are themselves declared synthetic.
    """
    said = panel.digital_source or figure_source
    if panel.kind is not PanelKind.IMAGE or said is None:
        return []
    proven = [e for e in panel.edges if e.status in (Status.VERIFIED, Status.AMBIGUOUS)]
    name = panel_name(page, panel)
    if said in CAPTURED and not proven:
        return [
            Finding(
                "capture-without-source",
                Severity.WARNING,
                page.figure,
                f"{name} is said to be a capture ({said}), but no image of the study is proven to be its source",
                "Add the image that it shows to the study, or correct its digital source.",
            )
        ]
    captures = sorted({e.image for e in proven} - set(synthetic_images))
    if said in SYNTHETIC and captures:
        return [
            Finding(
                "synthetic-but-verified",
                Severity.WARNING,
                page.figure,
                f"{name} is said to be synthetic ({said}), but its pixels are those of {captures[0]}",
                "Correct the digital source of the panel or of the figure.",
            )
        ]
    return []


def credential_findings(figure: str, manifests: Sequence[str] | None) -> list[Finding]:
    """That a figure has C2PA content credentials, by the names of their manifests; they are not validated."""
    if manifests is None:
        return []
    named = f", {manifests[-1]}" if manifests else ""
    return [
        Finding(
            "content-credentials",
            Severity.INFO,
            figure,
            f"the file holds or refers to C2PA content credentials{named}; they were not validated",
            "Check them with a C2PA tool, such as c2patool.",
        )
    ]
