"""Inversion of L-band TB to soil moisture and vegetation optical depth, many cells at once."""

from __future__ import annotations

import inspect
import math
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from glab.arrays import Float64s
from glab.errors import GlabError
from glab.lmeb import cost, dielectric, emission, search, surface
from glab.lmeb.cost import MODEL, MODEL_FIELDS, OBSERVATION, OBSERVATION_FIELDS, VIEW
from glab.lmeb.search import SOLUTION

Arrays = dict[str, NDArray[Any]]
Records = NDArray[np.void]
BLOCK_CELLS = 8192


class Inversion(NamedTuple):
    """What `invert` returns, each of the shape of the cells; NaN where nothing was usable."""

    sm: Float64s
    """Soil moisture, m3 m-3."""
    vod: Float64s
    """Vegetation optical depth at nadir, 1."""
    sm_error: Float64s
    """Posterior standard deviation of `sm`, m3 m-3."""
    vod_error: Float64s
    """Posterior standard deviation of `vod`, 1."""
    tb_rmse_k: Float64s
    """Root mean square of observed minus modelled TB over the values used, K."""
    cost: Float64s
    """The cost at the minimum, 1."""
    iterations: NDArray[np.int32]
    """Steps of the search, over all its starts."""
    converged: NDArray[np.bool_]
    """Whether the search arrived."""


@cache
def _kernel() -> Callable[..., None]:
    """`search.solve_cells`, compiled; the cache on disk is keyed on every source it is made of."""
    modules = (dielectric, surface, emission, cost, search)
    source_print = zlib.crc32("".join(inspect.getsource(module) for module in modules).encode())
    solve_cells = search.solve_cells

    @numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
    def kernel(
        models: Records, observed: Records, flags: tuple[bool, bool], views: Records, out: Records
    ) -> None:
        source_print  # noqa: B018
        solve_cells(models, observed, flags, views, out)

    return kernel


def invert(
    tb_h: ArrayLike,
    tb_v: ArrayLike,
    *,
    incidence_deg: ArrayLike,
    clay: ArrayLike,
    t_ground_k: ArrayLike,
    t_canopy_k: ArrayLike,
    omega: ArrayLike,
    h_r: ArrayLike,
    q_r: ArrayLike = 0.0,
    n_rh: ArrayLike = -1.0,
    n_rv: ArrayLike = -1.0,
    tt_h: ArrayLike = 1.0,
    tt_v: ArrayLike = 1.0,
    t_sky_k: ArrayLike = 0.0,
    dielectric: str = "mironov2013",
    model: str = "tau-omega",
    sm_prior: ArrayLike = 0.2,
    sm_sigma: ArrayLike = 0.2,
    vod_prior: ArrayLike = 0.5,
    vod_sigma: ArrayLike = 1.0,
    tb_sigma_k: ArrayLike = 1.0,
    sm_bounds: tuple[ArrayLike, ArrayLike] = (0.0, 1.0),
    vod_bounds: tuple[ArrayLike, ArrayLike] = (0.0, 2.0),
) -> Inversion:
    """Soil moisture and VOD that fit TB at one angle or many, with Gaussian priors and bounds.

    Minimises J = Σ (TB − model)²/σ_TB² + (SM − SM_prior)²/σ_SM² + (VOD − VOD_prior)²/σ_VOD².
    `t_ground_k` does not follow SM: take it at the prior. The search runs on as many threads as
    numba is given; cells are independent, so the result does not depend on their number.

    Args:
        tb_h: observed TB, K, shape (…cells, angle); every finite value is used.
        tb_v: the same, V.
        incidence_deg: incidence angle, degrees, broadcast with `tb_h`.
        clay: clay fraction; this and all further arguments have the shape of the cells (without
            the angle), or broadcast to it. See `brightness_temperature`.
        t_ground_k: effective temperature of the soil, K.
        t_canopy_k: effective temperature of the canopy, K.
        omega: single-scattering albedo, 0 ≤ ω < 1.
        h_r: roughness H_R.
        q_r: polarisation mixing Q; n_rh, n_rv: angular exponents N_H and N_V.
        tt_h: angular shape of the optical depth for H; tt_v: for V.
        t_sky_k: downwelling sky temperature, K; with as many dimensions as `tb_h`, by angle.
        dielectric: "mironov2013" or "mironov2009".
        model: "tau-omega" or "two-stream".
        sm_prior: prior mean of SM, m3 m-3; the search starts here.
        sm_sigma: its standard deviation; infinity for none.
        vod_prior: prior mean of VOD, 1.
        vod_sigma: its standard deviation; infinity for none.
        tb_sigma_k: standard error of TB, K, broadcast with `tb_h` (its last axis is the angle).
        sm_bounds: bounds of SM, m3 m-3.
        vod_bounds: bounds of VOD, 1.

    Returns:
        `Inversion`; NaN (not converged) for cells without a finite TB or with a NaN parameter.

    Raises:
        GlabError: shapes that do not broadcast, bounds out of order, an unknown model name.

    Reference: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014; the priors are those of
    SMAP-IB, Li et al. 2022, doi:10.1016/j.rse.2022.112921.
    """
    given = locals()
    emission.check_names(dielectric, model)
    observed, models = _observed(given), _models(given)
    _check_bounds(models)
    cells, angles = _shapes(observed, models)
    solutions = _solve(
        {name: _rows(value, cells, angles) for name, value in observed.items()},
        {name: _rows(value, cells, ()) for name, value in models.items()},
        (math.prod(cells), *angles),
        (dielectric == "mironov2013", model == "two-stream"),
    )
    return Inversion(*(solutions[name].reshape(cells) for name in Inversion._fields))


