"""Mask frozen ground and open water.

A value is used only where the ground is known to be thawed and free of snow, and where the cell is
known to be land. What is unknown is masked and counted (docs/science.md, section 2.3, point 1).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr

from glab.config import Mask
from glab.errors import GlabError
from glab.grids.cells import check_cells


@dataclass
class UnknownGround:
    """Count values whose ground state is unknown, for one line of log per step.

    Attributes:
        unknown: number of cells and days of unknown state.
        total: number of all cells and days.
    """

    unknown: int = 0
    total: int = 0

    def log(self) -> None:
        """Print the counts to stderr, unless every state is known."""
        if self.unknown:
            message = f"frozen state unknown for {self.unknown} of {self.total} values: masked"
            print(message, file=sys.stderr)


def select_days(surface: xr.Dataset, dataset: xr.Dataset) -> xr.Dataset:
    """Return a surface on the days of a dataset, which has the same cells.

    Args:
        surface: (time, cell), lazy or in memory, consecutive days.
        dataset: (time, cell, …), consecutive days.

    Raises:
        GlabError: for other cells, or days that the surface file lacks.
    """
    check_cells(dataset, surface)
    wanted, days = dataset["time"].values, surface["time"].values
    start = int(np.searchsorted(days, wanted[0])) if wanted.size else 0
    rows = slice(start, start + wanted.size)
    if not np.array_equal(days[rows], wanted):
        raise GlabError(
            "the surface file lacks days of the source",
            path=surface.encoding.get("source"),
            variable="time",
            found=f"{days[:1]} … {days[-1:]}",
            expected=f"{wanted[0]} … {wanted[-1]}",
        )
    return surface.isel(time=rows)


def mask_frozen_ground(
    surface: xr.Dataset, limits: Mask, counts: UnknownGround | None = None
) -> xr.DataArray:
    """Return True where the ground is frozen, under snow, or in an unknown state.

    A state is known where every variable that the surface has, of temperature and snow, has a
    value. One of them that shows frost or snow is enough for frozen ground.

    Args:
        surface: `t_surface`, K, and `snow`, kg m-2, or one of them, any shape; NaN where unknown.
        limits: frozen is colder than `t_surface_min_k`, or has more snow than `snow_max_kg_m2`.
        counts: unknown states are added to it.

    Raises:
        GlabError: where the surface has neither variable.
    """
    names = [name for name in ("t_surface", "snow") if name in surface]
    if not names:
        raise GlabError(
            "the surface file has no variable of frozen ground",
            path=surface.encoding.get("source"),
            found=list(surface.data_vars),
            expected="t_surface or snow",
        )
    layers = surface[names].load()  # once, because files are not cached
    frozen = xr.zeros_like(layers[names[0]], bool)
    known = ~frozen
    if "t_surface" in layers:
        frozen |= layers["t_surface"] < limits.t_surface_min_k
    if "snow" in layers:
        frozen |= layers["snow"] > limits.snow_max_kg_m2
    for name in names:
        known &= layers[name].notnull()
    if counts is not None:
        counts.unknown += int((~known & ~frozen).sum())
        counts.total += frozen.size
    return frozen | ~known


def mask_open_water(domain: xr.Dataset, limits: Mask) -> xr.DataArray:
    """Return True where open water covers too much of a cell, or an unknown fraction, (cell).

    Args:
        domain: `water_fraction`, 0…1 (cell), NaN where unknown. Without it no cell is masked, and
            a line of log says so.
        limits: masked is a fraction above `water_fraction_max`.
    """
    if "water_fraction" not in domain:
        _print_once("the domain has no water_fraction: open water is not masked")
        return xr.zeros_like(domain["cell"], bool).reset_coords(drop=True)
    # Not ">", so that NaN is masked too.
    return ~(domain["water_fraction"] <= limits.water_fraction_max)


@cache
def _print_once(message: str) -> None:
    """Print a message to stderr, the first time only."""
    print(message, file=sys.stderr)
