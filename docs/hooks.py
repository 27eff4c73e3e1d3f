"""Pages of the site that lie elsewhere in the project: the notebook, and the contract with its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PROFILE = ROOT / "profiles" / "biocodes-crate"
NOTEBOOK = ROOT / "examples" / "crate-to-plot.ipynb"


@event_priority(100)  # before the plugin that turns notebooks into pages
def on_files(files: Files, config: Any) -> Files:
    """Add them."""
    files.append(File(NOTEBOOK.name, str(NOTEBOOK.parent), config.site_dir, config.use_directory_urls))
    files.append(File.generated(config, "contract.md", content=(PROFILE / "specification.md").read_text("utf-8")))
    for path in sorted(PROFILE.rglob("*")):
        if path.is_file() and path.suffix in {".ttl", ".jsonld", ".json"}:
            name = path.relative_to(PROFILE).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    for path in sorted((ROOT / "schemas").glob("*.json")):
        files.append(File.generated(config, f"schemas/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """In the repository the schemas lie beside `docs`, on the site within it."""
    return markdown.replace("](../schemas/", "](schemas/")
