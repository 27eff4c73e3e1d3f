"""Lengths in micrometres."""

from __future__ import annotations

import math

_MICROMETRES = {
    "pm": 1e-6, "picometer": 1e-6,
    "å": 1e-4, "angstrom": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "\\u00b5m": 1.0,
    "mm": 1e3, "millimeter": 1e3,
    "cm": 1e4, "centimeter": 1e4,
    "inch": 25400.0, "in": 25400.0,
    "m": 1e6, "meter": 1e6,
}  # fmt: skip


def micrometres(value: float, unit: str | None) -> float | None:
    """The length in micrometres; None when the unit is not stated, or is no length, or the value no size."""
    factor = _MICROMETRES.get((unit or "").strip().lower().replace("metre", "meter"))
    if factor is None or not math.isfinite(value) or value <= 0:
        return None
    # 12 digits: 0.1 nm × 1000 must not become 0.10000000000000002
    return float(f"{value * factor:.12g}")
