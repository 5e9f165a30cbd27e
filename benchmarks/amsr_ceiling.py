"""Measure the best L-band VOD that AMSR alone can give.

    python benchmarks/amsr_ceiling.py runs/osse/1/trend-preserving

A network is trained on residuals of AMSR-E and AMSR2 as inputs and residuals of the *true* VOD at
the target's footprint, each over its sensor's baseline; the true seasonal cycle is added. No
product can be trained on the truth, so that the remaining error is the limit of all methods with
these inputs. A second row adds the constant bias of the target (its seasonal cycle minus the true
one over the same years), which every product trained on it contains. No file of the run changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from links import CONFIGS, files, sensors_of, trained, vod_measures

from glab import io
from glab.arrays import Booleans, Float32s, Indices
from glab.calendar import Days, days_within, window_starts
from glab.climatology import harmonics
from glab.config import Config, Features, Network, Samples, Train, load_config
from glab.evaluation.records import pair_with_truth
from glab.learning.columns import Feature, describe_columns
from glab.learning.features import SensorFeatures
from glab.learning.inputs import LinkInputs, open_inputs
from glab.learning.network import ScaledNetwork, mean_and_spread
from glab.splits import TRAIN, VALIDATION, cell_labels

LINK, WINDOW_DAYS = "amsr_smos", 18
NETWORK = Network(loss="mse", rebased_fraction=0.9, places_fraction=0.5, epochs=20, batch_size=512)
RIDGE = 0.02
"""Ridge of the seasonal cycle of windows, of which a baseline has about 25."""

VALUES_MIN = 10
"""Windows that a seasonal cycle needs."""

BATCH = 65536


def window_settings(config: Config) -> Samples:
    """Return the first link with windows, and with the running means of the second."""
    means = Features(means_days=[91, 365], means_values_min=[5, 20])
    changed = {"window_days": WINDOW_DAYS, "features": means}
    return config.samples_of(LINK).model_copy(update=changed)


class SensorWindows(NamedTuple):
    """All windows of one sensor.

    Attributes:
        starts: first day of each window.
        features: float32 (window, cell, feature).
        values: true VOD, (window, cell).
        cycle: its seasonal cycle over the sensor's baseline, (window, cell).
        inside: True for windows in that baseline, (window,).
    """

    starts: Days
    features: Float32s
    values: Float32s
    cycle: Float32s
    inside: Booleans


def sensor_windows(features: SensorFeatures, truth: xr.Dataset, config: Config) -> SensorWindows:
    """Return all windows of one sensor, its features averaged to the target's footprint."""
    sensor, cells = features.sensor, features.domain["cell"].values
    years = features.years(sensor.inputs[0].source)
    starts = np.concatenate([window_starts(year, WINDOW_DAYS) for year in years])
    block = features.block(starts, slice(0, len(cells))).values
    features.average_inputs(block)
    values = true_vod(truth, cells, starts, config)
    period = config.baselines[sensor.baseline]
    inside = starts >= np.datetime64(period.start, "D")
    inside &= starts + WINDOW_DAYS <= np.datetime64(period.end, "D")
    cycle = fit_seasonal(values, starts + WINDOW_DAYS // 2, inside)
    block = np.concatenate([block, cycle[..., None]], axis=-1)
    return SensorWindows(starts, block, values, cycle, inside)


def true_vod(truth: xr.Dataset, cells: Indices, starts: Days, config: Config) -> Float32s:
    """Return the true VOD of the windows at the footprint, (window, cell)."""
    asked = xr.Dataset(
        {"value": (("time", "cell"), np.zeros((len(starts), len(cells))))},
        {"time": starts.astype("datetime64[ns]"), "cell": cells},
    ).assign_attrs(variable="VOD", window_days=WINDOW_DAYS)
    return pair_with_truth(asked, truth, config.evaluate_of()).truths["footprint"]


def fit_seasonal(values: Float32s, days: Days, inside: Booleans) -> Float32s:
    """Return a cycle of two harmonics fitted inside a baseline, on all days; NaN for few values."""
    known = np.isfinite(values[inside]).sum(axis=0) >= VALUES_MIN
    cycle = np.full(values.shape, np.nan, np.float32)
    coefficients = harmonics.fit(values[inside][:, known], days[inside], 2, RIDGE)
    cycle[:, known] = harmonics.evaluate(coefficients, days)
    return cycle


def draw(
    sensors: list[SensorWindows], columns: list[Feature], land: xr.Dataset, config: Config
) -> xr.Dataset:
    """Return samples of all sensors: windows of the baselines in cells that are not held out."""
    labels, drawn = cell_labels(land, config.splits, config.seed), []
    for number, windows in enumerate(sensors):
        usable = np.isfinite(windows.features).all(axis=-1) & np.isfinite(windows.values)
        usable &= windows.inside[:, None] & np.isin(labels, (TRAIN, VALIDATION))
        window, cell = np.nonzero(usable)
        target = (windows.values - windows.cycle)[window, cell, None].astype(np.float32)
        cycle = windows.cycle[window, cell, None]
        drawn.append(
            xr.Dataset(
                {
                    "features": (("sample", "feature"), windows.features[window, cell]),
                    "target": (("sample", "target_name"), target),
                    "target_climatology": (("sample", "target_name"), cycle),
                    "sensor": ("sample", np.full(len(window), number, np.int16)),
                    "split": ("sample", labels[cell]),
                },
                {
                    "sample_cell": ("sample", land["cell"].values[cell].astype(np.int32)),
                    "sample_block": ("sample", land["block"].values[cell].astype(np.int32)),
                    "sample_day": ("sample", windows.starts[window].astype("datetime64[ns]")),
                },
            )
        )
    samples = xr.concat(drawn, "sample").assign_coords(target_name=["vod"])
    return describe_columns(samples, columns)


def apply_networks(
    windows: SensorWindows, members: list[ScaledNetwork], land: xr.Dataset
) -> xr.Dataset:
    """Predict all windows of a sensor: `value`, `climatology` (time, cell, target)."""
    residual = np.full_like(windows.cycle, np.nan)
    complete = np.isfinite(windows.features).all(axis=-1)
    residual[complete] = mean_and_spread(members, windows.features[complete], BATCH)[0][:, 0]
    dims = ("time", "cell", "target")
    layers = {
        "value": (dims, (windows.cycle + residual)[..., None]),
        "climatology": (dims, windows.cycle[..., None]),
    }
    time = windows.starts.astype("datetime64[ns]")
    return xr.Dataset(layers, {"time": time, "cell": land["cell"].values})


def constant_bias(
    target: LinkInputs, truth: xr.Dataset, cells: Indices, config: Config, starts: Days
) -> Float32s:
    """Return the target's seasonal cycle minus that of the truth over the same years."""
    link, middle = config.links["tb_vod"], starts + WINDOW_DAYS // 2
    baseline = link.sensors[0].baseline
    cycle = target.cycle(baseline, link.target, middle, slice(None))[..., 0]
    period = config.baselines[baseline]
    inside = days_within(starts, period.start, period.end)
    true = fit_seasonal(true_vod(truth, cells, starts, config), middle, inside)
    return np.asarray(cycle - true, np.float32)


def main() -> None:
    """Print two rows of the table of variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config = load_config(CONFIGS).model_copy(update={"seed": options.seed})
    land = io.read(options.run / "results" / "domain.nc").load()
    truth = io.read(options.run / "data" / "truth.nc")
    link_inputs = open_inputs(*files(options.run, config, LINK), land)
    spec = window_settings(config)
    features = sensors_of(link_inputs, land, spec, config.links["tb_vod"].footprint)
    sensors = [sensor_windows(each, truth, config) for each in features]
    samples = draw(sensors, [*features[0].columns(), Feature("vod", "climatology")], land, config)
    settings = Train(name="amsr_ceiling", seed=config.seed, network=NETWORK)
    members = trained(samples, settings, options.members)
    record = xr.concat([apply_networks(windows, members, land) for windows in sensors], "time")
    record = record.drop_duplicates("time").sortby("time")
    target = open_inputs(*files(options.run, config, "tb_vod"), land)
    starts, cells = record["time"].values.astype("datetime64[D]"), land["cell"].values
    biased = record + constant_bias(target, truth, cells, config, starts)[..., None]
    measures = {
        "amsr_ceiling": vod_measures(record, land, truth, config, "tb_vod"),
        "with the target's bias": vod_measures(biased, land, truth, config, "tb_vod"),
    }
    print(pd.DataFrame(measures).T.round(4).to_string())


if __name__ == "__main__":
    main()
