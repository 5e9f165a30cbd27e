"""Form the feature vectors of a link, in the same way for samples and for prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from glab.arrays import Booleans, Float32s, Int16s, finite_mean
from glab.calendar import Days, days_between
from glab.climatology.running import RunningMeans, running_means
from glab.config import LinkInput, Mapping, SensorInputs
from glab.errors import GlabError
from glab.learning.columns import Feature, describe_columns, input_columns
from glab.learning.inputs import (
    Average,
    LinkInputs,
    average_columns,
    footprint_average,
    open_inputs,
    tiles_of,
)

COORDINATES = ("lat", "sin_lon")
"""Coordinates of a cell that the published method gives to its network."""


@dataclass(frozen=True)
class FeatureBlock:
    """Feature vectors of some windows (days where `window_days` is 1) and cells.

    Attributes:
        values: float32 (window, cell, feature), each in its own unit; NaN where missing.
        count: days with a value of the first input, int16 (window, cell).
        shortened: number of running means replaced by a shorter window (too few values), int16
            (window, cell).
        target_cycle: the target's seasonal cycle, float32 (window, cell, target).
    """

    values: Float32s
    count: Int16s
    shortened: Int16s
    target_cycle: Float32s

    @property
    def complete(self) -> Booleans:
        """Windows and cells with every feature and a cycle of the target, (window, cell)."""
        return is_complete(self.values) & is_complete(self.target_cycle)


def is_complete(values: Float32s) -> Booleans:
    """Return True where no entry of the last axis is missing."""
    return np.asarray(np.isfinite(values).all(axis=-1))


@dataclass(frozen=True)
class SensorFeatures:
    """Form the features of one sensor of a link, and the windows of its target.

    Attributes:
        link_inputs: residuals and seasonal cycles of the sensor's inputs and of the target.
        spec: target, window and features of the link.
        sensor: inputs and their baseline.
        domain: tiles, and `lat` and `lon` of the cells.
        average: averages inputs to the target's footprint; None: inputs at their full detail.
    """

    link_inputs: LinkInputs
    spec: Mapping
    sensor: SensorInputs
    domain: xr.Dataset
    average: Average | None = None

    def columns(self) -> list[Feature]:
        """Return the features, in the order of `FeatureBlock.values`.

        Raises:
            GlabError: for a source, variable or channel that does not exist, and when two inputs
                would have the same names.
        """
        options = self.spec.features
        columns = [
            replace(kind, label=label)
            for entry in self.sensor.inputs
            for kind in self._kinds()
            for label in self._labels(entry)
        ]
        if options.climatology:
            targets = self.target_names()
            columns += [Feature(label, "climatology", of_target=True) for label in targets]
        if options.coordinates:
            columns += [Feature(name, "coordinate") for name in COORDINATES]
        names = [feature.name for feature in columns]
        if len(set(names)) < len(names):
            raise GlabError("two inputs of a link have the same variable and channel", found=names)
        return columns

    def names(self) -> list[str]:
        """Return the names of the features, in the order of `FeatureBlock.values`."""
        return [feature.name for feature in self.columns()]

    def target_names(self) -> list[str]:
        """Return the names of the link's targets: `tb_h`, …, or the variable's own name."""
        return self._labels(self.spec.target)

    def target_channels(self) -> list[str]:
        """Return the channels of the target; none where it has no such dimension."""
        return self.link_inputs.channels(self.sensor.baseline, self.spec.target)

    def years(self, source: str) -> list[int]:
        """Return the years with residuals of a source over the sensor's baseline."""
        return self.link_inputs.years(self.sensor.baseline, source)

    def describe(self, samples: xr.Dataset) -> xr.Dataset:
        """Return samples with names of targets, and names and descriptions of features."""
        return describe_columns(
            samples.assign_coords(target_name=self.target_names()), self.columns()
        )

    def blocks(self, starts: Days) -> Iterator[tuple[slice, FeatureBlock]]:
        """Yield the feature vectors of some windows tile by tile, not averaged."""
        for tile in tiles_of(self.domain):
            yield tile, self.block(starts, tile)

    def average_inputs(self, values: Float32s) -> None:
        """Average the features of inputs to the target's footprint, in place.

        Args:
            values: (window, cell, feature) of all cells of the domain. Cycles of the target and
                coordinates do not change.
        """
        if self.average is not None:
            average_columns(values, input_columns(self.columns()), self.average)

    def block(self, starts: Days, cells: slice) -> FeatureBlock:
        """Return the feature vectors of some windows and cells.

        Residuals and their running means use all years that `link_inputs` has around the windows.
        Seasonal cycles are means over the days of each window.

        Args:
            starts: first day of each window, ascending.
            cells: consecutive cells of the domain.
        """
        options = self.spec.features
        target_cycle = self.window_cycle(self.spec.target, starts, cells)
        columns: list[Float32s] = []
        counts: list[Int16s] = []
        shortened = np.zeros(target_cycle.shape[:2], np.int16)
        for entry in self.sensor.inputs:
            sets = self._running_means(entry, starts, cells)
            columns += [sets[0].value] if options.residual else []
            columns += [mean for each in sets for mean in each.means]
            counts.append(sets[0].count.min(axis=-1))  # of all layers, since all are needed
            for each in sets:
                shortened += (each.shortened > 0).sum(axis=(0, -1), dtype=np.int16)
            if options.climatology:
                columns.append(self.window_cycle(entry, starts, cells))
        if options.climatology:
            columns.append(target_cycle)
        if options.coordinates:
            columns.append(self._coordinates(len(starts), cells))
        return FeatureBlock(np.concatenate(columns, axis=-1), counts[0], shortened, target_cycle)

    def target_windows(self, starts: Days, cells: slice) -> tuple[Float32s, Int16s]:
        """Return window means of the target's residual and their number of days.

        Args:
            starts, cells: as for `block`.

        Returns:
            two arrays (window, cell, target); the mean is NaN where no day has a value.
        """
        width = self.spec.window_days
        days = days_between(starts[0], starts[-1] + width)
        residual = self._residual(self.spec.target, days, cells)
        means = running_means(
            residual, days, starts, window_days=width, means_days=(), means_values_min=()
        )
        return means.value, means.count

    def residual_spread(self, starts: Days, cells: slice) -> Float32s:
        """Return the standard deviation of each cell's daily residuals, for residual features.

        Args:
            starts, cells: as for `block`.

        Returns:
            float32 (cell, feature); 0 for every other feature and where no day has a value.
        """
        names = self.names()
        spread = np.zeros((cells.stop - cells.start, len(names)), np.float32)
        for entry in self.sensor.inputs:
            residual = self._residual(entry, self._days_around(starts), cells)
            for layer, label in enumerate(self._labels(entry)):
                name = Feature(label, "residual").name
                if name in names:
                    spread[:, names.index(name)] = _standard_deviation(residual[..., layer])
        return spread

    def window_cycle(self, entry: LinkInput, starts: Days, cells: slice) -> Float32s:
        """Return the mean seasonal cycle over the days of each window, (window, cell, layer).

        Args:
            entry: an input, or the target.
            starts, cells: as for `block`.
        """
        days = (starts[:, None] + np.arange(self.spec.window_days)).ravel()
        cycle = self.link_inputs.cycle(self.sensor.baseline, entry, days, cells)
        shape = (len(starts), self.spec.window_days, *cycle.shape[1:])
        return cycle.reshape(shape).mean(axis=1, dtype=np.float32)

    def _kinds(self) -> list[Feature]:
        """Return the features of a layer of an input, in column order, still without a label."""
        options = self.spec.features
        kinds = [Feature("", "residual")] if options.residual else []
        kinds += [
            Feature("", "mean", width, alignment)
            for alignment in options.means_alignment
            for width in options.means_days
        ]
        return [*kinds, Feature("", "climatology")] if options.climatology else kinds

    def _labels(self, entry: LinkInput) -> list[str]:
        return self.link_inputs.labels(self.sensor.baseline, entry)

    def _residual(self, entry: LinkInput, days: Days, cells: slice) -> Float32s:
        return self.link_inputs.residual(self.sensor.baseline, entry, days, cells)

    def _days_around(self, starts: Days) -> Days:
        """Return the days that windows and their running means reach."""
        # A whole width on both sides, since means can be one-sided.
        margin = max(self.spec.features.means_days, default=0)
        return days_between(starts[0] - margin, starts[-1] + self.spec.window_days + margin)

    def _running_means(self, entry: LinkInput, starts: Days, cells: slice) -> list[RunningMeans]:
        """Return window values and running means of an input, one set for each alignment."""
        days, options = self._days_around(starts), self.spec.features
        residual = self._residual(entry, days, cells)
        return [
            running_means(
                residual,
                days,
                starts,
                window_days=self.spec.window_days,
                means_days=options.means_days,
                means_values_min=options.means_values_min,
                alignment=alignment,
            )
            for alignment in options.means_alignment
        ]

    def _coordinates(self, windows: int, cells: slice) -> Float32s:
        """Return latitude in degrees and the sine of longitude, as the published method does."""
        lat, lon = (self.domain[name].values[cells] for name in ("lat", "lon"))
        pair = np.stack([lat, np.sin(np.deg2rad(lon))], axis=-1).astype(np.float32)
        return np.broadcast_to(pair, (windows, *pair.shape))


