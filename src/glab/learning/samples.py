"""Samples: co-located inputs and targets of a link's training years, labelled by split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Int16s
from glab.calendar import Days, window_starts, year_of
from glab.config import Samples, SensorInputs
from glab.errors import GlabError
from glab.io.encoding import Style
from glab.learning.features import (
    feature_block,
    feature_names,
    input_columns,
    is_complete,
    target_names,
    target_windows,
)
from glab.learning.inputs import Average, LinkInputs, average_columns, tiles_of
from glab.seeds import generator
from glab.splits import BUFFER, cell_labels, sample_labels

STYLE = Style(packed=False, compression="zstd", chunks={"sample": 65536})


@dataclass(frozen=True)
class SensorYear:
    """One sensor (its number) in one year: first days of its windows, which of them are held
    out, and how many samples they may give."""

    number: int
    year: int
    starts: Days
    held_out: NDArray[np.bool_]
    quota: int = 0


def draw_samples(
    catalogue: LinkInputs,
    domain: xr.Dataset,
    settings: Samples,
    average: Average | None = None,
) -> xr.Dataset:
    """Samples of all sensors of a link, pooled.

    Every sensor and year gives at most its share of `samples_max`, and within it every split its
    share, drawn by a seed; each sensor's values are relative to its own baseline.

    Args:
        catalogue: residuals of the training years, and seasonal cycles.
        domain: cells, tiles, blocks.
        settings: the link.
        average: to the target's footprint, applied to all input features; None for no matching.

    Returns:
        `features` (sample, feature), `target` and `target_climatology` (sample, target) in the
        units of their variables, `count` of days with input, `sensor`, `split`, and for each
        sample its `cell`, `block` and `day`. No value is missing.

    Raises:
        GlabError: when inputs and targets of no sensor overlap.
    """
    labels = cell_labels(domain, settings.splits, settings.seed)
    parts = _sensor_years(catalogue, settings)
    drawn = [
        _draw_sensor_year(catalogue, domain, settings, part, labels, average)
        for part in _with_quotas(parts, settings.samples_max)
    ]
    if not sum(found.sizes["sample"] for found in drawn):
        raise _no_overlap(catalogue, settings)
    joined = xr.concat(drawn, "sample", combine_attrs="override", join="exact")
    sensor = settings.sensors[parts[0].number]
    return _described(joined, catalogue, sensor, settings)


def _sensor_years(catalogue: LinkInputs, settings: Samples) -> list[SensorYear]:
    """Records and years in which all inputs and the target have residuals."""
    parts = []
    for number, sensor in enumerate(settings.sensors):
        sources = {settings.target.source, *(entry.source for entry in sensor.inputs)}
        shared = [set(catalogue.years(sensor.baseline, source)) for source in sources]
        for year in sorted(set.intersection(*shared)) if sensor.role != "predict" else []:
            starts = window_starts(year, settings.window_days)
            wanted = _wanted(starts, sensor, settings)
            if wanted.any():
                held_out = np.isin(year_of(starts), settings.splits.held_out_years)
                parts.append(SensorYear(number, year, starts[wanted], held_out[wanted]))
    if not parts:
        raise _no_overlap(catalogue, settings)
    return parts


def _wanted(starts: Days, sensor: SensorInputs, settings: Samples) -> NDArray[np.bool_]:
    """Windows of held-out years, and those that lie in training years (by default in the
    baseline) without reaching into a held-out one."""
    held_out = settings.splits.held_out_years
    first, last = year_of(starts), year_of(starts + (settings.window_days - 1))
    if settings.training_years is not None:
        inside = np.isin(first, settings.training_years)
    else:
        inside = starts >= np.datetime64(settings.baselines[sensor.baseline].start, "D")
        end = settings.baselines[sensor.baseline].end
        if end is not None:
            inside &= starts + settings.window_days <= np.datetime64(end, "D") + 1
    return np.isin(first, held_out) | (inside & ~np.isin(last, held_out))


def _with_quotas(parts: list[SensorYear], samples_max: int) -> list[SensorYear]:
    """Each part's share of the samples, by its number of windows."""
    windows = sum(len(part.starts) for part in parts)
    return [
        SensorYear(
            p.number, p.year, p.starts, p.held_out, max(1, samples_max * len(p.starts) // windows)
        )
        for p in parts
    ]


def _draw_sensor_year(
    catalogue: LinkInputs,
    domain: xr.Dataset,
    settings: Samples,
    part: SensorYear,
    labels: Int16s,
    average: Average | None,
) -> xr.Dataset:
    """Samples of one sensor in one year."""
    sensor = settings.sensors[part.number]
    names = feature_names(catalogue, settings, sensor)
    size = len(labels) * (len(names) + 2 * len(target_names(catalogue, settings, sensor)))
    keep = _thinned(len(part.starts), settings.memory_mb * 250_000 // size, settings, part)
    starts = part.starts[keep]
    found = _tiles(catalogue, domain, settings, sensor, starts)
    if average is not None:
        average_columns(found["features"], input_columns(names), average)
    split = sample_labels(labels, part.held_out[keep])
    usable = (split != BUFFER) & is_complete(found["target"]) & is_complete(found["features"])
    usable &= is_complete(found["target_climatology"])
    rng = generator(settings.seed, "samples", settings.name, part.number, part.year)
    place = np.unravel_index(_chosen(split, usable, part.quota, rng), split.shape)
    windows, cells = place
    return xr.Dataset(
        {
            "features": (("sample", "feature"), found["features"][place]),
            "target": (("sample", "target_name"), found["target"][place]),
            "target_climatology": (("sample", "target_name"), found["target_climatology"][place]),
            "count": ("sample", found["count"][place]),
            "sensor": ("sample", np.full(len(cells), part.number, np.int16)),
            "split": ("sample", split[place]),
        },
        {
            "sample_cell": ("sample", domain["cell"].values[cells].astype(np.int32)),
            "sample_block": ("sample", domain["block"].values[cells].astype(np.int32)),
            "sample_day": ("sample", starts[windows].astype("datetime64[ns]")),
        },
    )


def _thinned(number: int, most: int, settings: Samples, part: SensorYear) -> NDArray[np.int64]:
    """Windows that fit into memory: one at random from each of equal stretches of the year."""
    if most < 1:
        raise GlabError(
            "not one window of features fits into memory",
            variable=f"links.{settings.name}.memory_mb",
            found=settings.memory_mb,
        )
    if number <= most:
        return np.arange(number)
    rng = generator(settings.seed, "windows", settings.name, part.number, part.year)
    edges = np.linspace(0, number, most + 1)
    return np.unique(rng.uniform(edges[:-1], edges[1:]).astype(np.int64))


def _tiles(
    catalogue: LinkInputs, domain: xr.Dataset, settings: Samples, sensor: SensorInputs, starts: Days
) -> dict[str, NDArray]:
    """Features and targets of every cell, tile by tile, (window, cell[, …])."""
    found: dict[str, NDArray] = {}
    for tile in tiles_of(domain):
        given = feature_block(catalogue, settings, sensor, domain, starts, tile)
        target, days = target_windows(catalogue, settings, sensor, starts, tile)
        target[days < settings.target_days_min] = np.nan
        part: dict[str, NDArray] = {
            "features": given.values,
            "count": given.count,
            "target": target,
            "target_climatology": given.target_cycle,
        }
        for name, values in part.items():
            shape = (len(starts), domain.sizes["cell"], *values.shape[2:])
            found.setdefault(name, np.empty(shape, values.dtype))[:, tile] = values
    return found


def _chosen(
    split: Int16s, usable: NDArray[np.bool_], quota: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Flat positions of at most `quota` usable samples, every split in its proportion."""
    candidates = np.flatnonzero(usable)
    if len(candidates) <= quota:
        return candidates
    label = split.ravel()[candidates]
    kept = []
    for value in np.unique(label):
        own = candidates[label == value]
        number = max(1, quota * len(own) // len(candidates))
        kept.append(rng.choice(own, number, replace=False, shuffle=False))
    return np.sort(np.concatenate(kept))


def _described(
    samples: xr.Dataset, catalogue: LinkInputs, sensor: SensorInputs, settings: Samples
) -> xr.Dataset:
    """Samples with the names of features, targets and sensors."""
    sensors = [sensor.inputs[0].source for sensor in settings.sensors]
    samples["sensor"].attrs = {
        "flag_values": np.arange(len(sensors), dtype=np.int16),
        "flag_meanings": " ".join(sensors),
    }
    names = feature_names(catalogue, settings, sensor)
    targets = target_names(catalogue, settings, sensor)
    return samples.assign_coords(feature=names, target_name=targets)


def _no_overlap(catalogue: LinkInputs, settings: Samples) -> GlabError:
    """The error for a link whose inputs and target never see the same cell in the same window."""
    lines = []
    for sensor in settings.sensors:
        sources = [*(entry.source for entry in sensor.inputs), settings.target.source]
        told = [f"{name} {catalogue.years(sensor.baseline, name) or 'no year'}" for name in sources]
        lines.append(f"baseline {sensor.baseline!r}: {'; '.join(told)}")
    return GlabError(
        f"inputs and target of the link {settings.name!r} do not overlap",
        variable=f"links.{settings.name}",
        found=" | ".join(lines),
        expected=f"days with every input and {settings.target.source!r} on the same cells",
        remedy="change its baselines or training_years, or the splits that hold years out",
    )
