"""Invert L-band TB for soil moisture and vegetation optical depth, many cells at once."""

from __future__ import annotations

import inspect
import math
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple, Unpack

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from glab.arrays import Booleans, Float64s, blocks
from glab.errors import GlabError
from glab.lmeb.cost import MODEL, MODEL_FIELDS, OBSERVATION, OBSERVATION_FIELDS, VIEW
from glab.lmeb.emission import EmissionParameters, complete_parameters
from glab.lmeb.search import SOLUTION, solve_cells

Arrays = dict[str, NDArray[Any]]
Records = NDArray[np.void]

BLOCK_CELLS = 8192
"""Cells that one call of the compiled search solves: short enough for all threads to have work."""

SOURCES = ("dielectric", "surface", "emission", "cost", "search")
"""Modules of this package with compiled functions."""


class Inversion(NamedTuple):
    """Results of `invert`, each of the shape of the cells; NaN where no TB was usable."""

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
    converged: Booleans
    """Whether the search converged."""


@cache
def _kernel() -> Callable[..., None]:
    """Return `search.solve_cells`, compiled.

    numba keys its cache on disk on this file alone. The print of all sources is part of the
    kernel, so that an edit of any of them compiles it anew.
    """
    modules = (sys.modules[f"{__package__}.{name}"] for name in SOURCES)
    source_print = zlib.crc32("".join(inspect.getsource(module) for module in modules).encode())

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
    t_sky_k: ArrayLike = 0.0,
    tb_sigma_k: ArrayLike = 1.0,
    sm_prior: ArrayLike = 0.2,
    sm_sigma: ArrayLike = 0.2,
    vod_prior: ArrayLike = 0.5,
    vod_sigma: ArrayLike = 1.0,
    sm_bounds: tuple[ArrayLike, ArrayLike] = (0.0, 1.0),
    vod_bounds: tuple[ArrayLike, ArrayLike] = (0.0, 2.0),
    **parameters: Unpack[EmissionParameters],
) -> Inversion:
    """Fit soil moisture and VOD to TB at one angle or many, with Gaussian priors and bounds.

    Minimises J = Σ (TB − model)²/σ_TB² + (SM − SM_prior)²/σ_SM² + (VOD − VOD_prior)²/σ_VOD².
    `t_ground_k` does not follow SM: compute it once, at a fixed SM. The search runs on the number
    of threads of numba; cells are independent, so the result does not depend on their number.

    Args:
        tb_h: observed TB, K, shape (…cells, angle); every finite value is used.
        tb_v: the same, V.
        incidence_deg: incidence angle, degrees, broadcast with `tb_h`.
        t_sky_k: downwelling sky temperature, K; by angle if it has as many dimensions as `tb_h`,
            else of the shape of the cells.
        tb_sigma_k: standard error of TB, K, broadcast with `tb_h` (its last axis is the angle).
        sm_prior: prior mean of SM, m3 m-3; the search starts here. This and all further arguments
            have the shape of the cells (without the angle), or broadcast to it.
        sm_sigma: its standard deviation, m3 m-3; infinity for no prior.
        vod_prior: prior mean of VOD, 1.
        vod_sigma: its standard deviation; infinity for no prior.
        sm_bounds: lower and upper bound of SM, m3 m-3.
        vod_bounds: lower and upper bound of VOD, 1.
        **parameters: soil and vegetation, see `EmissionParameters`; `clay` (0…1), `t_ground_k` (K),
            `t_canopy_k` (K), `omega` (1) and `h_r` (1) are required.

    Returns:
        `Inversion`; NaN (not converged) for cells without a finite TB or with a NaN parameter.

    Raises:
        GlabError: shapes that do not broadcast, bounds out of order, and see
            `complete_parameters`.

    Valid where `brightness_temperature` is.

    Reference: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014; the priors are those of
    SMAP-IB, Li et al. 2022, doi:10.1016/j.rse.2022.112921. Equations: docs/science.md, section 4.1.
    """
    values = complete_parameters(parameters)
    values |= {"sm_prior": sm_prior, "sm_sigma": sm_sigma}
    values |= {"vod_prior": vod_prior, "vod_sigma": vod_sigma}
    values["sm_min"], values["sm_max"] = sm_bounds
    values["vod_min"], values["vod_max"] = vod_bounds
    models = {name: np.asarray(values[name]) for name in MODEL_FIELDS}
    _check_bounds(models)
    observed = {
        name: np.atleast_1d(np.asarray(value))
        for name, value in zip(OBSERVATION_FIELDS, (tb_h, tb_v, incidence_deg, tb_sigma_k))
    }
    sky = np.asarray(t_sky_k)
    by_angle = sky.ndim == max(np.ndim(tb_h), np.ndim(tb_v), 1)
    observed["t_sky_k"] = sky if by_angle else sky[..., np.newaxis]
    # Values that are the same for all cells stay single rows; only blocks are expanded.
    cells, angles = _shapes(observed, models)
    solutions = _solve(
        {name: _rows(value, cells, angles) for name, value in observed.items()},
        {name: _rows(value, cells, ()) for name, value in models.items()},
        (math.prod(cells), *angles),
        (values["dielectric"] == "mironov2013", values["model"] == "two-stream"),
    )
    return Inversion(*(solutions[name].reshape(cells) for name in Inversion._fields))


def _check_bounds(models: Arrays) -> None:
    """Raise unless each lower bound lies below its upper bound."""
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
    """Return the shape of the cells and that of the angles."""
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
    """Reshape `value` to one row per cell, or to a single row if it is the same for all cells."""
    split = max(0, value.ndim - len(tail))
    if math.prod(value.shape[:split]) == 1:
        return np.broadcast_to(value.reshape(value.shape[split:]), tail).reshape(1, *tail)
    return np.broadcast_to(value, cells + tail).reshape(math.prod(cells), *tail)


def _records(
    rows: Arrays, dtype: np.dtype[np.void], block: slice, size: tuple[int, ...]
) -> Records:
    """Pack the rows of one block of cells as records."""
    records = np.empty(size, dtype)
    for name, values in rows.items():
        records[name] = values if len(values) == 1 else values[block]
    return records


def _solve(
    observed: Arrays, models: Arrays, size: tuple[int, ...], flags: tuple[bool, bool]
) -> Records:
    """Solve all cells block by block, on the number of threads of numba."""
    cells, angles = size
    solutions = np.zeros(cells, SOLUTION)
    # The kernel skips cells without usable values, so these stay NaN and not converged.
    for name in Inversion._fields[:-2]:
        solutions[name] = np.nan

    def solve(block: slice) -> None:
        count = block.stop - block.start
        parameters = _records(models, MODEL, block, (count,))
        views = _records(observed, OBSERVATION, block, (count, angles))
        _kernel()(parameters, views, flags, np.empty(angles, VIEW), solutions[block])

    parts = blocks(cells, BLOCK_CELLS)
    if len(parts) < 2:  # a pool of threads costs more than one block
        for block in parts:
            solve(block)
        return solutions
    # The kernel releases the interpreter lock; blocks write to separate parts of `solutions`.
    threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, parts))
    return solutions
