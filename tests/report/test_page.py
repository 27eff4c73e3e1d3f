from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parsing import Page
from report_examples import FIGURE

from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import Channel
from biocodes_crate.report import (
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
    report_html,
)
from biocodes_crate.tracing.model import (
    Claim,
    Edge,
    Evidence,
    Intensity,
    PlaneRef,
    Status,
    TracedPage,
    TracedPanel,
)

ATTACK = "\"'></title></style></script></svg><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"


def hostile_view(text: str = ATTACK) -> ReportView:
    """A view with the same text in every place that takes any."""
    facts = SceneFacts(0, text, 30, 20, 1, 2, 1, text, (Channel(text, text), Channel(text, text)))
    edge = Edge(
        Status.CONTRADICTED, Claim.DECLARED, text, 0, PlaneRef(0, 0, 0), Box(0, 0, 5, 5),
        intensity=Intensity(color=text, lut=text), evidence=Evidence(0.1), reason=text,
    )  # fmt: skip
    panel = TracedPanel(text, Box(0, 0, 9, 9), PanelKind.IMAGE, 9, 9, text, edges=(edge,), digital_source=text)
    sources = (SourceView((0,), facts, note=text),)
    page = TracedPage(text, 1, 10, 10, PageUnit.PIXEL, (panel,))
    return ReportView(
        StudyFacts(
            text, text, (Person(text, text, text),), text, f"javascript:{text}", text, text, f"javascript:{text}",
            (text,), text, text,
        ),
        (FigureView(text, (PageView(page, None, (PanelView(panel, None, sources),)),), text, text, text, text),),
        (ImageView(text, text, (SceneView(facts, text, None, (text, text)),), text, text, text),),
        (Finding(text, Severity.ERROR, text, text, text),),
        (FileView(text, text, 5, text),),
        text,
    )  # fmt: skip


def crowd(count: int) -> ReportView:
    """Panels of photographic noise, the hardest to compress."""
    rng = np.random.default_rng(0)
    pages = []
    for number in range(count // 10):
        views = []
        for position in range(10):
            edge = Edge(
                Status.VERIFIED, Claim.DISCOVERED, f"images/{number}.tif", 0, PlaneRef(0, 0, 0),
                Box(0, 0, 400, 400), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), Intensity(0, 255), Evidence(0.99),
            )  # fmt: skip
            panel = TracedPanel(
                str(position), Box(position * 100, 0, 100, 100), PanelKind.IMAGE, 400, 400, edges=(edge,)
            )
            pixels = rng.integers(0, 256, (400, 400, 3)).astype(np.uint8)
            plane = rng.integers(0, 256, (420, 420, 3)).astype(np.uint8)
            facts = SceneFacts(size_x=420, size_y=420)
            views.append(PanelView(panel, pixels, (SourceView((0,), facts, pixels, pixels[::-1], plane),)))
        page = TracedPage(f"figures/{number}.png", 1, 1000, 100, PageUnit.PIXEL, tuple(v.panel for v in views))
        preview = rng.integers(0, 256, (700, 1400, 3)).astype(np.uint8)
        pages.append(FigureView(f"figures/{number}.png", (PageView(page, preview, tuple(views)),)))
    return ReportView(StudyFacts("A crowd"), tuple(pages))


