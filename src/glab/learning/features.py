"""The one place where a link's feature vector is formed, for samples and prediction alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float32s, Int16s
from glab.calendar import Days, days_between
from glab.climatology.running import RunningMeans, running_means
from glab.config import Features, LinkInput, Mapping, SensorInputs
from glab.errors import GlabError
from glab.learning.inputs import LinkInputs

COORDINATES = ("lat", "sin_lon")


@dataclass(frozen=True)
class FeatureBlock:
    """Feature vectors of some windows (days where `window_days` is 1) and cells.

    Attributes:
        values: float32 (window, cell, feature), each in its own unit; NaN where missing.
        count: days with a value of the first input, int16 (window, cell).
        shortened: running means that a shorter one stands in for, int16 (window, cell).
        target_cycle: the target's seasonal cycle, float32 (window, cell, target).
    """

    values: Float32s
    count: Int16s
    shortened: Int16s
    target_cycle: Float32s

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Windows and cells with every feature and a cycle of the target, (window, cell)."""
        return is_complete(self.values) & is_complete(self.target_cycle)


def is_complete(values: Float32s) -> NDArray[np.bool_]:
    """True where no entry of the last axis is missing."""
    return np.asarray(np.isfinite(values).all(axis=-1))


def feature_names(catalogue: LinkInputs, spec: Mapping, sensor: SensorInputs) -> list[str]:
    """Names of a sensor's features, in the order of `Vectors.values`.

    Raises:
        GlabError: when two inputs would have the same names.
    """
    names = [
        f"{label}_{kind}"
        for entry in sensor.inputs
        for kind in _kinds(spec.features)
        for label in catalogue.labels(sensor.baseline, entry)
    ]
    if spec.features.climatology:
        names += [f"target_{label}_climatology" for label in target_names(catalogue, spec, sensor)]
    names += COORDINATES if spec.features.coordinates else ()
    if len(set(names)) < len(names):
        raise GlabError("two inputs of a link have the same variable and channel", found=names)
    return names


def input_columns(names: list[str]) -> list[int]:
    """Columns of features that come from inputs: neither the target's cycle nor coordinates."""
    return [
        column
        for column, name in enumerate(names)
        if name not in COORDINATES and not name.startswith("target_")
    ]


def target_names(catalogue: LinkInputs, spec: Mapping, sensor: SensorInputs) -> list[str]:
    """Names of a link's targets: `tb_h`, …, or the variable's own name."""
    return catalogue.labels(sensor.baseline, spec.target)


def feature_block(
    catalogue: LinkInputs,
    spec: Mapping,
    sensor: SensorInputs,
    domain: xr.Dataset,
    starts: Days,
    cells: slice,
) -> FeatureBlock:
    """Feature vectors of a sensor at the given windows.

    Residuals and their running means come from all years the catalogue has around the windows;
    seasonal cycles are means over each window's days.

    Args:
        catalogue: residuals and cycles of the sensor's inputs and target.
        spec: target, window and features of the link.
        sensor: inputs and their baseline.
        domain: `lat` and `lon` of the cells.
        starts: first day of each window, ascending.
        cells: consecutive cells of the domain.
    """
    target_cycle = window_cycle(catalogue, spec, sensor, spec.target, starts, cells)
    columns: list[Float32s] = []
    counts: list[Int16s] = []
    shortened = np.zeros(target_cycle.shape[:2], np.int16)
    for entry in sensor.inputs:
        sets = _smoothed(catalogue, spec, sensor, entry, starts, cells)
        columns += [sets[0].value] if spec.features.residual else []
        columns += [mean for each in sets for mean in each.means]
        counts.append(sets[0].count.min(axis=-1))
        for each in sets:
            shortened += (each.shortened > 0).sum(axis=(0, -1), dtype=np.int16)
        if spec.features.climatology:
            columns.append(window_cycle(catalogue, spec, sensor, entry, starts, cells))
    if spec.features.climatology:
        columns.append(target_cycle)
    if spec.features.coordinates:
        columns.append(_coordinates(domain, cells, len(starts)))
    return FeatureBlock(np.concatenate(columns, axis=-1), counts[0], shortened, target_cycle)


