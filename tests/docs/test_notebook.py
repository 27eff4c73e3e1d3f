"""The notebook runs, and shows what it showed when it was stored."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "crate-to-plot.ipynb"
for needed in ("nbclient", "ipykernel", "pandas", "matplotlib"):
    pytest.importorskip(needed, reason=f"{needed} is not installed")

RUN = """
import sys, json
sys.path.insert(0, sys.argv[1])
import nbformat, run_notebook
print("NOTEBOOK" + json.dumps(nbformat.from_dict(run_notebook.executed(run_notebook.NOTEBOOK))))
"""


def outputs(notebook: dict) -> list[list[str]]:
    """What each cell shows as text, without what differs from run to run or between versions of pandas."""
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            texts = []
            for output in cell["outputs"]:
                text = output.get("data", {}).get("text/plain", output.get("text", ""))
                texts.append(re.sub(r"\s+", " ", "".join(text)).strip())
            shown.append(texts)
    return shown


def test_the_notebook_runs_and_shows_what_is_stored(own_cache):
    # In a process of its own: kernels warn of what is no concern of ours.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(ROOT / "examples")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    now = json.loads(done.stdout.split("NOTEBOOK", 1)[1])
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert outputs(now) == outputs(stored)
    pictures = [o for cell in now["cells"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) == 1
