"""Subtract the seasonal cycle from daily values of a source."""

from __future__ import annotations

import xarray as xr

from glab.climatology.cycles import evaluate_cycle


def subtract_cycle(series: xr.Dataset, climatology: xr.Dataset) -> xr.Dataset:
    """Return `<name>_residual` = value − cycle for every variable of a series.

    Args:
        series: (time, cell[, channel]), from `glab.climatology.series`.
        climatology: of the same cells and channels, from `glab.climatology.cycles`.

    Returns:
        residuals in float32, in the unit of the values; NaN where value or cycle is missing.

    Raises:
        GlabError: for a variable without a cycle.
    """
    days = series["time"].values.astype("datetime64[D]")
    residual = {}
    for key, values in series.data_vars.items():
        name = str(key)
        cycle = evaluate_cycle(climatology, days, name)
        residual[f"{name}_residual"] = values.dims, values.values - cycle.values
    coords = {name: series[name] for name in series.coords if name in series.dims}
    return xr.Dataset(residual, coords)
