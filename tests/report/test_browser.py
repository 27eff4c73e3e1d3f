"""The page in a real browser: Debian's Chromium, without a screen.

`BIOCODES_AXE` may name axe-core's `axe.min.js` (npm package axe-core); without it the check of
accessibility is skipped.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_page import hostile_view

from biocodes_crate.report import report_html

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if CHROMIUM is None or DRIVER is None:
    pytest.skip("chromium and chromedriver are not installed", allow_module_level=True)

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Browser:
    """A page, opened."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self, page: Path, width: int = 1280, theme: str = "light", fragment: str = "", scripts: bool = True
    ) -> None:
        self.cdp("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": theme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(page.as_uri() + fragment)

    def cdp(self, command: str, **values: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, values)

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def press(self, key: str) -> None:
        self.driver.switch_to.active_element.send_keys(key)

    def requests(self) -> list[str]:
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "about:"))]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def html(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "ro-crate-preview.html"
    path.write_text(page, encoding="utf-8")
    return path


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, html: Path) -> None:
    browser.open(html)
    assert browser.run("return [...document.images].every(i => i.decode && i.naturalWidth > 0)")
    assert browser.requests() == [html.as_uri()]
    assert browser.driver.get_log("browser") == []


def test_choosing_a_panel_in_the_figure_opens_it_and_closes_the_others(browser: Browser, html: Path) -> None:
    browser.open(html)
    browser.one('a.hot[href="#panel-1-1-3"] .area').click()
    opened = browser.run("return [...document.querySelectorAll('#page-1-1 details[open] .body')].map(b => b.id)")
    assert opened == ["panel-1-1-3"]
    assert "maximum projection of z 0–5" in browser.one("#panel-1-1-3 .transform").text
    assert browser.run("return document.activeElement.id") == "panel-1-1-3"
    assert browser.run("return location.hash") == "#panel-1-1-3"


def test_a_panel_is_chosen_with_the_keyboard_alone(browser: Browser, html: Path) -> None:
    browser.open(html)
    browser.run("document.querySelector('#page-1-1 a.hot').focus()")
    browser.press("\ue014")  # right
    browser.press("\ue007")  # enter
    assert browser.run("return document.activeElement.id") == "panel-1-1-2"


def test_a_link_to_a_panel_opens_it(browser: Browser, html: Path) -> None:
    for scripts in (True, False):
        browser.open(html, fragment="#panel-1-1-4", scripts=scripts)
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
        assert browser.run("return document.getElementById('panel-1-1-4').closest('details').open")


def test_without_javascript_a_click_on_a_panel_opens_it(browser: Browser, html: Path) -> None:
    browser.open(html, scripts=False)
    browser.one('a.hot[href="#panel-1-1-5"] .area').click()
    browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("return document.getElementById('panel-1-1-5').closest('details').open")
    assert browser.run("return getComputedStyle(document.getElementById('theme')).display") == "none"


def test_codes_are_copied(browser: Browser, html: Path) -> None:
    browser.open(html)
    browser.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    button = browser.one(".facts button.copy")
    button.click()
    copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == button.get_attribute("data-copy")
    assert copied.startswith("ISCC:")
    assert browser.one("#announce").get_attribute("textContent") == "Copied"


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Browser, html: Path) -> None:
    dark = "return getComputedStyle(document.body).backgroundColor"
    browser.open(html, theme="light")
    light_paper = browser.run(dark)
    browser.open(html, theme="dark")
    dark_paper = browser.run(dark)
    assert light_paper != dark_paper
    browser.one("#theme").click()
    assert browser.run(dark) == light_paper
    browser.run("localStorage.clear()")


def test_a_slider_wipes_from_the_panel_to_its_source(browser: Browser, html: Path) -> None:
    browser.open(html, fragment="#panel-1-1-1")
    clip = browser.run(
        "const s = document.querySelector('#panel-1-1-1 input[type=range]'); s.value = 100;"
        "s.dispatchEvent(new Event('input')); return getComputedStyle(document.querySelector('#panel-1-1-1 .layer')).clipPath"
    )
    assert clip == "inset(0px 0% 0px 0px)"


def test_what_hangs_together_with_a_panel_stands_out_in_the_graph(browser: Browser, html: Path) -> None:
    browser.open(html)
    browser.run("document.querySelector('svg.graph a[href=\"#panel-1-1-1\"]').focus()")
    lit = "return [...document.querySelectorAll('svg.graph .node.on text')].map(t => t.textContent)"
    shown = browser.run(lit)
    assert {"fig 1.png", "Panel A", "cells #1.ome.tif"} <= set(shown)
    assert "Panel B" not in shown
    browser.run("document.activeElement.blur()")
    assert browser.run(lit) == []


@pytest.mark.parametrize("width", [320, 390, 820, 1400])
def test_nothing_sticks_out_at_any_width(browser: Browser, html: Path, width: int) -> None:
    browser.open(html, width=width)
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
    assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 390, 820, 1400])
def test_the_list_of_files_is_never_squeezed(browser: Browser, html: Path, width: int) -> None:
    browser.open(html, width=width)
    heights = browser.run(
        "return [...document.querySelectorAll('#files td, #files tbody th')].map(c => c.offsetHeight)"
    )
    assert heights
    assert max(heights) < 130


def test_everything_is_printed(browser: Browser, html: Path) -> None:
    browser.open(html)
    pdf = base64.b64decode(browser.cdp("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF")
    assert not browser.run("return document.querySelector('#panel-1-1-5').closest('details').open"), "closed again"


def test_hostile_text_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "hostile.html"
    page.write_text(report_html(hostile_view()), encoding="utf-8")
    browser.open(page)
    # Were anything run, an alert would be open, and this would raise.
    assert browser.run("return document.scripts.length") == 1
    assert browser.requests() == [page.as_uri()]
    assert browser.driver.get_log("browser") == []


def test_the_policy_stops_a_script_that_slips_through(browser: Browser, html: Path) -> None:
    browser.open(html)
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.evil = 1'; document.body.append(s)"
    )
    assert browser.run("return window.evil") is None
    assert any("Content Security Policy" in entry["message"] for entry in browser.driver.get_log("browser"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, html: Path, theme: str) -> None:
    axe = Path(os.environ.get("BIOCODES_AXE", ""))
    if not axe.is_file():
        pytest.skip("BIOCODES_AXE does not name axe.min.js")
    browser.open(html, theme=theme)
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
    browser.run(axe.read_text("utf-8"))
    found = browser.driver.execute_async_script(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        ".then(r => arguments[0](r.violations.map(v => [v.id, v.impact, v.nodes.length, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary])))"
    )
    assert found == []
