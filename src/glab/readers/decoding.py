"""Raw numbers of a file to float32 values: fills masked first, then scale and offset."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Array, Float32s

LIBRARY_FILL = {4: 9.969209968386869e36, 8: 9.969209968386869e36}
"""What the netCDF library leaves in floats never written, by item size."""


class Packing(NamedTuple):
    """value = raw · scale + offset, where raw is none of `fills` and lies within `valid`."""

    scale: float = 1.0
    offset: float = 0.0
    fills: tuple[float, ...] = ()
    valid: tuple[float, float] | None = None


def decode(raw: Array, packing: Packing) -> Float32s:
    """Values as float32, NaN where missing.

    Args:
        raw: numbers as stored, any shape and byte order.
        packing: how they are packed; `fills` and `valid` are in raw units.

    Returns:
        float32 of the same shape. NaN of float inputs stays NaN; a fill that `raw`'s type cannot
        hold is passed over.
    """
    values = raw.astype(np.float32)
    missing = missing_in(raw, packing)
    if packing.scale != 1.0:
        values *= np.float32(packing.scale)
    if packing.offset != 0.0:
        values += np.float32(packing.offset)
    if missing is not None:
        values[missing] = np.nan
    return values


def missing_in(raw: Array, packing: Packing) -> NDArray[np.bool_] | None:
    """Where `raw` holds a fill or leaves the valid range; None where nothing can be missing."""
    tests = [raw == fill for fill in _representable(packing.fills, raw.dtype)]
    if packing.valid is not None:
        low, high = packing.valid
        tests.append(raw < low)
        tests.append(raw > high)
    if not tests:
        return None
    missing = tests[0]
    for test in tests[1:]:
        missing |= test
    return np.asarray(missing)


def _representable(fills: Iterable[float], dtype: np.dtype[Any]) -> Iterable[Any]:
    """The fills that a raw number can equal, each once, in the type of the raw numbers."""
    if dtype.kind == "f":
        library = LIBRARY_FILL.get(dtype.itemsize)
        wanted = {*fills} if library is None else {*fills, library}
        return [dtype.type(fill) for fill in wanted if not np.isnan(fill)]
    if dtype.kind not in "iu":
        return []
    limits = np.iinfo(dtype)
    return [
        dtype.type(int(fill))
        for fill in set(fills)
        if np.isfinite(fill) and limits.min <= fill <= limits.max
    ]


def scalar(value: Any) -> float:
    """The one number of an attribute, which libraries hand over as number, array or text."""
    return float(np.ravel(value)[0])
