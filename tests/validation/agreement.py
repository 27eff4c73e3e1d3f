"""Compare our verdict on the corpus of broken crates with rocrate-validator's on the same profile, and record it.

    python tests/validation/agreement.py > tests/data/agreement.json

A crate takes rocrate-validator some ten seconds: the record is what tests look at, and it names what it was made
from, so that a test can tell when it is out of date.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "crate"), str(HERE.parents[1])]

from broken_crates import CASES, VALID  # noqa: E402
from valid_crates import VARIANTS  # noqa: E402

from biocodes_crate.crate import linked_data  # noqa: E402
from biocodes_crate.findings import Severity  # noqa: E402
from biocodes_crate.validation import Level, validate_crate  # noqa: E402

PYTHON = os.environ.get("BIOCODES_ROC_VALIDATOR") or sys.executable
PROFILES = HERE.parents[1] / "profiles"
CONTEXTS = Path(linked_data.__file__).parent / "contexts"
RECORD = HERE.parent / "data" / "agreement.json"
_AT_ONCE = 12  # crates of one process


def corpus() -> dict[str, bytes]:
    """The metadata of every crate, by name."""
    result = {}
    for name, change in [*((name, case[0]) for name, case in CASES.items()), *VARIANTS.items()]:
        metadata = copy.deepcopy(VALID)
        change(metadata)
        result[name] = json.dumps(metadata, ensure_ascii=False).encode()
    return result


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def profile_digest() -> str:
    """Of what rocrate-validator reads of the profile."""
    folder = PROFILES / "biocodes-crate"
    files = sorted(path for part in ("must", "should", "may") for path in (folder / part).iterdir() if path.is_file())
    return digest(b"".join(path.name.encode() + path.read_bytes() for path in [folder / "profile.ttl", *files]))


def ours(crates: dict[str, bytes]) -> dict[str, list[str]]:
    """The ids of the errors that we find in each crate."""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ro-crate-metadata.json"
        for name, content in crates.items():
            path.write_bytes(content)
            found = validate_crate(path, Level.METADATA).findings
            result[name] = sorted({finding.id for finding in found if finding.severity is Severity.ERROR})
    return result


def theirs(crates: dict[str, bytes], workers: int = 2) -> dict[str, list[str]]:
    """The names of the REQUIRED checks of rocrate-validator that each crate fails."""
    names = list(crates)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.json" for number in range(len(names))]
        for path, name in zip(paths, names, strict=True):
            path.write_bytes(crates[name])
        batches = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
        with ThreadPoolExecutor(workers) as pool:
            answers = [answer for batch in pool.map(_run, batches) for answer in batch]
    return {
        name: sorted({issue["name"] for issue in answer["issues"]} | ({"crashed"} if "crashed" in answer else set()))
        for name, answer in zip(names, answers, strict=True)
    }


def _run(paths: list[Path]) -> list[dict]:
    command = [PYTHON, HERE / "run_rocrate_validator.py", "--severity", "REQUIRED", CONTEXTS, PROFILES, *paths]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)


def version() -> str:
    code = "import importlib.metadata as m; print(m.version('roc-validator'))"
    return subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Print the record."""
    crates = corpus()
    found = theirs(crates)
    record = {
        "rocrate-validator": version(),
        "profile": profile_digest(),
        "crates": {name: {"crate": digest(crates[name]), "fails": found[name]} for name in crates},
    }
    print(json.dumps(record, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
