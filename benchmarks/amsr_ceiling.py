"""What AMSR alone can know of L-band VOD: the ceiling of every method that begins with it.

    python benchmarks/amsr_ceiling.py runs/osse/1/trend-preserving

A network learns from the residuals of AMSR-E and AMSR2 to the residuals of the *true* VOD at the
target's footprint, each over its sensor's baseline, and the true seasonal cycle is added. No
product learns from the truth; what is missing here is what AMSR does not tell. A second row adds
the lasting bias of the target, the difference of its seasonal cycle from the true one over the
same years: no product that is taught by it is without. All in this process; nothing of the run is
changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from links import CONFIGS, files, trained, vod_measures
from numpy.typing import NDArray

from glab import io
from glab.calendar import Days, window_starts
from glab.climatology import harmonics
from glab.config import Config, Features, Network, Samples, Train, load_config
from glab.evaluation.records import pair_with_truth, within
from glab.learning.features import feature_block, feature_names, input_columns
from glab.learning.inputs import LinkInputs, average_columns, footprint_average, open_inputs
from glab.learning.network import ScaledNetwork, mean_and_spread
from glab.splits import TRAIN, VALIDATION, cell_labels

LINK, WINDOW_DAYS = "amsr_smos", 18
NETWORK = Network(loss="mse", rebased_fraction=0.9, places_fraction=0.5, epochs=20, batch_size=512)
RIDGE = 0.02
VALUES_MIN = 10
BATCH = 65536

Floats = NDArray[np.float32]


def windows(config: Config) -> Samples:
    """The first link in windows, with the running means of the second."""
    means = Features(means_days=[91, 365], means_values_min=[5, 20])
    changed = {"window_days": WINDOW_DAYS, "features": means}
    return config.samples_of(LINK).model_copy(update=changed)


class Part(NamedTuple):
    """The windows of one sensor: features (window, cell, feature), true VOD and its seasonal cycle
    over the sensor's baseline (window, cell), and which windows lie in that baseline."""

    starts: Days
    features: Floats
    values: Floats
    cycle: Floats
    inside: NDArray[np.bool_]


