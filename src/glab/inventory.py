"""What products hold, where no truth is known: presence and mean by year, and trends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import xarray as xr

from glab.comparison import Floats
from glab.consistency import STEP_COLUMNS, Row
from glab.digest import annual_trend, digest
from glab.discovery import FORMS
from glab.evaluate import COLUMNS
from glab.gridded import cells_of


def described(
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
        digests = [digest(year, FORMS[name].main) for year in own]
        for variable in FORMS[name].main:
            for year in digests:
                row = {"product": name, "variable": variable, "truth": "none", "cells": "all"}
                row |= {"period": str(int(year["year"])), "signal": "full"}
                rows += [row | told for told in _presence(year, variable)]
            trend = xr.DataArray(annual_trend(digests, variable), dims=("y", "x"))
            here = cells_of(
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
    empty = pd.DataFrame(columns=STEP_COLUMNS)
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
