"""The series of a source: its variables at one overpass and angle, without frozen ground and water.

Every stage that works with values of a source takes them from here, so that all see the same days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.calendar import Days, time_blocks
from glab.config import Mask, Series
from glab.errors import GlabError, unknown_name
from glab.grids.cells import check_cells
from glab.mask import UnknownGround, mask_frozen_ground, mask_open_water, select_days
from glab.regrid.rules import passes_rule

DIMENSIONS = ("time", "cell", "channel")
SELECTABLE = ("overpass", "angle", "channel")
ANGLE_TOLERANCE_DEG = 0.01


def series(
    dataset: xr.Dataset,
    surface: xr.Dataset | None,
    domain: xr.Dataset,
    spec: Series,
    mask: Mask,
    counts: UnknownGround | None = None,
) -> xr.Dataset:
    """Variables of a source-year (or a part of one), masked for frozen ground and open water.

    Args:
        dataset: (time, cell[, overpass][, angle][, channel]), may be lazy: only the place that
            is selected is read.
        surface: `t_surface` in K and `snow` in kg m-2, (time, cell), for at least the days of
            `dataset`; None only where `mask.frozen_source` is None.
        domain: `water_fraction` (cell), where it is known.
        spec: which variables, at which overpass, angle or channel, of which quality.
        mask: thresholds; a value is dropped where the ground is colder or snowier, or where
            open water takes a larger share, than they allow.
        counts: values of unknown ground are added to it.

    Returns:
        The variables, (time, cell[, channel]), in memory; NaN where missing or masked. Ground and
        water of unknown state are masked, see `glab.mask`.

    Raises:
        GlabError: for a variable or position that is not there, or files of different domains.
    """
    check_cells(domain, dataset)
    dropped = mask_open_water(domain, mask)
    if surface is not None and mask.frozen_source is not None:
        dropped = dropped | mask_frozen_ground(select_days(surface, dataset), mask, counts)
    kept = {name: _trusted(dataset, name, spec).where(~dropped) for name in spec.variables}
    return xr.Dataset(kept).transpose("time", "cell", ...)


def series_blocks(
    dataset: xr.Dataset,
    surfaces: Sequence[xr.Dataset],
    domain: xr.Dataset,
    spec: Series,
    mask: Mask,
) -> Iterator[xr.Dataset]:
    """`series` of a source-year month by month, so that a global year never stands in memory.

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


def concatenate_blocks(parts: Iterable[xr.Dataset], days: Days) -> xr.Dataset:
    """Consecutive stretches of a series as one, each let go once it is copied.

    Args:
        parts: from `series`, in the order of time, at least one.
        days: all their days.
    """
    whole: dict[str, tuple[tuple[str, ...], NDArray[np.float32]]] = {}
    coords: dict[str, xr.DataArray] = {}
    start = 0
    for part in parts:
        stop = start + part.sizes["time"]
        for key, values in part.data_vars.items():
            name, shape = str(key), (len(days), *values.shape[1:])
            if name not in whole:
                whole[name] = tuple(map(str, values.dims)), np.empty(shape, np.float32)
            whole[name][1][start:stop] = values.values
        coords = {name: part[name] for name in ("cell", "channel") if name in part.coords}
        start = stop
    return xr.Dataset(whole, {"time": days.astype("datetime64[ns]"), **coords})


def surface_of(
    dataset: xr.Dataset, surfaces: Sequence[xr.Dataset], mask: Mask
) -> xr.Dataset | None:
    """The surface year-file that holds the days of a source year, None where none is wanted.

    Raises:
        GlabError: when frozen ground shall be masked and no file holds those days.
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


def _selected(dataset: xr.Dataset, name: str, spec: Series) -> xr.DataArray:
    """One variable at the position `spec` names, (time, cell[, channel])."""
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
    left = [str(dim) for dim in array.dims if dim not in DIMENSIONS]
    if left:
        raise GlabError(
            "a series needs one position of each further dimension",
            path=dataset.encoding.get("source"),
            variable=name,
            found=f"dimension {left[0]!r} with {list(array[left[0]].values)}",
            remedy=f"set series.select.{left[0]} of this source",
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
    """Where a coordinate has the wanted value."""
    values = array[dimension].values
    if values.dtype.kind in "fiu" and not isinstance(wanted, str):
        hits = np.abs(values - wanted) < ANGLE_TOLERANCE_DEG
    else:
        hits = values.astype(str) == str(wanted)
    if not hits.any():
        raise unknown_name(dimension, str(wanted), map(str, values), variable="series.select")
    return int(np.argmax(hits))
