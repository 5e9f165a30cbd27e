"""Array types of the whole package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""An array of any type."""

Floats = NDArray[np.floating]
"""Floating-point numbers of any width."""

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]

Indices = NDArray[np.int64]
"""Positions, and numbers of cells."""

Int16s = NDArray[np.int16]
"""Flags and counts, as they are stored."""

Booleans = NDArray[np.bool_]
