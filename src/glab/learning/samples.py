"""Draw samples: inputs and targets of a link on the same cells and days, labelled by split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from glab import io
from glab.arrays import Array, Booleans, Indices, Int16s
from glab.calendar import Days, days_within, window_starts, year_of
from glab.config import Samples, SensorInputs
from glab.errors import GlabError
from glab.learning.features import SensorFeatures, is_complete
from glab.seeds import generator
from glab.splits import BUFFER, cell_labels, sample_labels

STYLE = io.Style(packed=False, compression="zstd", chunks={"sample": 65536})
"""Samples are stored unpacked: each feature has its own unit, so that no one step fits them all."""

FLOAT32S_IN_A_MB = 250_000
"""Values of 4 bytes in a megabyte."""


@dataclass(frozen=True)
class SensorYear:
    """The windows of one sensor in one year.

    Attributes:
        number: of the sensor in its link.
        year: calendar year.
        starts: first day of each window.
        held_out: True for windows of held-out years, (window,).
        quota: most samples that are drawn from these windows.
    """

    number: int
    year: int
    starts: Days
    held_out: Booleans
    quota: int = 0


def draw_samples(sensors: Sequence[SensorFeatures], settings: Samples) -> xr.Dataset:
    """Draw the samples of all sensors of a link.

    The windows of a sensor in a year get a fraction of `samples_max` in proportion to their
    number, and each split a part of it in proportion to its samples. The draw depends on the seed
    alone. Values of a sensor are relative to the sensor's own baseline.

    Args:
        sensors: features of each sensor, with residuals of the training years. Their domain has
            tiles and blocks.
        settings: the link.

    Returns:
        `features` (sample, feature), `target` and `target_climatology` (sample, target_name) in
        the units of their variables, `count` of days with input, `sensor`, `split`, and for each
        sample `sample_cell`, `sample_block` and `sample_day`. No value is missing. Coordinates of
        `feature` describe the columns (`glab.learning.columns`).

    Raises:
        GlabError: when inputs and target of no sensor overlap.
    """
    labels = cell_labels(sensors[0].domain, settings.splits, settings.seed)
    windows = _with_quotas(_sensor_years(sensors, settings), settings.samples_max)
    drawn = [_draw_sensor_year(sensors[each.number], settings, each, labels) for each in windows]
    if not sum(samples.sizes["sample"] for samples in drawn):
        raise _no_overlap(sensors, settings)
    pooled = xr.concat(drawn, "sample", combine_attrs="override", join="exact")
    names = [features.sensor.inputs[0].source for features in sensors]
    pooled["sensor"].attrs = {
        "flag_values": np.arange(len(names), dtype=np.int16),
        "flag_meanings": " ".join(names),
    }
    return sensors[windows[0].number].describe(pooled)


def _sensor_years(sensors: Sequence[SensorFeatures], settings: Samples) -> list[SensorYear]:
    """Return the windows of all sensors and years in which all sources have residuals."""
    windows = []
    for number, features in enumerate(sensors):
        sensor = features.sensor
        sources = {settings.target.source, *(entry.source for entry in sensor.inputs)}
        shared = [set(features.years(source)) for source in sources]
        for year in sorted(set.intersection(*shared)) if sensor.role != "predict" else []:
            starts = window_starts(year, settings.window_days)
            wanted = _usable_windows(starts, sensor, settings)
            if wanted.any():
                held_out = np.isin(year_of(starts), settings.splits.held_out_years)
                windows.append(SensorYear(number, year, starts[wanted], held_out[wanted]))
    if not windows:
        raise _no_overlap(sensors, settings)
    return windows


def _usable_windows(starts: Days, sensor: SensorInputs, settings: Samples) -> Booleans:
    """Return True for windows of held-out years and for training windows.

    A training window lies in the training years (by default in the baseline) and does not reach
    into a held-out year.
    """
    held_out = settings.splits.held_out_years
    ends = starts + (settings.window_days - 1)
    if settings.training_years is not None:
        inside = np.isin(year_of(starts), settings.training_years)
    else:
        period = settings.baselines[sensor.baseline]
        inside = days_within(starts, period.start, period.end)
        inside &= days_within(ends, period.start, period.end)
    return np.isin(year_of(starts), held_out) | (inside & ~np.isin(year_of(ends), held_out))


def _with_quotas(windows: list[SensorYear], samples_max: int) -> list[SensorYear]:
    """Return the same windows with quotas in proportion to their number."""
    total = sum(len(each.starts) for each in windows)
    quotas = [max(1, samples_max * len(each.starts) // total) for each in windows]
    return [replace(each, quota=quota) for each, quota in zip(windows, quotas)]


def _draw_sensor_year(
    features: SensorFeatures,
    settings: Samples,
    windows: SensorYear,
    labels: Int16s,
) -> xr.Dataset:
    """Draw the samples of one sensor in one year."""
    domain = features.domain
    window_size = len(labels) * (len(features.names()) + 2 * len(features.target_names()))
    most = settings.memory_mb * FLOAT32S_IN_A_MB // window_size
    keep = _thin_windows(len(windows.starts), most, settings, windows)
    starts = windows.starts[keep]
    layers = _all_cells(features, starts, settings.target_days_min)
    features.average_inputs(layers["features"])
    split = sample_labels(labels, windows.held_out[keep])
    usable = split != BUFFER
    for name in ("features", "target", "target_climatology"):
        usable &= is_complete(layers[name])
    rng = generator(settings.seed, "samples", settings.name, windows.number, windows.year)
    chosen = np.unravel_index(_choose(split, usable, windows.quota, rng), split.shape)
    window, cell = chosen
    dims = {"features": ("sample", "feature"), "count": ("sample",)}
    return xr.Dataset(
        {
            name: (dims.get(name, ("sample", "target_name")), values[chosen])
            for name, values in layers.items()
        }
        | {
            "sensor": ("sample", np.full(len(cell), windows.number, np.int16)),
            "split": ("sample", split[chosen]),
        },
        {
            "sample_cell": ("sample", domain["cell"].values[cell].astype(np.int32)),
            "sample_block": ("sample", domain["block"].values[cell].astype(np.int32)),
            "sample_day": ("sample", starts[window].astype("datetime64[ns]")),
        },
    )


def _thin_windows(number: int, most: int, settings: Samples, windows: SensorYear) -> Indices:
    """Return positions of windows that fit into memory.

    One is drawn from each of `most` equal stretches of the year, so that all seasons stay.
    """
    if most < 1:
        raise GlabError(
            "not one window of features fits into memory",
            variable=f"links.{settings.name}.memory_mb",
            found=settings.memory_mb,
        )
    if number <= most:
        return np.arange(number)
    rng = generator(settings.seed, "windows", settings.name, windows.number, windows.year)
    edges = np.linspace(0, number, most + 1)
    # Two neighbouring stretches can draw the same window.
    return np.unique(rng.uniform(edges[:-1], edges[1:]).astype(np.int64))


def _all_cells(features: SensorFeatures, starts: Days, target_days_min: int) -> dict[str, Array]:
    """Return features and targets of every cell, tile by tile, (window, cell[, …])."""
    layers: dict[str, Array] = {}
    for tile, block in features.blocks(starts):
        target, days = features.target_windows(starts, tile)
        target[days < target_days_min] = np.nan
        of_tile: dict[str, Array] = {
            "features": block.values,
            "target": target,
            "target_climatology": block.target_cycle,
            "count": block.count,
        }
        for name, values in of_tile.items():
            shape = (len(starts), features.domain.sizes["cell"], *values.shape[2:])
            layers.setdefault(name, np.empty(shape, values.dtype))[:, tile] = values
    return layers


def _choose(split: Int16s, usable: Booleans, quota: int, rng: np.random.Generator) -> Indices:
    """Return flat positions of at most `quota` usable samples, each split in proportion."""
    candidates = np.flatnonzero(usable)
    if len(candidates) <= quota:
        return candidates
    label = split.ravel()[candidates]
    kept = []
    for value in np.unique(label):
        of_split = candidates[label == value]
        number = max(1, quota * len(of_split) // len(candidates))
        # The order is that of the cells in any case: a shuffle would cost time.
        kept.append(rng.choice(of_split, number, replace=False, shuffle=False))
    return np.sort(np.concatenate(kept))


def _no_overlap(sensors: Sequence[SensorFeatures], settings: Samples) -> GlabError:
    """Return the error for a link whose inputs and target share no cell and window."""
    lines = []
    for features in sensors:
        inputs = (entry.source for entry in features.sensor.inputs)
        sources = [*inputs, settings.target.source]
        years = [f"{name} {features.years(name) or 'no year'}" for name in sources]
        lines.append(f"baseline {features.sensor.baseline!r}: {'; '.join(years)}")
    return GlabError(
        f"inputs and target of the link {settings.name!r} do not overlap",
        variable=f"links.{settings.name}",
        found=" | ".join(lines),
        expected=f"days with every input and {settings.target.source!r} on the same cells",
        remedy="change its baselines or training_years, or the splits that hold years out",
    )
