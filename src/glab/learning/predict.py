"""Apply an ensemble to one year: values, structural spread and data uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float32s
from glab.calendar import Days, time_blocks, window_starts
from glab.config import Predict, SensorInputs
from glab.errors import GlabError
from glab.learning.calibrate import data_std, variance_predictors
from glab.learning.features import (
    FeatureBlock,
    feature_block,
    feature_names,
    input_columns,
    residual_spread,
    target_names,
    window_cycle,
)
from glab.learning.inputs import Average, LinkInputs, average_columns, tiles_of
from glab.learning.network import ScaledNetwork, check_members, mean_and_spread, noise_spread
from glab.seeds import seed_of
from glab.variables import lookup

MISSING = -1


@dataclass(frozen=True)
class PredictedYear:
    """Networks' values of all windows of a year, in memory; NaN where an input is missing.

    Attributes:
        starts: first day of each window.
        channels: of the target; none where it has no such dimension.
        residual: ensemble mean and offset, float32 (window, cell, target).
        structural: standard deviation over the members, like `residual`.
        noise: spread by perturbed inputs, like `residual`; None where it is not asked for.
        count: days with input, int16 (window, cell).
        shortened: running means that fell back to shorter ones, int16 (window, cell).
        sensor: number of the sensor the value comes from, int16 (window, cell), −1 for none.
    """

    starts: Days
    channels: list[str]
    residual: Float32s
    structural: Float32s
    noise: Float32s | None
    count: NDArray[np.int16]
    shortened: NDArray[np.int16]
    sensor: NDArray[np.int16]


def predict_year(
    catalogue: LinkInputs,
    domain: xr.Dataset,
    networks: Sequence[ScaledNetwork],
    calibration: xr.Dataset,
    settings: Predict,
    year: int,
    average: Average | None = None,
) -> PredictedYear:
    """Apply an ensemble to one year.

    Args:
        catalogue: residuals of the inputs in that year and the years beside it, and cycles.
        domain: cells and tiles.
        networks: every member.
        calibration: from `glab.learning.calibrate.calibrate`.
        settings: the link.
        year: which year.
        average: to the target's footprint, applied to all input features, as they were in
            training; None: inputs at their full detail, tile by tile.

    Raises:
        GlabError: when no sensor of the link has this year, or networks are of another link.
    """
    sensors = _records_of(catalogue, settings, year)
    channels = catalogue.channels(settings.sensors[sensors[0]].baseline, settings.target)
    found = _empty(window_starts(year, settings.window_days), channels, domain, settings)
    for number in sensors:
        sensor = settings.sensors[number]
        names = feature_names(catalogue, settings, sensor)
        check_members(networks, names, target_names(catalogue, settings, sensor))
        offset = calibration["offset"].values[number]
        for tile, given in _given(catalogue, settings, sensor, domain, found.starts, average):
            _fill(found, given, tile, number, networks, offset[tile], settings)
            if found.noise is not None:
                _fill_noise(found, given, tile, number, networks, catalogue, settings)
    return found


def _given(
    catalogue: LinkInputs,
    settings: Predict,
    sensor: SensorInputs,
    domain: xr.Dataset,
    starts: Days,
    average: Average | None,
) -> Iterator[tuple[slice, FeatureBlock]]:
    """Feature vectors tile by tile; of all cells at once where they are averaged.

    A cell whose own inputs are missing stays missing, whatever its neighbours know.
    """
    parts = (
        (tile, feature_block(catalogue, settings, sensor, domain, starts, tile))
        for tile in tiles_of(domain)
    )
    if average is None:
        yield from parts
        return
    whole = join_blocks([given for _, given in parts])
    missing = ~whole.complete
    average_columns(
        whole.values, input_columns(feature_names(catalogue, settings, sensor)), average
    )
    whole.values[missing] = np.nan
    yield slice(0, domain.sizes["cell"]), whole


def join_blocks(parts: Sequence[FeatureBlock]) -> FeatureBlock:
    """Feature vectors of consecutive tiles as one."""
    names = [field.name for field in fields(FeatureBlock)]
    return FeatureBlock(*(np.concatenate([getattr(p, name) for p in parts], 1) for name in names))


def _records_of(catalogue: LinkInputs, settings: Predict, year: int) -> list[int]:
    """Records that can predict a year: all their inputs have it."""
    served = [
        number
        for number, sensor in enumerate(settings.sensors)
        if sensor.role != "train"
        and all(year in catalogue.years(sensor.baseline, e.source) for e in sensor.inputs)
    ]
    if not served:
        raise GlabError(
            f"link {settings.name!r} cannot predict {year}",
            variable=f"links.{settings.name}.sensors",
            found="no sensor whose inputs all have residuals of that year",
            remedy="shorten the years of the products that need it",
        )
    return served


def _empty(
    starts: Days, channels: list[str], domain: xr.Dataset, settings: Predict
) -> PredictedYear:
    size = len(starts), domain.sizes["cell"]
    layers = max(len(channels), 1)

    def nothing() -> Float32s:
        return np.full((*size, layers), np.nan, np.float32)

    noise = None if settings.noise_fraction is None else nothing()
    zeros = np.zeros(size, np.int16), np.zeros(size, np.int16)
    sensor = np.full(size, MISSING, np.int16)
    return PredictedYear(starts, channels, nothing(), nothing(), noise, *zeros, sensor)


def _fill(
    found: PredictedYear,
    given: FeatureBlock,
    tile: slice,
    number: int,
    networks: Sequence[ScaledNetwork],
    offset: Float32s,
    settings: Predict,
) -> None:
    """Put the values of one sensor and tile where no earlier sensor has any."""
    wanted = given.complete & (found.sensor[:, tile] == MISSING)
    mean, spread = mean_and_spread(networks, given.values[wanted], settings.batch_size)
    found.residual[:, tile][wanted] = mean + offset[np.nonzero(wanted)[1]]
    found.structural[:, tile][wanted] = spread
    found.count[:, tile][wanted] = given.count[wanted]
    found.shortened[:, tile][wanted] = given.shortened[wanted]
    found.sensor[:, tile][wanted] = number


def _fill_noise(
    found: PredictedYear,
    given: FeatureBlock,
    tile: slice,
    number: int,
    networks: Sequence[ScaledNetwork],
    catalogue: LinkInputs,
    settings: Predict,
) -> None:
    """Spread of the outputs when residuals are perturbed by a share of the cell's own spread."""
    assert found.noise is not None and settings.noise_fraction is not None
    sensor = settings.sensors[number]
    deviation = residual_spread(catalogue, settings, sensor, found.starts, tile)
    wanted = found.sensor[:, tile] == number
    found.noise[:, tile][wanted] = noise_spread(
        networks,
        given.values[wanted],
        settings.noise_fraction * deviation[np.nonzero(wanted)[1]],
        settings.noise_runs,
        settings.batch_size,
        seed_of(settings.seed, settings.name, str(found.starts[0]), tile.start, number),
    )


