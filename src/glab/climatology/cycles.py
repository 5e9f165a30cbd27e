"""Fit seasonal cycles to all cells of a tile at once, evaluate them on any date, join tiles.

Two forms share one interface: `harmonics` (mean and annual harmonics at a fixed period) and
`published` (one bounded sine with a fitted period, then the median over the baseline's years for
each day of year). Cells with too few values get their median as cycle, and a flag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float64s, positions
from glab.calendar import Days, month_of, year_of
from glab.climatology import harmonics, sine
from glab.config import ClimatologyOptions
from glab.errors import GlabError, unknown_name

NONE, MEDIAN, CYCLE = 0, 1, 2
"""Values of the flag `<variable>_fit`: no values, the median of too few, a fitted cycle."""

SERIES_AT_ONCE = 512
"""Series that are converted to float64 together: of 20 years they need 30 MB."""


def fit_cycle(values: xr.DataArray, days: Days, settings: ClimatologyOptions) -> xr.Dataset:
    """Fit the seasonal cycle of every cell (and channel) of a named variable.

    Args:
        values: (time, cell[, channel]), float32 in the variable's unit, NaN where missing; its
            name is that of the canonical variable.
        days: the date of each value, ascending, within the baseline.
        settings: form, least numbers of values and of calendar months (these for `harmonics`
            only), bounds of the published form.

    Returns:
        `<name>_coefficients` (cell[, channel], coefficient), NaN for cells without any value;
        `<name>_fit`, the flag none, median or cycle; `<name>_count`, number of values.
    """
    name, layers = str(values.name), values.transpose("time", "cell", ...)
    flat = layers.values.reshape(len(days), -1)
    names = _coefficient_names(settings)
    coefficients = np.full((flat.shape[1], len(names)), np.nan, np.float32)
    flags = np.zeros(flat.shape[1], np.int16)
    counts = np.zeros(flat.shape[1], np.int16)
    for block in _blocks(flat.shape[1]):
        # Normal equations of harmonics lose too many digits in float32.
        values64 = flat[:, block].astype(np.float64)
        coefficients[block], flags[block], counts[block] = _fit_block(
            values64, days, name, settings
        )
    shape, dims = layers.shape[1:], layers.dims[1:]
    attributes = {"form": settings.form} | _baseline_years(days)
    return xr.Dataset(
        {
            f"{name}_coefficients": (
                (*dims, "coefficient"),
                coefficients.reshape(*shape, -1),
                attributes,
            ),
            f"{name}_fit": (dims, flags.reshape(shape)),
            f"{name}_count": (dims, counts.reshape(shape)),
        },
        {**{dim: layers[dim] for dim in dims if dim in layers.coords}, "coefficient": names},
    )


def fit_cycles(series: xr.Dataset, settings: ClimatologyOptions) -> xr.Dataset:
    """Fit the cycle of every variable of a series (time, cell[, channel])."""
    days = series["time"].values.astype("datetime64[D]")
    return xr.merge([fit_cycle(values, days, settings) for values in series.data_vars.values()])


def evaluate_cycle(
    climatology: xr.Dataset, days: Days, variable: str | None = None, *, dtype: type = np.float32
) -> xr.DataArray:
    """Evaluate a seasonal cycle on any dates, inside or outside of its baseline.

    Args:
        climatology: from `fit_cycle`, or tiles joined by `join_tiles`.
        days: shape (time,).
        variable: its name; needed if there are several.
        dtype: of the result.

    Returns:
        (time, cell[, channel]) under the variable's name; NaN where the cell has no cycle.
    """
    name = variable or _only_variable(climatology)
    if f"{name}_coefficients" not in climatology:
        raise unknown_name("variable", name, cycle_variables(climatology))
    table = climatology[f"{name}_coefficients"]
    flat = table.values.reshape(-1, table.shape[-1]).astype(np.float64)
    values: NDArray[Any] = np.empty((len(days), len(flat)), dtype)
    for block in _blocks(len(flat)):
        values[:, block] = _evaluate_block(flat[block], days, table)
    dims = table.dims[:-1]
    coords = {dim: table[dim] for dim in dims if dim in table.coords}
    return xr.DataArray(
        values.reshape(len(days), *table.shape[:-1]),
        {"time": np.asarray(days, "datetime64[ns]"), **coords},
        ("time", *dims),
        name,
    )


def cycle_variables(climatology: xr.Dataset) -> list[str]:
    """Return the variables with a cycle in a climatology."""
    names = map(str, climatology.data_vars)
    suffix = "_coefficients"
    return [name.removesuffix(suffix) for name in names if name.endswith(suffix)]


def _fit_block(
    values: Float64s, days: Days, name: str, settings: ClimatologyOptions
) -> tuple[Float64s, NDArray[np.int16], NDArray[np.int16]]:
    """Return coefficients, flags and counts of some series (time, series)."""
    present = np.isfinite(values)
    counts = present.sum(axis=0)
    enough = counts >= max(settings.values_min, 1)
    # Harmonics of values from a few months oscillate freely in the others.
    if settings.form == "harmonics":
        enough &= _months_with_values(present, days) >= settings.months_min
    few = (counts > 0) & ~enough
    coefficients = np.full((values.shape[1], len(_coefficient_names(settings))), np.nan)
    if few.any():
        coefficients[few] = _constant(_median(values[:, few]), coefficients.shape[1], settings)
    if enough.any():
        chosen = slice(None) if enough.all() else enough  # a slice spares a copy
        coefficients[chosen] = _fit_form(values[:, chosen], days, name, settings)
    flags = np.where(enough, CYCLE, np.where(few, MEDIAN, NONE))
    return coefficients, flags.astype(np.int16), counts.astype(np.int16)


def _fit_form(values: Float64s, days: Days, name: str, settings: ClimatologyOptions) -> Float64s:
    """Return coefficients of series with enough values, (series, coefficient)."""
    if settings.form == "harmonics":
        return harmonics.fit(values, days, settings.harmonics, settings.ridge)
    for table in (settings.amplitude_bounds, settings.offset_bounds):
        if name not in table:
            raise unknown_name("variable", name, table, variable="climatology bounds")
    bounds = sine.Bounds(
        settings.amplitude_bounds[name], settings.offset_bounds[name], settings.period_days
    )
    return sine.fit(values, days, bounds)


def _evaluate_block(coefficients: Float64s, days: Days, table: xr.DataArray) -> Float64s:
    """Return the cycles of some series, (time, series)."""
    if table.attrs["form"] == "harmonics":
        return harmonics.evaluate(coefficients, days)
    years = int(table.attrs["first_year"]), int(table.attrs["last_year"])
    return sine.evaluate(coefficients, days, years)


def _constant(level: Float64s, size: int, settings: ClimatologyOptions) -> Float64s:
    """Return coefficients of a cycle with the same level on all days."""
    if settings.form == "published":
        return sine.constant(level)
    return np.concatenate([level[:, None], np.zeros((len(level), size - 1))], axis=1)


def _coefficient_names(settings: ClimatologyOptions) -> list[str]:
    if settings.form == "published":
        return list(sine.COEFFICIENTS)
    return harmonics.coefficient_names(settings.harmonics)


def _months_with_values(present: NDArray[np.bool_], days: Days) -> NDArray[np.int64]:
    """Return the number of calendar months (of twelve) in which each series has a value."""
    # A product of matrices of 0 and 1: exact in float32, and faster than a loop over months.
    months = month_of(days) == np.arange(1, 13)[:, None]
    return (months.astype(np.float32) @ present.astype(np.float32) > 0).sum(axis=0)


def _median(values: Float64s) -> Float64s:
    """Return the median along time of series that all have values.

    By sorting, since numpy.nanmedian loops over series in Python.
    """
    ordered = np.sort(values, axis=0)  # NaN comes last
    counts = np.isfinite(values).sum(axis=0)
    low, high = ((counts - 1) // 2)[None], (counts // 2)[None]
    pair = [np.take_along_axis(ordered, middle, axis=0)[0] for middle in (low, high)]
    return (pair[0] + pair[1]) / 2


def _baseline_years(days: Days) -> dict[str, int]:
    years = year_of(days)
    return {"first_year": int(years.min()), "last_year": int(years.max())}


def _only_variable(climatology: xr.Dataset) -> str:
    names = cycle_variables(climatology)
    if len(names) != 1:
        raise GlabError("several variables have a cycle: name one of them", found=names)
    return names[0]


def _blocks(size: int) -> Iterator[slice]:
    """Yield consecutive slices of series."""
    return (slice(at, min(at + SERIES_AT_ONCE, size)) for at in range(0, size, SERIES_AT_ONCE))


def cells_of_tile(domain: xr.Dataset, tile: int) -> slice:
    """Return the consecutive cells of a tile.

    Raises:
        GlabError: for a tile that the domain does not have.
    """
    numbers = domain["tile"].values
    cells = np.flatnonzero(numbers == tile)
    if cells.size == 0:
        raise GlabError(
            f"the domain has no tile {tile}",
            path=domain.encoding.get("source"),
            expected=f"{numbers.min()} … {numbers.max()}" if numbers.size else "none",
        )
    return slice(int(cells[0]), int(cells[-1]) + 1)


def join_tiles(tiles: Sequence[xr.Dataset], cells: NDArray[np.int32]) -> xr.Dataset:
    """Join the tiles of a climatology, with cells in the order of the domain.

    Args:
        tiles: climatologies of some cells each, in any order.
        cells: every cell of the domain.

    Raises:
        GlabError: for a missing tile, and if no cell of a variable has data in the baseline.
    """
    whole = xr.concat(tiles, "cell", combine_attrs="override") if len(tiles) > 1 else tiles[0]
    position = positions(cells, whole["cell"].values)
    absent = position < 0
    if absent.any():
        raise GlabError(
            "the tiles of a climatology do not cover the domain",
            path=tiles[0].encoding.get("source"),
            variable="cell",
            found=f"{absent.sum()} cells without a tile, first {cells[absent][:3]}",
            remedy="give every tile of that source and baseline",
        )
    whole = whole.isel(cell=position)
    check_has_data(whole)
    return whole


def name_series(climatology: xr.Dataset, source: str, baseline: str) -> xr.Dataset:
    """Add source and baseline as attributes to the coefficients of all variables."""
    attributes = {"source_name": source, "baseline": baseline}
    for name in cycle_variables(climatology):
        climatology[f"{name}_coefficients"].attrs.update(attributes)
    return climatology


def check_has_data(climatology: xr.Dataset) -> None:
    """Raise a GlabError if no cell of a variable has a value in the baseline."""
    for name in cycle_variables(climatology):
        if (climatology[f"{name}_fit"].values == NONE).all():
            attributes = climatology[f"{name}_coefficients"].attrs
            raise no_data_error(
                attributes.get("source_name", "?"),
                attributes.get("baseline", "?"),
                f"{attributes['first_year']}…{attributes['last_year']}",
                variable=name,
            )


def no_data_error(source: str, baseline: str, years: str, variable: str | None = None) -> GlabError:
    """Return the error for a source without any value in a baseline."""
    return GlabError(
        f"source {source!r} has no data in the baseline {baseline!r} ({years})",
        variable=variable,
        found="no value on any cell",
        expected="years with observations of the source",
        remedy="change the baseline's dates, or loosen the source's quality rules and mask",
    )
