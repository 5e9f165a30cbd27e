"""Our separable regridding against a sparse Kronecker matrix, and against xESMF where installed.

Run: ``NUMBA_NUM_THREADS=2 python benchmarks/regrid.py [fields] [repeats]``. Prints a line for each
source grid: fields a second onto the whole 25 km grid and onto its land-like share of cells, wall
and per second of processor time (what counts on a machine with other work), of the matrix (top and
bottom of the mean, as gaps need), of xESMF with `skipna`; the largest difference from the matrix;
the rate a copy of the same bytes would have; time and size of the weights. 60 % of the values
are missing. Last: how well the mean of a full field is kept.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numba import config
from scipy import sparse

from glab.grids import EASE1_ML, M09, M25, regular
from glab.regrid.regridder import regridder
from glab.regrid.weights import Cells, separable_weights

SOURCES = {"0.25°": regular(0.25), "EASE-1": EASE1_ML, "M09": M09}
GAPS = 0.6
LAND_SHARE = 0.27


def fastest(call, repeats):
    """Least wall and least processor seconds of some runs."""
    wall, cpu = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return min(wall), min(cpu)


def kronecker(weights):
    """The whole weight matrix, target cells × source cells."""
    rows, cols = (
        sparse.csr_array(band.dense().astype(np.float32)) for band in (weights.y, weights.x)
    )
    return sparse.csr_array(sparse.kron(rows, cols, format="csr"))


def by_matrix(matrix, fields):
    """Gap-aware mean with a sparse matrix."""
    flat = fields.reshape(len(fields), -1).T
    valid = np.isfinite(flat)
    top = matrix @ np.where(valid, flat, np.float32(0))
    bottom = matrix @ valid.astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom >= 0.5 - 1e-5, top / bottom, np.nan).T.reshape(-1, *M25.shape)


def by_xesmf(source, fields, repeats):
    """Fields a second of xESMF, and seconds for its weights; None where it is not installed."""
    try:
        import xesmf
    except ImportError:
        return None
    grids = [
        {"lat": g.lat, "lon": g.lon, "lat_b": edges(g.lat_bounds), "lon_b": edges(g.lon_bounds)}
        for g in (source, M25)
    ]
    start = time.perf_counter()
    made = xesmf.Regridder(*grids, "conservative")
    weights_s = time.perf_counter() - start
    wall, _ = fastest(lambda: made(fields, skipna=True, na_thres=0.5), repeats)
    return len(fields) / wall, weights_s


def edges(bounds):
    low_first = bounds if bounds[0, 0] < bounds[-1, 0] else bounds[:, ::-1]
    return np.append(low_first[:, 0], low_first[-1, 1])


def kept(source):
    """How far the area mean of a full field moves, in K."""
    field = (270 + 20 * np.random.default_rng(2).standard_normal(source.shape)).astype("f4")
    there, back = separable_weights(source, M25), separable_weights(M25, source)
    share = [np.outer(w.y.dense().sum(1), w.x.dense().sum(1)) for w in (there, back)]
    result = regridder(source, M25, valid_fraction_min=0.0)(field).astype(float)
    weight, seen = share[0] * M25.areas(), share[1] * source.areas()
    before = (field.astype(float) * seen).sum() / seen.sum()
    return float(np.nansum(result * weight) / weight.sum() - before)


def measure(name, source, fields, repeats):
    rng = np.random.default_rng(0)
    stack = rng.normal(270, 20, (fields, *source.shape)).astype(np.float32)
    stack[rng.random(stack.shape, np.float32) < GAPS] = np.nan
    land = np.sort(rng.permutation(M25.shape[0] * M25.shape[1])[: int(LAND_SHARE * 810_592)])
    start = time.perf_counter()
    weights = separable_weights(source, M25)
    weights_s = time.perf_counter() - start
    grid = regridder(source, M25)
    cells = regridder(source, M25, cells=Cells(*np.divmod(land, M25.shape[1])))
    ours, on_land = grid(stack), cells(stack)  # compiles
    wall, cpu = fastest(lambda: grid(stack), repeats)
    wall_land, _ = fastest(lambda: cells(stack), repeats)
    matrix, some = kronecker(weights), stack[: max(fields // 8, 1)]
    theirs = by_matrix(matrix, some)
    wall_matrix, _ = fastest(lambda: by_matrix(matrix, some), min(repeats, 3))
    target = np.empty_like(ours)
    copy, _ = fastest(lambda: (stack.copy(), target.fill(0)), repeats)
    size_kb = sum(b.weight.nbytes + b.start.nbytes + b.count.nbytes for b in (weights.y, weights.x))
    difference = np.nanmax(np.abs(theirs - ours[: len(some)]))
    assert np.array_equal(on_land, ours.reshape(fields, -1)[:, land], equal_nan=True)
    xesmf = by_xesmf(source, some, min(repeats, 3))
    print(
        f"{name:7} grid {fields / wall:6.0f}/s ({fields / cpu:5.0f} per cpu s)  "
        f"land {fields / wall_land:6.0f}/s  matrix {len(some) / wall_matrix:5.0f}/s  "
        f"xesmf {f'{xesmf[0]:.0f}/s (weights {xesmf[1]:.0f} s)' if xesmf else 'not installed'}  "
        f"copy {fields / copy:6.0f}/s  differs {difference:.1e} K  "
        f"weights {weights_s * 1e3:.1f} ms {size_kb / 1e3:.0f} kB  mean kept {kept(source):+.1e} K"
    )


if __name__ == "__main__":
    fields = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    print(f"{config.NUMBA_NUM_THREADS} threads, {fields} fields, {GAPS:.0%} gaps")
    for name, source in SOURCES.items():
        measure(name, source, fields, repeats)
