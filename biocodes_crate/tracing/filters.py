"""The few filters that tracing needs, with plain types around OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def blur(field: NDArray[Any], sigma: float) -> Field:
    """Gaussian mean of (Y, X[, C]), standard deviation in pixels."""
    return np.asarray(cv2.GaussianBlur(field.astype(np.float32, copy=False), (0, 0), sigma), np.float32)


def shrink(field: NDArray[Any], width: int, height: int) -> Field:
    """(Y, X[, C]) made smaller by the mean of what each new pixel covers."""
    source = np.ascontiguousarray(field, np.float32)
    return np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA), np.float32)
