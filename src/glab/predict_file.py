"""A predicted year as its file has it: cycles added, data error from the calibrated variance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from glab.calendar import time_blocks
from glab.catalogue import Array, Catalogue
from glab.config import Predict
from glab.features import window_cycle
from glab.predict import Year
from glab.uncertainty import data_deviation, regressors
from glab.variables import lookup


def blocks(
    found: Year,
    catalogue: Catalogue,
    domain: xr.Dataset,
    calibration: xr.Dataset,
    settings: Predict,
) -> Iterator[xr.Dataset]:
    """A year as the file has it, some windows at a time.

    Yields:
        `<variable>` (the target's cycle, network and offset), `_residual` (network and offset),
        `_std`, `_std_data`, `_std_total`, all (time, cell[, channel]); `count`, `shortened` and
        `record` (time, cell); `time` is the first day of a window, and longer windows than a day
        have `time_bnds`. Values that cannot be, by the variable's valid range, are missing.
    """
    for block in time_blocks(found.starts):
        cycle = cycles(found, catalogue, settings, block)
        data = _data(found, cycle, calibration, settings, block)
        layers = _layers(found, cycle, data, settings.target.variable, block)
        yield _dataset(layers, found, block, domain, settings.window_days)


def cycles(found: Year, catalogue: Catalogue, settings: Predict, block: slice) -> Array:
    """The target's cycle over the baseline of each value's record, (window, cell, target)."""
    cycle = np.full_like(found.residual[block], np.nan)
    for number, record in enumerate(settings.records):
        own = found.record[block] == number
        if own.any():
            cells = slice(0, own.shape[1])
            args = (settings, record, settings.target, found.starts[block], cells)
            cycle[own] = window_cycle(catalogue, *args)[own]
    return cycle


def _data(
    found: Year, cycle: Array, calibration: xr.Dataset, settings: Predict, block: slice
) -> Array:
    """Standard deviation of the data error: by perturbed inputs, else by the fitted variance."""
    if found.noise is not None:
        return found.noise[block]
    data = np.full_like(cycle, np.nan)
    terms = calibration["term"].values.astype(str).tolist()
    coefficients = calibration["variance_coefficients"].values.astype(np.float64)
    for number in range(len(settings.records)):
        own = found.record[block] == number
        for target in range(cycle.shape[-1]):
            predictors = regressors(
                terms,
                found.structural[block][own][:, target],
                found.count[block][own],
                cycle[own][:, target],
                found.residual[block][own][:, target],
            )
            data[own, target] = data_deviation(predictors, coefficients[number, target])
    return data


def _layers(
    found: Year, cycle: Array, data: Array, variable: str, block: slice
) -> dict[str, Array]:
    """The variables of the file, (window, cell, target), impossible values missing."""
    residual, structural = found.residual[block], found.structural[block]
    value = cycle + residual
    low, high = lookup(variable).valid_range or (-np.inf, np.inf)
    possible = (value >= low) & (value <= high)
    layers = {
        "": value,
        "_residual": residual,
        "_std": structural,
        "_std_data": data,
        "_std_total": np.sqrt(structural**2 + data**2),
    }
    return {f"{variable}{key}": np.where(possible, v, np.nan) for key, v in layers.items()}


def _dataset(
    layers: dict[str, Array],
    found: Year,
    block: slice,
    domain: xr.Dataset,
    window_days: int,
) -> xr.Dataset:
    """Layers and counts with their coordinates."""
    starts, channels = found.starts[block].astype("datetime64[ns]"), found.channels
    dims = ("time", "cell", "channel") if channels else ("time", "cell")
    dataset = xr.Dataset(
        {
            name: (dims, values if channels else values[..., 0], _told(name))
            for name, values in layers.items()
        },
        {"time": starts, "cell": domain["cell"]} | ({"channel": channels} if channels else {}),
    )
    for name in ("count", "shortened", "record"):
        dataset[name] = ("time", "cell"), getattr(found, name)[block]
    if window_days > 1:
        width = np.timedelta64(window_days, "D")
        dataset["time_bnds"] = ("time", "nv"), np.stack([starts, starts + width], axis=-1)
        dataset["time"].attrs["bounds"] = "time_bnds"
    return dataset


def _told(name: str) -> dict[str, str]:
    """The long name of an ensemble's spread, which `tb_std` of a granule is not."""
    structural = name.endswith("_std")
    return {"long_name": "standard deviation over the ensemble"} if structural else {}
