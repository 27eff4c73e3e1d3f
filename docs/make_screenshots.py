"""Photograph the page of the example study at three widths, light and dark: ``python docs/make_screenshots.py``.

Needs the extra `test` (selenium), Chromium and its driver. Writes `docs/screenshots/*.webp`, and
`docs/screenshots/graph.svg`.
"""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from selenium import webdriver

import biocodes_crate as bc

DOCS = Path(__file__).parent
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb")


class Device(NamedTuple):
    """A screen, and what of the page is photographed."""

    name: str
    width: int
    height: int
    scale: int = 1


DEVICES = (Device("phone", 390, 844, 2), Device("tablet", 820, 1180), Device("desktop", 1400, 900))
# What the page is scrolled to: the summary, a merge, and a panel whose authors are wrong about it.
SCENES = {"summary": "", "panel": "#panel-3-1-3", "contradicted": "#panel-1-1-4"}


def main() -> None:
    """Build the example, and photograph its page."""
    target = DOCS / "screenshots"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        shutil.copytree(
            DOCS.parent / "examples" / "study",
            study,
            ignore=shutil.ignore_patterns("ro-crate-*", "codes", "provenance"),
        )
        with bc.build(study) as crate:
            (target / "graph.svg").write_text(crate.provenance_svg(), encoding="utf-8")
        with browser(Path(folder) / "profile") as driver:
            for device in DEVICES:
                for theme in ("light", "dark"):
                    for scene, fragment in SCENES.items():
                        if scene == "contradicted" and device.name != "desktop":
                            continue
                        path = target / f"{scene}-{device.name}-{theme}.webp"
                        path.write_bytes(photograph(driver, study / "ro-crate-preview.html", fragment, device, theme))
                        sys.stderr.write(f"{path.name}: {path.stat().st_size >> 10} kB\n")


@contextmanager
def browser(profile: Path) -> Iterator[Any]:
    """Chromium without a screen."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def photograph(driver: Any, page: Path, fragment: str, device: Device, theme: str) -> bytes:
    """What a device shows, as WebP."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": device.width,
            "height": device.height,
            "deviceScaleFactor": device.scale,
            "mobile": device.name == "phone",
        },
    )
    features = [
        {"name": "prefers-color-scheme", "value": theme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get("about:blank")
    driver.get(page.as_uri() + fragment)
    driver.execute_async_script(
        "const done = arguments[0]; Promise.all([...document.images].map(i => i.decode().catch(() => 0)))"
        ".then(() => setTimeout(done, 300))"
    )
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 80})
    return base64.b64decode(shot["data"])


if __name__ == "__main__":
    main()
