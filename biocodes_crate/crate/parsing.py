"""The JSON of a crate's metadata, of bytes that may be anything."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import IO, Any

from biocodes_crate.errors import BadMetadata

MAX_METADATA = 256 << 20  # bytes; 20,000 entities are about 15 MB
MAX_ENTITIES = 500_000  # of metadata; a minute for every 200,000
MAX_DEPTH = 40  # of JSON: a flat graph needs five, an inline context a few more
_MAY_BE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_metadata(content: bytes, where: Path | str) -> dict[str, Any]:
    """Metadata from bytes that may be anything.

    Raises
    ------
    NotACrate
        They are not UTF-8, not strict JSON, nested too deeply, or not an object with a `@graph`.
    """
    try:
        metadata = json.loads(
            content.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_each_key_once
        )
        too_deep = _depth_exceeds(metadata, MAX_DEPTH)
        if _MAY_BE_SURROGATE.search(content) is not None:
            json.dumps(metadata, ensure_ascii=False).encode("utf-8")  # lone surrogates fail here
    except UnicodeDecodeError as error:
        raise bad_metadata("it is not UTF-8", where) from error
    except UnicodeEncodeError as error:
        raise bad_metadata("it holds half of a surrogate pair, which is no character", where) from error
    except RecursionError as error:
        raise bad_metadata("it is nested too deeply", where) from error
    except ValueError as error:
        raise bad_metadata(f"it is not JSON: {error}", where) from error
    if too_deep:
        raise bad_metadata("it is nested too deeply", where)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("@graph"), list):
        raise bad_metadata("it has no '@graph' list", where)
    if len(metadata["@graph"]) > MAX_ENTITIES:
        raise bad_metadata(f"it has more than {MAX_ENTITIES} entities", where)
    return metadata


def bad_metadata(message: str, where: Path | str) -> BadMetadata:
    """That it cannot be read, and why."""
    return BadMetadata(
        f"the metadata cannot be read: {message}", where=where, remedy="Make the crate again, or ask who made it."
    )


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; RFC 8259, section 4: of keys that repeat, some tools read the first, others the last."""
    result = dict(pairs)
    if len(result) < len(pairs):
        key = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key '{key[:100]}' is there twice in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def read_bounded(file: IO[bytes], where: Path | str) -> bytes:
    """Metadata as bytes, not more than a crate can sensibly have."""
    content = file.read(MAX_METADATA + 1)
    if len(content) > MAX_METADATA:
        raise bad_metadata(f"it is larger than {MAX_METADATA >> 20} MiB", where)
    return content