def prediction_blocks(
    found: PredictedYear,
    catalogue: LinkInputs,
    domain: xr.Dataset,
    calibration: xr.Dataset,
    settings: Predict,
) -> Iterator[xr.Dataset]:
    """A year as the file has it, some windows at a time.

    Yields:
        `<variable>` (the target's cycle, network and offset), `_residual` (network and offset),
        `_std`, `_std_data`, `_std_total`, all (time, cell[, channel]); `count`, `shortened` and
        `sensor` (time, cell); `time` is the first day of a window, and longer windows than a day
        have `time_bnds`. Values that cannot be, by the variable's valid range, are missing.
    """
    for block in time_blocks(found.starts):
        cycle = cycles(found, catalogue, settings, block)
        data = _data(found, cycle, calibration, settings, block)
        layers = _layers(found, cycle, data, settings.target.variable, block)
        yield _dataset(layers, found, block, domain, settings.window_days)


def cycles(
    found: PredictedYear, catalogue: LinkInputs, settings: Predict, block: slice
) -> Float32s:
    """The target's cycle over the baseline of each value's sensor, (window, cell, target)."""
    cycle = np.full_like(found.residual[block], np.nan)
    for number, sensor in enumerate(settings.sensors):
        own = found.sensor[block] == number
        if own.any():
            cells = slice(0, own.shape[1])
            args = (settings, sensor, settings.target, found.starts[block], cells)
            cycle[own] = window_cycle(catalogue, *args)[own]
    return cycle


def _data(
    found: PredictedYear, cycle: Float32s, calibration: xr.Dataset, settings: Predict, block: slice
) -> Float32s:
    """Standard deviation of the data error: by perturbed inputs, else by the fitted variance."""
    if found.noise is not None:
        return found.noise[block]
    data = np.full_like(cycle, np.nan)
    terms = calibration["term"].values.astype(str).tolist()
    coefficients = calibration["variance_coefficients"].values.astype(np.float64)
    for number in range(len(settings.sensors)):
        own = found.sensor[block] == number
        for target in range(cycle.shape[-1]):
            predictors = variance_predictors(
                terms,
                found.structural[block][own][:, target],
                found.count[block][own],
                cycle[own][:, target],
                found.residual[block][own][:, target],
            )
            data[own, target] = data_std(predictors, coefficients[number, target])
    return data


def _layers(
    found: PredictedYear, cycle: Float32s, data: Float32s, variable: str, block: slice
) -> dict[str, Float32s]:
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
    layers: dict[str, Float32s],
    found: PredictedYear,
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
    for name in ("count", "shortened", "sensor"):
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