@contextmanager
def open_features(
    residuals: Sequence[Path],
    climatologies: Sequence[Path],
    domain: xr.Dataset,
    spec: Mapping,
    footprint: float | str | None,
) -> Iterator[list[SensorFeatures]]:
    """Open the files of a link, and close them at the end of the context.

    Args:
        residuals: files `…/<baseline>/<source>/<year>.nc`.
        climatologies: files `…/<baseline>/<source>/<tile>.nc`, every tile of each.
        domain: its cells.
        spec: target, window, features and sensors of the link.
        footprint: to which inputs are averaged: a grid's name, a width in km, or None.

    Yields:
        the features of each sensor.

    Raises:
        GlabError: for a missing or unreadable file, another domain, a missing tile.
    """
    average = footprint_average(footprint, domain["cell"].values)
    with closing(open_inputs(residuals, climatologies, domain)) as link_inputs:
        yield [
            SensorFeatures(link_inputs, spec, sensor, domain, average) for sensor in spec.sensors
        ]


def _standard_deviation(values: Float32s) -> Float32s:
    """Return the standard deviation of the finite values along time, 0 where there is none."""
    # Sums in float64: the difference of mean square and squared mean loses digits.
    mean = finite_mean(values, axis=0, dtype=np.float64)
    square = finite_mean(values**2, axis=0, dtype=np.float64)
    deviation = np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32)
    return np.nan_to_num(deviation, nan=0.0)
