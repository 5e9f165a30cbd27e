"""Select the series of a source: variables at one overpass and angle, masked and derived.

All stages that need values of a source take them from here, so that all use the same days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.calendar import Days, days_within, time_blocks
from glab.climatology.derive import derive_variable, find_derivation
from glab.config import Mask, Period, Series
from glab.errors import GlabError, unknown_name
from glab.grids.cells import check_cells
from glab.mask import UnknownGround, mask_frozen_ground, mask_open_water, select_days
from glab.regrid.rules import passes_rule

DIMENSIONS = ("time", "cell", "channel")
"""Dimensions of a variable before derivation; a derived one can have `frequency` instead."""

SELECTABLE = ("overpass", "angle", "channel")

ANGLE_TOLERANCE_DEG = 0.01
"""Angles are stored as float32, and settings name them with one or two decimals."""


def series(
    dataset: xr.Dataset,
    surface: xr.Dataset | None,
    domain: xr.Dataset,
    spec: Series,
    mask: Mask,
    counts: UnknownGround | None = None,
) -> xr.Dataset:
    """Return variables of a source-year, or of some of its days, masked and derived.

    Args:
        dataset: (time, cell[, overpass][, angle][, channel]), can be lazy: only the selected
            positions are read.
        surface: `t_surface` in K and `snow` in kg m-2, (time, cell), for at least the days of
            `dataset`; None only where `mask.frozen_source` is None.
        domain: `water_fraction` (cell), where it is known.
        spec: variables, derived variables, overpass, angle or channel, rules of quality.
        mask: thresholds; a value is dropped where the ground is colder or snowier, or where
            open water takes a larger share, than they allow.
        counts: values of unknown ground are added to it.

    Returns:
        The variables, (time, cell[, channel or frequency]), in memory; NaN where missing or
        masked. Ground and water of unknown state are masked, see `glab.mask`.

    Raises:
        GlabError: for an unknown variable, position or derivation, and for files of different
            domains.
    """
    check_cells(domain, dataset)
    dropped = mask_open_water(domain, mask)
    if surface is not None and mask.frozen_source is not None:
        dropped = dropped | mask_frozen_ground(select_days(surface, dataset), mask, counts)
    kept = {name: array.where(~dropped) for name, array in _variables(dataset, spec).items()}
    return xr.Dataset(kept).transpose("time", "cell", ...)


def series_blocks(
    dataset: xr.Dataset,
    surfaces: Sequence[xr.Dataset],
    domain: xr.Dataset,
    spec: Series,
    mask: Mask,
) -> Iterator[xr.Dataset]:
    """Yield `series` of a source-year month by month, so that a global year fits into memory.

    Args:
        dataset: a source-year, lazy.
        surfaces: year files of the frozen source; the one with the days of `dataset` is used.
        domain, spec, mask: as for `series`.
    """
    if not dataset.sizes["time"]:
        return
    surface, counts = surface_of(dataset, surfaces, mask), UnknownGround()
    for block in time_blocks(dataset["time"].values):
        yield series(dataset.isel(time=block), surface, domain, spec, mask, counts)
    counts.log()


def within_period(dataset: xr.Dataset, period: Period) -> xr.Dataset:
    """Return the days of a source-year that lie in a period."""
    days = dataset["time"].values.astype("datetime64[D]")
    inside = np.flatnonzero(days_within(days, period.start, period.end))
    return dataset.isel(time=slice(inside[0], inside[-1] + 1) if inside.size else slice(0))


def concatenate_blocks(blocks: Iterable[xr.Dataset], days: Days) -> xr.Dataset:
    """Join consecutive blocks of a series; each is freed once it is copied.

    Args:
        blocks: from `series`, in the order of time, at least one.
        days: all their days.
    """
    # Allocated once and filled: a concatenation would need the memory twice.
    whole: dict[str, tuple[tuple[str, ...], NDArray[np.float32]]] = {}
    coords: dict[str, xr.DataArray] = {}
    start = 0
    for block in blocks:
        stop = start + block.sizes["time"]
        for key, values in block.data_vars.items():
            name, shape = str(key), (len(days), *values.shape[1:])
            if name not in whole:
                whole[name] = tuple(map(str, values.dims)), np.empty(shape, np.float32)
            whole[name][1][start:stop] = values.values
        coords = {str(name): block[name] for name in block.coords if name in block.dims}
        start = stop
    return xr.Dataset(whole, coords | {"time": days.astype("datetime64[ns]")})


def surface_of(
    dataset: xr.Dataset, surfaces: Sequence[xr.Dataset], mask: Mask
) -> xr.Dataset | None:
    """Return the surface year-file with the days of a source year; None if none is needed.

    Raises:
        GlabError: when frozen ground is masked and no file has those days.
    """
    if mask.frozen_source is None:
        return None
    days = dataset["time"].values
    for surface in surfaces:
        if np.isin(days, surface["time"].values).all():
            return surface
    raise GlabError(
        "no surface file for the days of a source: frozen ground cannot be masked",
        path=dataset.encoding.get("source"),
        variable="mask.frozen_source",
        expected=f"{mask.frozen_source} from {days[:1]} to {days[-1:]}",
        remedy="give the surface file of that year, or set mask.frozen_source to null",
    )


def _variables(dataset: xr.Dataset, spec: Series) -> dict[str, xr.DataArray]:
    """Return the variables of a series, then those derived from variables of the same source."""
    inputs = [name for how in spec.derive.values() for name in find_derivation(how).inputs]
    wanted = dict.fromkeys([*spec.variables, *inputs])
    values = {name: _trusted(dataset, name, spec) for name in wanted}
    derived = {name: derive_variable(name, how, values) for name, how in spec.derive.items()}
    return {name: values[name] for name in spec.variables} | derived


def _selected(dataset: xr.Dataset, name: str, spec: Series) -> xr.DataArray:
    """Return one variable at the positions of `spec.select`, (time, cell[, channel])."""
    if name not in dataset:
        raise unknown_name(
            "variable", name, map(str, dataset.data_vars), path=dataset.encoding.get("source")
        )
    array = dataset[name]
    for dimension, wanted in spec.select.items():
        if dimension not in SELECTABLE:
            raise unknown_name("dimension", dimension, SELECTABLE, variable="series.select")
        if dimension in array.dims:
            array = array.isel({dimension: _position(array, dimension, wanted)}, drop=True)
    others = [str(dim) for dim in array.dims if dim not in DIMENSIONS]
    if others:
        raise GlabError(
            "a series needs one position of each further dimension",
            path=dataset.encoding.get("source"),
            variable=name,
            found=f"dimension {others[0]!r} with {list(array[others[0]].values)}",
            remedy=f"set series.select.{others[0]} of this source",
        )
    return array


def _trusted(dataset: xr.Dataset, name: str, spec: Series) -> xr.DataArray:
    """One variable where no quality rule forbids it; unknown quality is no quality."""
    values = _selected(dataset, name, spec).load()
    for rule in spec.quality:
        if name in rule.applies_to:
            quality = _selected(dataset, rule.variable, spec).load()
            plus = None if rule.plus is None else _selected(dataset, rule.plus, spec).load()
            values = values.where(passes_rule(rule, quality, plus))
    return values


def _position(array: xr.DataArray, dimension: str, wanted: str | float) -> int:
    """Return the position at which a coordinate has the wanted value."""
    values = array[dimension].values
    if values.dtype.kind in "fiu" and not isinstance(wanted, str):
        hits = np.abs(values - wanted) < ANGLE_TOLERANCE_DEG
    else:
        hits = values.astype(str) == str(wanted)
    if not hits.any():
        raise unknown_name(dimension, str(wanted), map(str, values), variable="series.select")
    return int(np.argmax(hits))  # the first True
