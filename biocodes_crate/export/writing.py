"""Write an export to a file: all of it, or nothing."""

from __future__ import annotations

import secrets
from pathlib import Path

from biocodes_crate.errors import CannotWrite
from biocodes_crate.export.model import Export


def write_export(export: Export, path: Path) -> None:
    """Write an export, with the line ends that it has.

    Raises
    ------
    CannotWrite
        It cannot be written there; what was there is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        if path.is_dir():
            raise CannotWrite("there is a folder of that name", where=path, remedy="Name a file.")
        temporary.write_text(export.text, encoding="utf-8", newline="")
        temporary.replace(path)
    except OSError as error:
        raise CannotWrite(
            f"it cannot be written ({error.strerror or error})",
            where=path,
            remedy="Check the folder, its rights and the free space.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
