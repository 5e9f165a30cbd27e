"""Apply regridding weights to fields with gaps, in compiled loops.

The kernels run over a stack of fields, each field by one thread, so that results do not depend on
the number of threads. A field's numerator (weights × values) and denominator (weights of the valid
values) are two thin banded products: first along latitude, where whole source rows are added, then
along longitude. Both loops are long vector loops where grids are of similar resolution, because
target column i then takes its values from source column i + shift over long *runs* of columns.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from glab.arrays import Float32s, Indices

# Of fastmath only what cannot change the treatment of NaN: fused multiply-add and signed zeros.
OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@numba.njit(**OPTIONS)
def typical(field: Float32s) -> np.float32:
    """Return the mean of some hundred valid values of a field; 0 where none of them is valid.

    The other kernels sum differences from it, so that the rounding error is that of the
    differences. A few hundred values are enough for that, at no cost.
    """
    total, count = 0.0, 0
    for j in range(0, field.shape[0], 1 + field.shape[0] // 16):
        for i in range(0, field.shape[1], 1 + field.shape[1] // 16):
            value = field[j, i]
            if value == value:
                total += value
                count += 1
    return np.float32(total / max(count, 1))


@numba.njit(**OPTIONS)
def add_rows(
    field: Float32s,
    origin: np.float32,
    first: int,
    count: int,
    weights: Float32s,
    top: Float32s,
    bottom: Float32s,
) -> None:
    """Sum the source rows of one target row by weight, continued around the globe.

    Args:
        field: source rows × columns, NaN where missing.
        origin: subtracted from every value.
        first: first source row.
        count: number of source rows.
        weights: weight of each.
        top: sum of weight × (value − origin) at each source column, overwritten.
        bottom: sum of the weights of valid values, overwritten.
    """
    cols = field.shape[1]
    top[:] = 0
    bottom[:] = 0
    for k in range(count):
        weight = weights[k]
        row = field[first + k]
        for i in range(cols):
            value = row[i]
            valid = value == value
            top[i] += weight * (value - origin) if valid else np.float32(0)
            bottom[i] += weight if valid else np.float32(0)
    for i in range(top.size - cols):
        top[cols + i] = top[i]
        bottom[cols + i] = bottom[i]


@numba.njit(**OPTIONS)
def _sum_runs(
    top: Float32s,
    bottom: Float32s,
    runs: Indices,
    weight: Float32s,
    above: Float32s,
    below: Float32s,
) -> None:
    """Sum along longitude, run by run (first target column, end, first source column)."""
    above[:] = 0
    below[:] = 0
    for r in range(runs.shape[0]):
        first, end, source = runs[r]
        a, b = above[first:end], below[first:end]
        for k in range(weight.shape[0]):
            w = weight[k, first:end]
            t = top[source + k : source + k + end - first]
            u = bottom[source + k : source + k + end - first]
            for i in range(w.size):
                a[i] += w[i] * t[i]
                b[i] += w[i] * u[i]


@numba.njit(**OPTIONS)
def _sum_columns(
    top: Float32s,
    bottom: Float32s,
    cols: Indices,
    start: Indices,
    weight: Float32s,
    above: Float32s,
    below: Float32s,
) -> None:
    """Sum along longitude for some target columns, one after the other."""
    for c in range(cols.size):
        i = cols[c]
        t = top[start[i] : start[i] + weight.shape[0]]
        u = bottom[start[i] : start[i] + weight.shape[0]]
        a, b = np.float32(0), np.float32(0)
        for k in range(weight.shape[0]):
            a += weight[k, i] * t[k]
            b += weight[k, i] * u[k]
        above[c] = a
        below[c] = b


@numba.njit(**OPTIONS)
def _divide(
    above: Float32s, below: Float32s, origin: np.float32, least: Float32s, out: Float32s
) -> None:
    """Write origin + quotient where the denominator reaches `least`, NaN elsewhere."""
    if least.size == 1:
        limit = least[0]
        for i in range(out.size):
            out[i] = origin + above[i] / below[i] if below[i] >= limit else np.float32(np.nan)
    else:
        for i in range(out.size):
            out[i] = origin + above[i] / below[i] if below[i] >= least[i] else np.float32(np.nan)


@numba.njit(parallel=True, **OPTIONS)
def apply_to_grid(
    fields: Float32s,
    y_start: Indices,
    y_count: Indices,
    y_weight: Float32s,
    x_start: Indices,
    x_runs: Indices,
    x_weight: Float32s,
    least: Float32s,
    out: Float32s,
) -> None:
    """Regrid a stack of fields to a whole grid.

    Args:
        fields: shape (n, rows, cols), NaN where missing.
        y_start, y_count, y_weight: band along latitude; weights (target rows, width).
        x_start, x_runs, x_weight: band along longitude, in runs if `x_runs` has any; weights
            (width, target cols).
        least: least fraction of a target cell that valid values must cover, (1, 1) or
            (target rows, target cols).
        out: shape (n, target rows, target cols), overwritten.
    """
    every = np.arange(out.shape[2])
    for n in numba.prange(fields.shape[0]):
        top = np.empty(fields.shape[2] + x_weight.shape[0], np.float32)
        bottom = np.empty_like(top)
        origin = typical(fields[n])
        above, below = np.empty(every.size, np.float32), np.empty(every.size, np.float32)
        for j in range(y_start.size):
            add_rows(fields[n], origin, y_start[j], y_count[j], y_weight[j], top, bottom)
            if x_runs.shape[0]:
                _sum_runs(top, bottom, x_runs, x_weight, above, below)
            else:
                _sum_columns(top, bottom, every, x_start, x_weight, above, below)
            _divide(above, below, origin, least[j % least.shape[0]], out[n, j])


@numba.njit(parallel=True, **OPTIONS)
def apply_to_cells(
    fields: Float32s,
    y_start: Indices,
    y_count: Indices,
    y_weight: Float32s,
    x_start: Indices,
    x_weight: Float32s,
    row_end: Indices,
    cols: Indices,
    number: Indices,
    least: Float32s,
    out: Float32s,
) -> None:
    """Regrid a stack of fields to some cells of a grid; rows without cells cost nothing.

    Args:
        fields, y_start, y_count, y_weight, x_start, x_weight: as in `apply_to_grid`.
        row_end: for each target row, the end of its cells in `cols` and `number`.
        cols: target column of the cells, row after row.
        number: their position in the last dimension of `out`.
        least: least fraction of a cell that valid values must cover, (1,) or in the order of
            `cols`.
        out: shape (n, cells), overwritten.
    """
    for n in numba.prange(fields.shape[0]):
        top = np.empty(fields.shape[2] + x_weight.shape[0], np.float32)
        bottom = np.empty_like(top)
        origin = typical(fields[n])
        above, below = np.empty(cols.size, np.float32), np.empty(cols.size, np.float32)
        values = np.empty(cols.size, np.float32)
        first = 0
        for j in range(y_start.size):
            end = row_end[j]
            if end > first:
                add_rows(fields[n], origin, y_start[j], y_count[j], y_weight[j], top, bottom)
                a, b = above[first:end], below[first:end]
                _sum_columns(top, bottom, cols[first:end], x_start, x_weight, a, b)
            first = end
        _divide(above, below, origin, least, values)
        for c in range(cols.size):
            out[n, number[c]] = values[c]


@numba.njit(parallel=True, **OPTIONS)
def apply_sparse(
    fields: Float32s, end: Indices, index: Indices, weight: Float32s, least: float, out: Float32s
) -> None:
    """Apply a sparse matrix that is no product of bands (projected or curvilinear sources).

    Args:
        fields: shape (n, source cells), NaN where missing.
        end: for each target cell, the end of its entries in `index` and `weight`.
        index: source cell of each entry.
        weight: weight of each entry.
        least: least sum of the weights of valid values.
        out: shape (n, target cells), overwritten.
    """
    for n in numba.prange(fields.shape[0]):
        first = 0
        for c in range(end.size):
            above, below = np.float32(0), np.float32(0)
            for k in range(first, end[c]):
                value = fields[n, index[k]]
                if value == value:
                    above += weight[k] * value
                    below += weight[k]
            out[n, c] = above / below if below >= least else np.float32(np.nan)
            first = end[c]
