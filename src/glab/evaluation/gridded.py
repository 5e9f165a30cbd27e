"""Compare a product with a gridded validation set: in space, and in time where the set is dated.

A set is put on the cells of the domain by area-weighted means and paired with the product in time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from glab import io
from glab.arrays import Booleans, Float32s, Float64s, Floats, finite_mean
from glab.calendar import Days, time_blocks, year_of
from glab.config import GridSet, Regrid
from glab.errors import GlabError
from glab.evaluation.records import product_records, record_days, split_masks
from glab.evaluation.statistics import Moments, deseasonalise, keep_pairs, moments, rank_correlation
from glab.grids.cells import check_cells
from glab.readers import formats
from glab.regrid.on_domain import ToDomain
from glab.variables import lookup

COLUMNS = ["product", "variable", "against", "cells", "signal", "metric", "value", "n"]

UNDATED = ("map", "cf")
"""Readers of any file: variables are named as in the file, and file names contain no date."""

SUFFIXES = (".nc", ".nc4", ".tif", ".tiff")
"""Files of a folder that undated readers take."""

STEPS = 31
"""Times of a CF file that are read at once."""


class SetValues(NamedTuple):
    """Values of a set on the cells of the domain.

    Attributes:
        days: dates, shape (time,); None for a static map.
        values: shape (time, cell), NaN where missing; one time for a static map.
        units: unit of the values, empty if the file has none.
    """

    days: Days | None
    values: Float32s
    units: str


class Pairs(NamedTuple):
    """A product and a set at the same times, (time, cell) each, NaN where missing.

    Attributes:
        days: first day of each time; empty for a static map, whose one time is the whole record.
        product, reference: values, each in its own unit.
        units: unit of the set.
    """

    days: Days
    product: Floats
    reference: Floats
    units: str


def compare_grid(
    products: Sequence[Path], land: xr.Dataset, data: Sequence[Path], name: str, spec: GridSet
) -> tuple[pd.DataFrame, xr.Dataset] | None:
    """Compare a variable of a product with a gridded set.

    Args:
        products: yearly files of any products; those of `spec.product` are read.
        land: cells of the domain, with their `split`.
        data: the files of the set, or year files of the source that it is.
        name: of the set.
        spec: variable, reader, product and how times are matched.

    Returns:
        a table (`COLUMNS`), and on the cells the mean of the product and of the set over their
        common times, the number of these times and, of dated sets, the R of anomalies. None where
        product and set have no value in common.

    Raises:
        GlabError: without a year of the product, and for files that cannot be read.
    """
    years = [path for path in sorted(products) if path.parent.name == spec.product]
    if not years:
        raise GlabError(f"no year of {spec.product}, which {name} is compared with")
    (record,) = product_records(years, land, [spec.product_variable], [""])
    pairs = pair_in_time(record, read_set(data, land, spec), spec)
    if not (np.isfinite(pairs.product) & np.isfinite(pairs.reference)).any():
        return None
    groups = {"all": np.ones(land.sizes["cell"], bool), **split_masks(land["split"].values)}
    groups = {group: mask for group, mask in groups.items() if mask.any()}
    rows, fields = compare_pairs(pairs, groups, spec)
    about = {"product": spec.product, "variable": spec.product_variable, "against": name}
    layers = {**fields, **{n: land[n] for n in ("lat", "lon", "row", "col", "split")}}
    table = pd.DataFrame([about | row for row in rows], columns=COLUMNS)
    return table, xr.Dataset(layers, {"cell": land["cell"]})


# --- set → cells ----------------------------------------------------------------------------------


def read_set(data: Sequence[Path], land: xr.Dataset, spec: GridSet) -> Iterator[SetValues]:
    """Read the values of a set on the cells of the domain, some times at once.

    Values are area-weighted means over a cell (bilinear in its own x and y on a projected grid);
    the overpasses of a day are averaged.

    Args:
        data: files or folders; of a source of this run its year files, which are on the cells.
        land: cells of the domain.
        spec: reader, variable, quality rules.

    Raises:
        GlabError: for a file that cannot be read, or a variable with further dimensions.
    """
    if spec.source is not None:
        for path in sorted(data):
            with io.read(path) as year:
                check_cells(land, year)
                for month in time_blocks(year["time"].values):
                    field = year[str(spec.variable)].isel(time=month).load()
                    units = spec.units or str(field.attrs.get("units", ""))
                    yield SetValues(record_days(year)[month], _daily(field.variable), units)
        return
    undated = spec.reader in UNDATED
    # A name of the registry without a valid range: regridding clips the others to theirs.
    name = "reference" if undated else str(spec.variable)
    onto = ToDomain(
        land["cell"].values,
        Regrid(
            reader=spec.reader,
            keep=[name],
            quality=spec.quality,
            valid_fraction_min=spec.valid_fraction_min,
        ),
    )
    for path in sorted(file for entry in data for file in list_files(entry, spec.reader)):
        for granule in _granules(path, spec):
            units = granule.attrs.get("units", "") if undated else lookup(name).units
            block = onto(granule)
            dated = not np.isnat(block.times).any()
            days = block.times.astype("datetime64[D]") if dated else None
            yield SetValues(days, _daily(block.variables[name]), spec.units or str(units))


def _granules(path: Path, spec: GridSet) -> Iterator[xr.Dataset]:
    """Read a file of a set; of a CF file `STEPS` times at once."""
    options = {"variable": spec.variable, "fills": tuple(spec.fills), "name": "reference"}
    if spec.reader == "map":
        yield formats.read("map", path, **options)
    elif spec.reader == "cf":
        first, times = 0, STEPS
        # The number of times is known only after reading: a short block is the last one.
        while times == STEPS:
            granule = formats.read("cf", path, **options, steps=slice(first, first + STEPS))
            first, times = first + STEPS, granule.sizes["time"]
            yield granule
    else:
        quality = [name for rule in spec.quality for name in (rule.variable, rule.plus) if name]
        wanted = list(dict.fromkeys([str(spec.variable), *quality]))
        yield formats.read(spec.reader, path, variables=wanted)


def _daily(variable: xr.Variable) -> Float32s:
    """Return values of (time, cell), overpasses averaged; a variable without time is one time."""
    order = [dim for dim in ("overpass", "time") if dim in variable.dims]
    if set(variable.dims) != {*order, "cell"}:
        raise GlabError(
            "a validation set has further dimensions",
            found=", ".join(map(str, variable.dims)),
            expected="time, overpass and the grid",
        )
    values = variable.transpose(*order, "cell").values
    if "overpass" in order:
        values = finite_mean(values, 0)
    return np.atleast_2d(values).astype(np.float32)


def list_files(path: Path, reader: str) -> list[Path]:
    """Return the files of a set: the path itself, or the files of a reader in a folder.

    Args:
        path: a file or a folder, searched with the folders below it.
        reader: files of a dated format are recognised by their names.

    Returns:
        the files; none where nothing is at the path.
    """
    if not path.is_dir():
        return [path] if path.is_file() else []
    files = [file for file in path.rglob("*") if file.is_file()]
    if reader in UNDATED:
        return [file for file in files if file.suffix.lower() in SUFFIXES]
    return [file for file in files if formats.naming_of(reader).matches(file.name)]


# --- set → pairs ----------------------------------------------------------------------------------


def pair_in_time(record: xr.Dataset, values: Iterator[SetValues], spec: GridSet) -> Pairs:
    """Pair a product with a set in time.

    Args:
        record: values of the product, (time, cell).
        values: of the set, in any order of time.
        spec: `mean`. "window": values of the set are averaged over each window of the product;
            "day": each day of the set is paired with the window that contains it; "annual": means
            of calendar years of both, of the product from at least `year_fraction_min` of its
            values. A static map is paired with the mean of the product over the whole record.
    """
    starts, product = record_days(record), record["value"].transpose("time", "cell").values
    width, cells = record.attrs["window_days"], product.shape[1]
    totals: dict[int, Float64s] = defaultdict(lambda: np.zeros(cells))
    counts: dict[int, Float64s] = defaultdict(lambda: np.zeros(cells))
    units, static = "", False
    for each in values:
        units, static = each.units, each.days is None
        days = starts[:1] if each.days is None else each.days
        # The window that began last; a day after its end lies in a gap of the product.
        window = np.searchsorted(starts, days, side="right") - 1
        inside = (window >= 0) & ((days - starts[window]).astype(int) < width)
        # The date of an annual map is often 1 January: it belongs to the year, not to a window.
        inside |= spec.mean == "annual"
        keys = {"window": window, "day": days.astype(int), "annual": year_of(days)}[spec.mean]
        for key, field in zip(keys[inside].tolist(), each.values[inside]):
            finite = np.isfinite(field)
            totals[key] += np.where(finite, field, 0.0)
            counts[key] += finite
    keys = np.array(sorted(totals), int)
    sums, numbers = (np.array([side[key] for key in keys]) for side in (totals, counts))
    reference = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan).reshape(-1, cells)
    if static:
        return Pairs(starts[:0], finite_mean(product, 0)[None], reference, units)
    if spec.mean == "annual":
        days = (keys - 1970).astype("datetime64[Y]").astype("datetime64[D]")
        rows = [_annual_mean(product[year_of(starts) == key], spec) for key in keys]
        return Pairs(days, np.array(rows).reshape(-1, cells), reference, units)
    days = keys.astype("datetime64[D]") if spec.mean == "day" else starts[keys]
    window = np.searchsorted(starts, days, side="right") - 1
    return Pairs(days, product[window], reference, units)


def _annual_mean(values: Floats, spec: GridSet) -> Floats:
    """Return the mean of a year, NaN with too few values."""
    enough = np.isfinite(values).sum(axis=0) >= max(spec.year_fraction_min * len(values), 1)
    return np.where(enough, finite_mean(values, 0), np.nan)


# --- pairs → measures -----------------------------------------------------------------------------


def compare_pairs(
    pairs: Pairs, groups: Mapping[str, Booleans], spec: GridSet
) -> tuple[list[dict[str, Any]], dict[str, xr.DataArray]]:
    """Compute agreement in space and time by group of cells.

    Signals are "mean", the means of each cell over the common times; "full", all pairs; and
    "deseasonalised", the anomalies of each cell. Errors are computed where product and set have the
    same unit.

    Args:
        pairs: product and set.
        groups: groups of cells.
        spec: least number of times that the temporal correlation of a cell needs.

    Returns:
        rows of `COLUMNS` without product, variable and set, and fields of the cells.
    """
    variable = lookup(spec.product_variable)
    product, reference = keep_pairs(pairs.product, pairs.reference)
    means = finite_mean(product, 0), finite_mean(reference, 0)
    # A difference of VOD and biomass has no meaning.
    metrics = ("r", "bias", "rmse", "ubrmse") if pairs.units == variable.units else ("r",)
    count = np.isfinite(product).sum(axis=0)
    rows = []
    for group, mask in groups.items():
        sides = means[0][mask], means[1][mask]
        row = {"cells": group, "signal": "mean"}
        rows += _rows(row, moments(*sides), metrics)
        n = int((count[mask] > 0).sum())
        rows.append(row | {"metric": "rank_r", "value": rank_correlation(*sides), "n": n})
    fields = {
        spec.product_variable: xr.DataArray(means[0], dims="cell"),
        "reference": xr.DataArray(means[1], dims="cell", attrs={"units": pairs.units or "1"}),
        "count": xr.DataArray(np.minimum(count, np.iinfo(np.int16).max), dims="cell"),
    }
    if len(pairs.days):
        sums = moments(product, reference)
        r = _temporal_r(product, reference, pairs.days, spec)
        for group, mask in groups.items():
            rows += _rows({"cells": group, "signal": "full"}, sums.pooled(mask), metrics)
            finite = r[mask][np.isfinite(r[mask])]
            median = float(np.median(finite)) if finite.size else float("nan")
            row = {"cells": group, "signal": "deseasonalised", "metric": "r_cell_median"}
            rows.append(row | {"value": median, "n": finite.size})
        about = {"long_name": f"{variable.long_name}, temporal correlation with the set"}
        fields[f"{spec.product_variable}_r"] = xr.DataArray(r, dims="cell", attrs=about)
    return rows, fields


def _rows(row: dict[str, Any], sums: Moments, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row for each metric of moments."""
    values = {metric: float(getattr(sums, metric)) for metric in metrics}
    return [row | {"metric": m, "value": value, "n": int(sums.n)} for m, value in values.items()]


def _temporal_r(product: Floats, reference: Floats, days: Days, spec: GridSet) -> Float64s:
    """Return the R of anomalies of each cell; annual means have no seasonal cycle to remove."""
    sides = [product, reference]
    if spec.mean != "annual":
        sides = [deseasonalise(side, days) for side in sides]
    sums = moments(*sides)
    return np.where(sums.n >= spec.pairs_min, sums.r, np.nan)
