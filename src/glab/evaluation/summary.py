"""Summarise product years in a few fields, and products without a known truth in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Floats
from glab.calendar import time_blocks, year_of
from glab.evaluation.breaks import BREAK_COLUMNS, Row
from glab.evaluation.evaluate import COLUMNS
from glab.evaluation.statistics import slopes
from glab.grids.cells import select_cells
from glab.products.attributes import PRODUCTS

BLOCK_STEPS = 31
YEARS_MIN = 5
"""Fewest annual means that a trend is taken from."""


def summarise_year(year: xr.Dataset, variables: Sequence[str]) -> xr.Dataset:
    """Means over time, means over longitude and shares of presence of one product year.

    Args:
        year: a product file, opened lazily; read some steps at a time.
        variables: names of fields (time, y, x); those it lacks are passed over.

    Returns:
        `<name>_mean(y, x)`, `<name>_present(y, x)` (share of times), `<name>_zonal(time, y)`;
        where it has `origin`, `origin_fraction(time, flag)` among the cells with any value; and
        `year`. Float32.
    """
    names = [name for name in variables if name in year]
    steps, shape = year.sizes["time"], (year.sizes["y"], year.sizes["x"])
    total = {name: np.zeros(shape) for name in names}
    count = {name: np.zeros(shape) for name in names}
    zonal = {name: np.full((steps, shape[0]), np.nan, np.float32) for name in names}
    for part in time_blocks(year["time"].values, BLOCK_STEPS):
        for name in names:
            values = year[name].isel(time=part).values
            present = np.isfinite(values)
            total[name] += np.where(present, values, 0.0).sum(axis=0)
            count[name] += present.sum(axis=0)
            zonal[name][part] = _mean(values, axis=2)
    made = xr.Dataset(coords={key: year[key] for key in ("time", "y", "x", "lat", "lon")})
    for name in names:
        mean = np.where(count[name] > 0, total[name] / np.maximum(count[name], 1), np.nan)
        made[f"{name}_mean"] = ("y", "x"), mean.astype(np.float32)
        made[f"{name}_present"] = ("y", "x"), (count[name] / steps).astype(np.float32)
        made[f"{name}_zonal"] = ("time", "y"), zonal[name]
    if "origin" in year:
        made["origin_fraction"] = ("time", "flag"), _shares(year["origin"])
        made["flag"] = str(year["origin"].attrs["flag_meanings"]).split()
    return made.assign_coords(year=int(year_of(year["time"].values[:1])[0]))


def _mean(values: NDArray[np.floating], axis: int) -> NDArray[np.floating]:
    present = np.isfinite(values)
    count = present.sum(axis=axis)
    total = np.where(present, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _shares(origin: xr.DataArray) -> NDArray[np.float32]:
    """Return the fraction of each flag at each time, of cells with any value in the year.

    Flags come from the file: `flag_values`, in which 0 is "none".
    """
    values = np.atleast_1d(origin.attrs["flag_values"])
    counts = np.zeros((origin.sizes["time"], len(values)))
    ever = np.zeros(origin.shape[1:], bool)
    for part in time_blocks(origin["time"].values, BLOCK_STEPS):
        flags = origin.isel(time=part).values
        ever |= (flags > 0).any(axis=0)
        for column, value in enumerate(values):
            counts[part, column] = (flags == value).sum(axis=(1, 2))
    cells = max(int(ever.sum()), 1)
    present = values != 0
    counts[:, ~present] = cells - counts[:, present].sum(axis=1, keepdims=True)
    return (counts / cells).astype(np.float32)


def annual_trend(years: Sequence[xr.Dataset], variable: str) -> NDArray[np.float32]:
    """Slope per year of the annual means of each cell, shape (y, x); NaN with few years.

    Args:
        years: digests, in order.
        variable: one of their variables.
    """
    means = np.stack([year[f"{variable}_mean"].values for year in years])
    middle = np.array([np.datetime64(f"{int(year['year'])}-07-02", "D") for year in years])
    flat = means.reshape(len(years), -1)
    enough = np.isfinite(flat).sum(axis=0) >= YEARS_MIN
    found = np.where(enough, slopes(flat, middle), np.nan)
    return found.reshape(means.shape[1:]).astype(np.float32)


def summarise_products(
    years: Sequence[xr.Dataset], cells: xr.Dataset
) -> tuple[pd.DataFrame, pd.DataFrame, xr.Dataset]:
    """What products hold, where no truth is known: presence and mean by year, and trends.

    Args:
        years: product files of any products, opened lazily.
        cells: `row` and `col` of the cells.

    Returns:
        as `judge`, the truth being called "none".
    """
    rows: list[Row] = []
    fields: list[xr.Dataset] = []
    for name in sorted({str(year.attrs["product"]) for year in years}):
        own = [year for year in years if year.attrs["product"] == name]
        own.sort(key=lambda year: year["time"].values[0])
        digests = [summarise_year(year, PRODUCTS[name].main) for year in own]
        for variable in PRODUCTS[name].main:
            for year in digests:
                row = {"product": name, "variable": variable, "truth": "none", "cells": "all"}
                row |= {"period": str(int(year["year"])), "signal": "full"}
                rows += [row | told for told in _presence(year, variable)]
            trend = xr.DataArray(annual_trend(digests, variable), dims=("y", "x"))
            here = select_cells(
                digests[0][["lat", "lon"]].assign({f"{variable}_trend": trend}),
                cells["row"].values,
                cells["col"].values,
            )[f"{variable}_trend"]
            fields.append(
                here.reset_coords(drop=True)
                .expand_dims(product=[name], truth=["none"])
                .assign_coords(cell=cells["cell"].values)
                .to_dataset()
            )
    empty = pd.DataFrame(columns=BREAK_COLUMNS)
    return (
        pd.DataFrame(rows, columns=COLUMNS),
        empty,
        xr.merge(fields, compat="no_conflicts", join="outer"),
    )


def _presence(year: xr.Dataset, variable: str) -> Iterator[Row]:
    """Share of values that are there, and their mean, among cells that ever have one."""
    share, mean = (year[f"{variable}_{key}"].values for key in ("present", "mean"))
    ever = share > 0
    number = int(ever.sum())
    yield {"metric": "present", "value": _average(share[ever]), "n": number}
    yield {"metric": "mean", "value": _average(mean[ever]), "n": number}


def _average(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
