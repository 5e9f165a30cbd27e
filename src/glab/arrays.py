"""Array types of all modules, means of finite values, positions of one list in another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]
"""An array of any type."""

Floats = NDArray[np.floating]
"""Floating-point numbers of any width."""

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]

Indices = NDArray[np.int64]
"""Positions, and numbers of cells."""

Int16s = NDArray[np.int16]
"""Flags, labels and counts, as they are stored."""

Booleans = NDArray[np.bool_]


def finite_mean(
    values: Floats, axis: int | tuple[int, ...], dtype: DTypeLike | None = None
) -> Floats:
    """Return the mean of the finite values along an axis, NaN where there is none.

    Args:
        values: any shape and unit, NaN where missing.
        axis: the axis or axes that are averaged.
        dtype: type of the sum; None: the type of `values`.

    Returns:
        float64, without the averaged axes. No warning is given for an empty slice.
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0).sum(axis=axis, dtype=dtype)
    return np.divide(total, count, where=count > 0, out=np.full(count.shape, np.nan))


def positions(wanted: NDArray[np.integer], known: NDArray[np.integer]) -> Indices:
    """Return the position of each wanted number among the known ones, −1 where it is missing.

    Args:
        wanted: shape (n,).
        known: shape (m,), each number once, in any order; m ≥ 1.
    """
    order = np.argsort(known, kind="stable")
    nearest = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return np.where(known[nearest] == wanted, nearest, -1)


def blocks(size: int, length: int) -> list[slice]:
    """Return consecutive slices of at most `length` that cover 0 … `size`."""
    return [slice(start, min(start + length, size)) for start in range(0, size, length)]
