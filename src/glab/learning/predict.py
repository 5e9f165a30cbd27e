"""Apply an ensemble to one year: values, structural spread and data uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr

from glab.arrays import Float32s, Int16s
from glab.calendar import Days, time_blocks, window_starts
from glab.config import Predict
from glab.errors import GlabError
from glab.learning.calibrate import data_std, variance_predictors
from glab.learning.features import FeatureBlock, SensorFeatures
from glab.learning.network import ScaledNetwork, check_members, mean_and_spread, noise_spread
from glab.seeds import seed_of
from glab.variables import lookup

NO_SENSOR = -1
"""Number of the sensor where no value is predicted."""


@dataclass(frozen=True)
class PredictedYear:
    """Values of the networks for all windows of a year, in memory; NaN where an input is missing.

    Attributes:
        starts: first day of each window.
        channels: of the target; none where it has no such dimension.
        residual: ensemble mean and offset, float32 (window, cell, target).
        structural: standard deviation over the members, like `residual`.
        noise: spread by perturbed inputs, like `residual`; None unless `noise_fraction` is set.
        count: days with input, int16 (window, cell).
        shortened: number of running means replaced by a shorter window, int16 (window, cell).
        sensor: number of the sensor that gives the value, int16 (window, cell), −1 for none.
    """

    starts: Days
    channels: list[str]
    residual: Float32s
    structural: Float32s
    noise: Float32s | None
    count: Int16s
    shortened: Int16s
    sensor: Int16s


@dataclass(frozen=True)
class LinkPredictor:
    """Apply the ensemble of a link to years.

    Attributes:
        sensors: features of each sensor, with residuals of the inputs in a year and the years
            beside it, and cycles of inputs and target.
        networks: every member.
        calibration: from `glab.learning.calibrate.fit_calibration`.
        settings: the link.
    """

    sensors: Sequence[SensorFeatures]
    networks: Sequence[ScaledNetwork]
    calibration: xr.Dataset
    settings: Predict

    @property
    def domain(self) -> xr.Dataset:
        """The domain of the link, with cells and tiles."""
        return self.sensors[0].domain

    def predict_year(self, year: int) -> PredictedYear:
        """Apply the ensemble to all windows of a year.

        Where several sensors of the link have a value, the first one in the configuration counts.

        Raises:
            GlabError: when no sensor of the link has this year, or networks are of another link.
        """
        numbers = self._sensors_with(year)
        predicted = self._empty_year(year, self.sensors[numbers[0]].target_channels())
        for number in numbers:
            features = self.sensors[number]
            check_members(self.networks, features.names(), features.target_names())
            for tile, block in self._feature_blocks(features, predicted.starts):
                self._fill(predicted, features, block, tile, number)
        return predicted

    def blocks(self, predicted: PredictedYear) -> Iterator[xr.Dataset]:
        """Yield a predicted year in the form of its file, some windows at a time.

        Yields:
            `<variable>` (the target's cycle, network and offset), `_residual` (network and
            offset), `_std`, `_std_data`, `_std_total`, all (time, cell[, channel]); `count`,
            `shortened` and `sensor` (time, cell); `time` is the first day of a window, and windows
            longer than a day have `time_bnds`. All layers are missing where the value is outside
            the valid range of the variable.
        """
        variable = self.settings.target.variable
        # A network can leave the physical range; `io.write` would refuse such values.
        low, high = lookup(variable).valid_range or (-np.inf, np.inf)
        for block in time_blocks(predicted.starts):
            cycle = self.target_cycle(predicted, block)
            residual, structural = predicted.residual[block], predicted.structural[block]
            data = self._data_std(predicted, cycle, block)
            value = cycle + residual
            possible = (value >= low) & (value <= high)
            layers = {
                variable: value,
                f"{variable}_residual": residual,
                f"{variable}_std": structural,
                f"{variable}_std_data": data,
                f"{variable}_std_total": np.sqrt(structural**2 + data**2),
            }
            layers = {name: np.where(possible, layer, np.nan) for name, layer in layers.items()}
            yield self._dataset(predicted, layers, block)

    def target_cycle(self, predicted: PredictedYear, block: slice) -> Float32s:
        """Return the target's cycle over the baseline of each value's sensor.

        Args:
            predicted: from `predict_year`.
            block: some of its windows.

        Returns:
            float32 (window, cell, target); NaN where no sensor gives a value.
        """
        cycle = np.full_like(predicted.residual[block], np.nan)
        for number, features in enumerate(self.sensors):
            rows = predicted.sensor[block] == number
            if rows.any():
                starts, cells = predicted.starts[block], slice(0, rows.shape[1])
                cycle[rows] = features.window_cycle(self.settings.target, starts, cells)[rows]
        return cycle

    def _sensors_with(self, year: int) -> list[int]:
        """Return the numbers of the sensors whose inputs all have residuals of a year."""
        numbers = [
            number
            for number, features in enumerate(self.sensors)
            if features.sensor.role != "train"
            and all(year in features.years(entry.source) for entry in features.sensor.inputs)
        ]
        if not numbers:
            raise GlabError(
                f"link {self.settings.name!r} cannot predict {year}",
                variable=f"links.{self.settings.name}.sensors",
                found="no sensor whose inputs all have residuals of that year",
                remedy="shorten the years of the products that need it",
            )
        return numbers

    def _empty_year(self, year: int, channels: list[str]) -> PredictedYear:
        """Return a year without values."""
        starts = window_starts(year, self.settings.window_days)
        size = len(starts), self.domain.sizes["cell"]
        # Copies: each layer is filled in place.
        layer = np.full((*size, max(len(channels), 1)), np.nan, np.float32)
        return PredictedYear(
            starts,
            channels,
            residual=layer,
            structural=layer.copy(),
            noise=None if self.settings.noise_fraction is None else layer.copy(),
            count=np.zeros(size, np.int16),
            shortened=np.zeros(size, np.int16),
            sensor=np.full(size, NO_SENSOR, np.int16),
        )

    def _feature_blocks(
        self, features: SensorFeatures, starts: Days
    ) -> Iterator[tuple[slice, FeatureBlock]]:
        """Yield feature vectors tile by tile; of all cells at once where they are averaged.

        A cell without inputs of its own stays missing: the average would fill it from neighbours.
        """
        # A generator: without averaging only one tile is in memory.
        blocks = features.blocks(starts)
        if features.average is None:
            yield from blocks
            return
        whole = join_blocks([block for _, block in blocks])
        missing = ~whole.complete
        features.average_inputs(whole.values)
        whole.values[missing] = np.nan
        yield slice(0, self.domain.sizes["cell"]), whole

    def _fill(
        self,
        predicted: PredictedYear,
        features: SensorFeatures,
        block: FeatureBlock,
        tile: slice,
        number: int,
    ) -> None:
        """Set the values of one sensor and tile where no earlier sensor has any."""
        settings = self.settings
        rows = block.complete & (predicted.sensor[:, tile] == NO_SENSOR)
        cell, values = np.nonzero(rows)[1], block.values[rows]
        offset = self.calibration["offset"].values[number][tile]
        mean, spread = mean_and_spread(self.networks, values, settings.batch_size)
        predicted.residual[:, tile][rows] = mean + offset[cell]
        predicted.structural[:, tile][rows] = spread
        predicted.count[:, tile][rows] = block.count[rows]
        predicted.shortened[:, tile][rows] = block.shortened[rows]
        predicted.sensor[:, tile][rows] = number
        if predicted.noise is not None and settings.noise_fraction is not None:
            deviation = features.residual_spread(predicted.starts, tile)[cell]
            # First day, first cell and sensor: equal noise in any order of tiles and years.
            purpose = settings.name, str(predicted.starts[0]), tile.start, number
            predicted.noise[:, tile][rows] = noise_spread(
                self.networks,
                values,
                settings.noise_fraction * deviation,
                settings.noise_runs,
                settings.batch_size,
                seed_of(settings.seed, *purpose),
            )

    def _data_std(self, predicted: PredictedYear, cycle: Float32s, block: slice) -> Float32s:
        """Return the standard deviation of the data error, (window, cell, target).

        It comes from perturbed inputs where the link has them, else from the fitted variance.
        """
        if predicted.noise is not None:
            return predicted.noise[block]
        data = np.full_like(cycle, np.nan)
        terms = self.calibration["term"].values.astype(str).tolist()
        coefficients = self.calibration["variance_coefficients"].values.astype(np.float64)
        for number in range(len(self.sensors)):
            rows = predicted.sensor[block] == number
            for target in range(cycle.shape[-1]):
                predictors = variance_predictors(
                    terms,
                    predicted.structural[block][rows][:, target],
                    predicted.count[block][rows],
                    cycle[rows][:, target],
                    predicted.residual[block][rows][:, target],
                )
                data[rows, target] = data_std(predictors, coefficients[number, target])
        return data

    def _dataset(
        self, predicted: PredictedYear, layers: dict[str, Float32s], block: slice
    ) -> xr.Dataset:
        """Return layers (window, cell, target) and counts with their coordinates."""
        starts, channels = predicted.starts[block].astype("datetime64[ns]"), predicted.channels
        dims = ("time", "cell", "channel") if channels else ("time", "cell")
        # `tb_std` of a granule is the spread within an angle bin; this one is of the ensemble.
        spread = {"long_name": "standard deviation over the ensemble"}
        dataset = xr.Dataset(
            {
                name: (
                    dims,
                    values if channels else values[..., 0],
                    spread if name.endswith("_std") else {},
                )
                for name, values in layers.items()
            },
            {"time": starts, "cell": self.domain["cell"]}
            | ({"channel": channels} if channels else {}),
        )
        for name in ("count", "shortened", "sensor"):
            dataset[name] = ("time", "cell"), getattr(predicted, name)[block]
        if self.settings.window_days > 1:
            width = np.timedelta64(self.settings.window_days, "D")
            dataset["time_bnds"] = ("time", "nv"), np.stack([starts, starts + width], axis=-1)
            dataset["time"].attrs["bounds"] = "time_bnds"
        return dataset


def join_blocks(blocks: Sequence[FeatureBlock]) -> FeatureBlock:
    """Return the feature vectors of consecutive tiles as one block."""
    names = [field.name for field in fields(FeatureBlock)]
    return FeatureBlock(*(np.concatenate([getattr(b, name) for b in blocks], 1) for name in names))
