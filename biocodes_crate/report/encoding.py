"""Pictures as data URIs, all of a page within a budget of bytes."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from enum import Enum

from PIL import Image

from biocodes_crate.report.rendering import fitted
from biocodes_crate.report.view import Rgb

BUDGET = 6_400_000  # bytes of all pictures; base64 adds a third
SMALLEST = 64  # pixels, to which no picture is reduced for its bytes
_QUALITY = 82


class Role(Enum):
    """What a picture is for: its longest side in pixels, and the most bytes that it may take."""

    PAGE = (1400, 400_000)
    PANEL = (480, 50_000)
    PLANE = (420, 40_000)
    THUMBNAIL = (320, 24_000)

    @property
    def longest(self) -> int:
        return self.value[0]

    @property
    def most_bytes(self) -> int:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture. `width` and `height` are those of the encoded pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encodes pictures; where all of them together would be too large, each gets its share of the budget."""

    share: float = 1.0  # of the most bytes of each role

    @classmethod
    def of(cls, roles: dict[Role, int], budget: int = BUDGET) -> Encoder:
        """For so many pictures of each role."""
        wanted = sum(role.most_bytes * count for role, count in roles.items())
        return cls(min(1.0, budget / wanted) if wanted else 1.0)

    def encode(self, pixels: Rgb, role: Role) -> Picture:
        """WebP, reduced until it is within its share."""
        allowed = role.most_bytes * self.share
        # A first guess that most micrographs do not exceed: bytes grow with the area, and noise takes the most.
        longest = max(SMALLEST, role.longest * min(1.0, 1.35 * math.sqrt(self.share)))
        picture, content = _encode(pixels, round(longest))
        while len(content) > allowed and longest > SMALLEST:
            longest = max(SMALLEST, min(longest, max(picture.shape[:2])) * min(0.92, math.sqrt(allowed / len(content))))
            picture, content = _encode(pixels, round(longest))
        height, width = picture.shape[:2]
        return Picture(f"data:image/webp;base64,{base64.b64encode(content).decode()}", width, height)


def _encode(pixels: Rgb, longest: int) -> tuple[Rgb, bytes]:
    picture = fitted(pixels, longest)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=_QUALITY, method=2)
    return picture, buffer.getvalue()