def part(
    catalogue: LinkInputs, land: xr.Dataset, truth: xr.Dataset, config: Config, number: int
) -> Part:
    """One sensor's whole record, its features averaged to the target's footprint."""
    spec = windows(config)
    record, cells = spec.sensors[number], land["cell"].values
    years = catalogue.years(record.baseline, record.inputs[0].source)
    starts = np.concatenate([window_starts(year, WINDOW_DAYS) for year in years])
    features = feature_block(catalogue, spec, record, land, starts, slice(0, len(cells))).values
    columns = input_columns(feature_names(catalogue, spec, record))
    average_columns(features, columns, footprint_average(config.links["tb_vod"].footprint, cells))
    values = true_vod(truth, cells, starts, config)
    period = config.baselines[record.baseline]
    inside = starts >= np.datetime64(period.start, "D")
    inside &= starts + WINDOW_DAYS <= np.datetime64(period.end, "D")
    cycle = seasonal(values, starts + WINDOW_DAYS // 2, inside)
    features = np.concatenate([features, cycle[..., None]], axis=-1)
    return Part(starts, features, values, cycle, inside)


def true_vod(truth: xr.Dataset, cells: NDArray, starts: Days, config: Config) -> Floats:
    """True VOD of the windows at the footprint, shape (window, cell)."""
    asked = xr.Dataset(
        {"value": (("time", "cell"), np.zeros((len(starts), len(cells))))},
        {"time": starts.astype("datetime64[ns]"), "cell": cells},
    ).assign_attrs(variable="VOD", window_days=WINDOW_DAYS)
    return pair_with_truth(asked, truth, config.evaluate_of()).truths["footprint"]


def seasonal(values: Floats, days: Days, inside: NDArray[np.bool_]) -> Floats:
    """Two harmonics of the values inside of a baseline, at all days; NaN where they are few."""
    known = np.isfinite(values[inside]).sum(axis=0) >= VALUES_MIN
    cycle = np.full(values.shape, np.nan, np.float32)
    coefficients = harmonics.fit(values[inside][:, known], days[inside], 2, RIDGE)
    cycle[:, known] = harmonics.evaluate(coefficients, days)
    return cycle


def samples(parts: list[Part], names: list[str], land: xr.Dataset, config: Config) -> xr.Dataset:
    """Training samples of all sensors: windows of the baselines in cells that are not held out."""
    labels, drawn = cell_labels(land, config.splits, config.seed), []
    for number, own in enumerate(parts):
        usable = np.isfinite(own.features).all(axis=-1) & np.isfinite(own.values)
        usable &= own.inside[:, None] & np.isin(labels, (TRAIN, VALIDATION))
        window, cell = np.nonzero(usable)
        target = (own.values - own.cycle)[window, cell, None].astype(np.float32)
        cycle = own.cycle[window, cell, None]
        drawn.append(
            xr.Dataset(
                {
                    "features": (("sample", "feature"), own.features[window, cell]),
                    "target": (("sample", "target_name"), target),
                    "target_climatology": (("sample", "target_name"), cycle),
                    "sensor": ("sample", np.full(len(window), number, np.int16)),
                    "split": ("sample", labels[cell]),
                },
                {
                    "sample_cell": ("sample", land["cell"].values[cell].astype(np.int32)),
                    "sample_block": ("sample", land["block"].values[cell].astype(np.int32)),
                    "sample_day": ("sample", own.starts[window].astype("datetime64[ns]")),
                },
            )
        )
    return xr.concat(drawn, "sample").assign_coords(feature=names, target_name=["vod"])


def predicted(own: Part, members: list[ScaledNetwork], land: xr.Dataset) -> xr.Dataset:
    """What the networks make of a sensor's record: `value`, `climatology` (time, cell, target)."""
    residual, there = np.full_like(own.cycle, np.nan), np.isfinite(own.features).all(axis=-1)
    residual[there] = mean_and_spread(members, own.features[there], BATCH)[0][:, 0]
    dims = ("time", "cell", "target")
    layers = {
        "value": (dims, (own.cycle + residual)[..., None]),
        "climatology": (dims, own.cycle[..., None]),
    }
    time = own.starts.astype("datetime64[ns]")
    return xr.Dataset(layers, {"time": time, "cell": land["cell"].values})


def lasting_bias(
    target: LinkInputs, truth: xr.Dataset, cells: NDArray, config: Config, starts: Days
) -> Floats:
    """Seasonal cycle of the target less that of the truth, over the same years, (time, cell)."""
    link, middle = config.links["tb_vod"], starts + WINDOW_DAYS // 2
    baseline = link.sensors[0].baseline
    told = target.cycle(baseline, link.target, middle, slice(None))[..., 0]
    inside = within(starts, config.baselines[baseline])
    true = seasonal(true_vod(truth, cells, starts, config), middle, inside)
    return np.asarray(told - true, np.float32)


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
    catalogue, spec = open_inputs(*files(options.run, config, LINK), land), windows(config)
    parts = [part(catalogue, land, truth, config, number) for number in range(len(spec.sensors))]
    names = [*feature_names(catalogue, spec, spec.sensors[0]), "vod_climatology"]
    given = samples(parts, names, land, config)
    settings = Train(name="amsr_ceiling", seed=config.seed, network=NETWORK)
    members = trained(given, settings, options.members)
    record = xr.concat([predicted(own, members, land) for own in parts], "time")
    record = record.drop_duplicates("time").sortby("time")
    target = open_inputs(*files(options.run, config, "tb_vod"), land)
    starts, cells = record["time"].values.astype("datetime64[D]"), land["cell"].values
    biased = record + lasting_bias(target, truth, cells, config, starts)[..., None]
    told = {
        "amsr_ceiling": vod_measures(record, land, truth, config, "tb_vod"),
        "with the target's bias": vod_measures(biased, land, truth, config, "tb_vod"),
    }
    print(pd.DataFrame(told).T.round(4).to_string())


if __name__ == "__main__":
    main()
