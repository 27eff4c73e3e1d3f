"""Run the notebook on a copy of the example study, and keep what it shows: ``python examples/run_notebook.py``.

Needs nbclient, ipykernel, pandas and matplotlib: the extra `test`.
"""

from __future__ import annotations

import base64
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

EXAMPLES = Path(__file__).parent
NOTEBOOK = EXAMPLES / "crate-to-plot.ipynb"
COLOURS = 128  # of a stored picture


def main() -> None:
    """Write the notebook with its outputs."""
    nbformat.write(executed(NOTEBOOK), NOTEBOOK)


def executed(path: Path) -> Any:
    """The notebook with the outputs of a run of its own; raises what its first faulty cell raises."""
    notebook = nbformat.read(path, 4)
    with tempfile.TemporaryDirectory() as folder:
        made = shutil.ignore_patterns("ro-crate-*", "codes", "provenance")
        shutil.copytree(EXAMPLES / "study", Path(folder) / "study", ignore=made)
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}})
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = _smaller(output["data"]["image/png"])
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def _smaller(picture: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB").quantize(COLOURS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    main()