def _observed(given: dict[str, Any]) -> Arrays:
    """The arguments whose last axis is the angle."""
    dimensions = max(np.ndim(given["tb_h"]), np.ndim(given["tb_v"]), 1)
    observed = {name: np.atleast_1d(np.asarray(given[name])) for name in OBSERVATION_FIELDS}
    if np.ndim(given["t_sky_k"]) != dimensions:
        observed["t_sky_k"] = np.asarray(given["t_sky_k"])[..., np.newaxis]
    return observed


def _models(given: dict[str, Any]) -> Arrays:
    """The arguments of the shape of the cells."""
    bounds = {}
    for name in ("sm", "vod"):
        bounds[f"{name}_min"], bounds[f"{name}_max"] = given[f"{name}_bounds"]
    return {name: np.asarray((given | bounds)[name]) for name in MODEL_FIELDS}


def _check_bounds(models: Arrays) -> None:
    for name in ("sm", "vod"):
        low, high = models[f"{name}_min"], models[f"{name}_max"]
        if np.any(low > high):
            raise GlabError(
                "a lower bound lies above its upper bound",
                variable=f"{name}_bounds",
                found=f"({low}, {high})",
                expected="(lower, upper)",
            )


def _shapes(observed: Arrays, models: Arrays) -> tuple[tuple[int, ...], tuple[int]]:
    """Shape of the cells, and of the angles."""
    try:
        *lead, angles = np.broadcast_shapes(*(value.shape for value in observed.values()))
        cells = np.broadcast_shapes(tuple(lead), *(value.shape for value in models.values()))
    except ValueError as error:
        shapes = {name: value.shape for name, value in {**observed, **models}.items()}
        raise GlabError(
            "the arguments of the inversion do not broadcast",
            found=", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape),
            expected="TB, incidence and σ: (…cells, angle); all others: (…cells)",
            remedy="give per-cell values of TB's kind a last axis of length 1",
        ) from error
    return cells, (angles,)


def _rows(value: NDArray[Any], cells: tuple[int, ...], tail: tuple[int, ...]) -> NDArray[Any]:
    """`value` as one row per cell, or as a single row where all cells share it."""
    split = max(0, value.ndim - len(tail))
    if math.prod(value.shape[:split]) == 1:
        return np.broadcast_to(value.reshape(value.shape[split:]), tail).reshape(1, *tail)
    return np.broadcast_to(value, cells + tail).reshape(math.prod(cells), *tail)


def _records(rows: Arrays, dtype: np.dtype[np.void], part: slice, size: tuple[int, ...]) -> Records:
    """The rows of one block of cells as records."""
    records = np.empty(size, dtype)
    for name, values in rows.items():
        records[name] = values if len(values) == 1 else values[part]
    return records


def _solve(
    observed: Arrays, models: Arrays, size: tuple[int, ...], flags: tuple[bool, bool]
) -> Records:
    """Solve all cells, block by block, on numba's number of threads."""
    cells, angles = size
    solutions = np.zeros(cells, SOLUTION)
    for name in Inversion._fields[:-2]:
        solutions[name] = np.nan

    def solve(start: int) -> None:
        part = slice(start, min(start + BLOCK_CELLS, cells))
        count = part.stop - start
        block = _records(models, MODEL, part, (count,))
        views = _records(observed, OBSERVATION, part, (count, angles))
        _kernel()(block, views, flags, np.empty(angles, VIEW), solutions[part])

    starts = range(0, cells, BLOCK_CELLS)
    if len(starts) < 2:
        for start in starts:
            solve(start)
        return solutions
    threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, starts))
    return solutions