def target_windows(
    catalogue: LinkInputs, spec: Mapping, sensor: SensorInputs, starts: Days, cells: slice
) -> tuple[Float32s, Int16s]:
    """Window means of the target's residual, and the days they hold, (window, cell, target)."""
    days = days_between(starts[0], starts[-1] + spec.window_days)
    residual = catalogue.residual(sensor.baseline, spec.target, days, cells)
    found = running_means(
        residual, days, starts, window_days=spec.window_days, means_days=(), means_values_min=()
    )
    return found.value, found.count


def residual_spread(
    catalogue: LinkInputs, spec: Mapping, sensor: SensorInputs, starts: Days, cells: slice
) -> Float32s:
    """Standard deviation of the cell's daily residual, for the features that are residuals.

    Returns:
        float32 (cell, feature); 0 for every other feature and where there is no value.
    """
    names = feature_names(catalogue, spec, sensor)
    spread = np.zeros((cells.stop - cells.start, len(names)), np.float32)
    for entry in sensor.inputs:
        days = _stretch(starts, spec)
        residual = catalogue.residual(sensor.baseline, entry, days, cells)
        for layer, label in enumerate(catalogue.labels(sensor.baseline, entry)):
            if f"{label}_residual" in names:
                spread[:, names.index(f"{label}_residual")] = _deviation(residual[..., layer])
    return spread


def _kinds(features: Features) -> list[str]:
    """What becomes of each layer of an input, in the order of the columns."""
    means = [
        f"mean{width}" + ("" if alignment == "centred" else f"_{alignment}")
        for alignment in features.means_alignment
        for width in features.means_days
    ]
    residual, cycle = ["residual"] * features.residual, ["climatology"] * features.climatology
    return [*residual, *means, *cycle]


def _stretch(starts: Days, spec: Mapping) -> Days:
    """The days that the windows and their running means reach."""
    margin = max(spec.features.means_days, default=0)
    return days_between(starts[0] - margin, starts[-1] + spec.window_days + margin)


def _smoothed(
    catalogue: LinkInputs,
    spec: Mapping,
    sensor: SensorInputs,
    entry: LinkInput,
    starts: Days,
    cells: slice,
) -> list[RunningMeans]:
    """Window values and running means of one input, once for each alignment of the means."""
    days = _stretch(starts, spec)
    residual = catalogue.residual(sensor.baseline, entry, days, cells)
    return [
        running_means(
            residual,
            days,
            starts,
            window_days=spec.window_days,
            means_days=spec.features.means_days,
            means_values_min=spec.features.means_values_min,
            alignment=alignment,
        )
        for alignment in spec.features.means_alignment
    ]


def _deviation(values: Float32s) -> Float32s:
    """Standard deviation along time of the values that are there, 0 where there is none."""
    there = np.isfinite(values)
    number = np.maximum(there.sum(axis=0), 1)
    filled = np.where(there, values, 0)
    mean = filled.sum(axis=0, dtype=np.float64) / number
    square = (filled**2).sum(axis=0, dtype=np.float64) / number
    return np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32)


def window_cycle(
    catalogue: LinkInputs,
    spec: Mapping,
    sensor: SensorInputs,
    entry: LinkInput,
    starts: Days,
    cells: slice,
) -> Float32s:
    """Mean of the seasonal cycle over the days of each window, (window, cell, layer)."""
    days = (starts[:, None] + np.arange(spec.window_days)).ravel()
    cycle = catalogue.cycle(sensor.baseline, entry, days, cells)
    shape = (len(starts), spec.window_days, *cycle.shape[1:])
    return cycle.reshape(shape).mean(axis=1, dtype=np.float32)


def _coordinates(domain: xr.Dataset, cells: slice, windows: int) -> Float32s:
    """Latitude in degrees and the sine of longitude, as the published method has them."""
    lat, lon = domain["lat"].values[cells], domain["lon"].values[cells]
    pair = np.stack([lat, np.sin(np.deg2rad(lon))], axis=-1).astype(np.float32)
    return np.broadcast_to(pair, (windows, *pair.shape))