def test_the_page_is_well_formed_and_its_ids_are_unique(page: str) -> None:
    parsed = Page(page)
    ids = [element.attributes["id"] for element in parsed.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert page.startswith("<!doctype html>")
    assert parsed.all("html")[0].attributes["lang"] == "en"


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    parsed = Page(page)
    ids = {element.attributes.get("id") for element in parsed.elements}
    links = [e.attributes["href"] for e in parsed.elements if e.attributes.get("href", "").startswith("#")]
    assert len(links) > 30
    assert not [link for link in links if link[1:] not in ids]


def test_nothing_is_fetched_from_anywhere(page: str) -> None:
    parsed = Page(page)
    for element in parsed.elements:
        for name in ("src", "srcset", "poster", "data", "action", "formaction", "background"):
            assert (
                element.attributes.get(name, "data:").startswith("data:image/webp;base64,")
                or name not in element.attributes
            )
        if element.tag in {"image", "use"}:
            assert element.attributes["href"].startswith(("data:image/webp;base64,", "#"))
        assert element.tag not in {"link", "iframe", "object", "embed", "base", "form"}
    (style,) = parsed.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_the_policy_allows_this_style_and_this_script_alone(page: str) -> None:
    parsed = Page(page)
    (policy,) = [e.attributes["content"] for e in parsed.all("meta") if "http-equiv" in e.attributes]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (element,) = parsed.all(tag)
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_no_element_has_a_style_or_handler_of_its_own(page: str) -> None:
    """The policy would block them."""
    for element in Page(page).elements:
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")]


def test_text_of_anybody_is_only_text() -> None:
    parsed = Page(report_html(hostile_view()))
    assert len(parsed.all("script")) == 1
    assert len(parsed.all("style")) == 1
    assert not [e for e in parsed.all("img") if not e.attributes["src"].startswith("data:")]
    assert not [e for e in parsed.elements if any(name.startswith("on") for name in e.attributes)]
    for link in parsed.all("a"):
        assert re.match(r"#|\./|https?://", link.attributes["href"])
    # It is all there, to be read: in the title, in attributes, and nothing was evaluated.
    assert parsed.all("title")[0].text == ATTACK
    assert not any("alert(1)49" in text for text in parsed.texts)


@pytest.mark.parametrize("text", ["\x00\x01\x1b", "\ud800", "a\u202egnp.exe", "\ufffe"])
def test_characters_that_no_page_can_hold_are_replaced(text: str) -> None:
    html = report_html(hostile_view(f"a{text}b"))
    Page(html)
    html.encode("utf-8")
    assert text not in html
    assert "\ufffd" in html or "?" in html


def test_paths_that_lead_elsewhere_are_no_links() -> None:
    view = hostile_view("../../etc/passwd")
    for path in ("../../etc/passwd", "//evil.example/x", "/etc/passwd", "C:/x"):
        view = replace(view, files=(FileView(path),), images=(ImageView(path, "TIFF"),))
        hrefs = [e.attributes["href"] for e in Page(report_html(view)).all("a")]
        assert not [href for href in hrefs if "etc" in href or "evil" in href or href.startswith("C")]


def test_the_same_view_gives_the_same_page(view: ReportView, page: str) -> None:
    assert report_html(view) == page


def test_every_panel_can_be_reached_without_javascript(page: str, view: ReportView) -> None:
    """The outline in the figure links into its details, which browsers open when they are the target."""
    parsed = Page(page)
    bodies = {e.attributes["id"]: e for e in parsed.all("div", class_="body")}
    links = [e.attributes["href"][1:] for e in parsed.all("a", class_="hot")]
    assert sorted(links) == sorted(bodies)
    assert len(links) == sum(len(p.panels) for p in view.pages) == 9
    assert all(body.within("details") and not body.within("svg") for body in bodies.values())
    hidden = [e for e in parsed.elements if "hidden" in e.attributes]
    assert hidden
    assert {e.tag for e in hidden} == {"button"}  # only what does nothing without the script


def test_panels_tell_their_state_in_words_and_by_icon(page: str) -> None:
    parsed = Page(page)
    labels = [e.attributes["aria-label"] for e in parsed.all("a", class_="hot")]
    assert labels[:4] == ["Panel A, verified", "Panel B, verified", "Panel C, verified", "Panel D, contradicted"]
    assert labels[4:8] == [
        "Panel E, ambiguous",
        "Panel F, unverified",
        "Panel 7 (no label), no source",
        "Panel H, not an image",
    ]
    for link in parsed.all("a", class_="hot"):
        (use,) = [e for e in parsed.elements if e.tag == "use" and e.parent and e.parent.parent is link]
        assert use.attributes["href"].removeprefix("#icon-") in link.attributes["class"]


def test_the_summary_counts_panels_that_are_backed_by_data(page: str) -> None:
    text = " ".join("".join(Page(page).texts).split())
    assert "6 of 8 image panels are backed by data of this study" in text
    assert "5 panels are proven to show a plane or projection of it; for 1 more the image and region are proven" in text
    assert "the true one was found" in text


def test_the_page_tells_how_panels_were_made(page: str) -> None:
    text = " ".join("".join(Page(page).texts).split())
    assert "channel 0 (GFP), 120×120 px at (60, 30), rotated 90° anticlockwise, enlarged 2×, window" in text
    assert "maximum projection of z 0–5" in text
    assert "It may be any of: plane z 2; plane z 3." in text
    assert "about 1 in 10³¹" in text
    assert f"crate trace '{FIGURE}' --in ." in text


def test_a_page_without_anything_is_a_page() -> None:
    parsed = Page(report_html(ReportView(StudyFacts("Empty"))))
    text = "".join(parsed.texts)
    assert "There are no image panels to trace" in text
    assert "The crate has no figures." in text


def test_figures_and_images_without_pixels_say_so(view: ReportView) -> None:
    bare = tuple(
        replace(
            figure,
            note="The figure cannot be shown: the file is not here.",
            pages=tuple(
                replace(
                    page,
                    preview=None,
                    panels=tuple(
                        replace(p, pixels=None, sources=tuple(replace(s, rendered=None, difference=None, plane=None) for s in p.sources))
                        for p in page.panels
                    ),
                )
                for page in figure.pages
            ),
        )
        for figure in view.figures
    )  # fmt: skip
    html = report_html(replace(view, figures=bare))
    assert "the file is not here" in html
    assert "data:image" not in html.split('id="images"')[0].split('id="figures"')[1]


def test_a_hundred_panels_take_less_than_ten_megabytes() -> None:
    html = report_html(crowd(100))
    assert len(html.encode()) < 10_000_000
    assert html.count('class="panel verified"') == 100


def test_a_plane_that_many_panels_show_is_encoded_once(view: ReportView) -> None:
    html = report_html(view)
    uses = re.findall(r'<use href="#(plane-\d+)"/>', html)
    assert len(uses) > len(set(uses))
    assert len(re.findall(r'<image id="plane-\d+"', html)) == len(set(uses))


def test_findings_come_the_gravest_first() -> None:
    findings = tuple(
        Finding(f"id-{severity.value}", severity, "a", "m")
        for severity in (Severity.INFO, Severity.ERROR, Severity.WARNING)
    )
    html = report_html(ReportView(StudyFacts("S"), findings=findings))
    assert html.index("id-error") < html.index("id-warning") < html.index("id-info")


def test_the_assets_are_part_of_the_package() -> None:
    import biocodes_crate.report as package

    folder = Path(package.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} >= {"page.html", "page.css", "page.js"}
