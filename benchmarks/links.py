"""Evaluate variants of a link on a finished benchmark world, for the tables of docs/method.md.

    python benchmarks/links.py runs/osse/1/trend-preserving tb_vod no_moisture past_and_future …

Each named link of config/osse.yaml and benchmarks/links.yaml is trained on the residuals of the
run and evaluated against the truth. All of it happens in this process; the run is not changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import xarray as xr

from glab import io
from glab.config import Config, Mapping, Train, load_config
from glab.evaluation import statistics as metrics
from glab.evaluation.evaluate import evaluate_records
from glab.evaluation.records import evaluation_cells
from glab.evaluation.statistics import moments
from glab.learning.features import SensorFeatures
from glab.learning.inputs import LinkInputs, footprint_average, open_inputs
from glab.learning.network import ScaledNetwork
from glab.learning.predict import LinkPredictor
from glab.learning.samples import draw_samples
from glab.learning.train import train_network
from glab.report.tables import measure_run

HERE = Path(__file__).parent
CONFIGS = [*(HERE.parent / "config" / name for name in ("config.yaml", "osse.yaml"))]
SHOWN = {
    "gain": "trend gain, all cells",
    "held out": "trend gain, held-out cells",
    "skill": "trend skill, all cells",
    "held out ": "trend skill, held-out cells",
    "R 2003–09": "R of anomalies, 2003–2009",
    "RMSE": "RMSE",
    "clearings": "clearings: gain of drops",
    "too early": "clearings: early fraction",
    "break": "largest break at a change of sensors",
}


def files(run: Path, config: Config, link: str) -> tuple[list[Path], list[Path]]:
    """Return residuals and climatologies of a link's sources over its baselines."""
    found: dict[str, list[Path]] = {"residuals": [], "climatology": []}
    for baseline in dict.fromkeys(record.baseline for record in config.links[link].sensors):
        for source in config.link_sources(link):
            for stage, paths in found.items():
                paths += sorted((run / "results" / stage / baseline / source).glob("*.nc"))
    return found["residuals"], found["climatology"]


def sensors_of(
    link_inputs: LinkInputs, land: xr.Dataset, spec: Mapping, footprint: float | str | None
) -> list[SensorFeatures]:
    """Return the features of each sensor of a link, averaged to a footprint."""
    average = footprint_average(footprint, land["cell"].values)
    return [SensorFeatures(link_inputs, spec, sensor, land, average) for sensor in spec.sensors]


def ensemble(
    link_inputs: LinkInputs, land: xr.Dataset, config: Config, link: str, members: int
) -> list[ScaledNetwork]:
    """Train the members of a link on the residuals of the run."""
    settings = config.samples_of(link)
    samples = draw_samples(sensors_of(link_inputs, land, settings, settings.footprint), settings)
    return trained(samples, config.train_of(link), members)


def trained(samples: xr.Dataset, settings: Train, members: int) -> list[ScaledNetwork]:
    """Train the members of an ensemble on the same samples."""
    with TemporaryDirectory() as folder:
        return [
            train_network(samples, settings, member, Path(folder) / str(member)).network
            for member in range(members)
        ]


def record(
    link_inputs: LinkInputs,
    land: xr.Dataset,
    config: Config,
    link: str,
    members: list[ScaledNetwork],
) -> xr.Dataset:
    """Predict the whole record of a link: `value`, `climatology` (time, cell, target)."""
    spec = config.predict_of(link)
    footprint = spec.footprint if spec.detail == "target" else None
    shape = len(spec.sensors), land.sizes["cell"], len(members[0].targets)
    no_offset = xr.Dataset({"offset": (("sensor_number", "cell", "target"), np.zeros(shape))})
    years = {
        y for own in spec.sensors for y in link_inputs.years(own.baseline, own.inputs[0].source)
    }
    sensors = sensors_of(link_inputs, land, spec, footprint)
    predictor, parts = LinkPredictor(sensors, members, no_offset, spec), []
    for year in sorted(years):
        predicted = predictor.predict_year(year)
        cycle = predictor.target_cycle(predicted, slice(None))
        dims = ("time", "cell", "target")
        layers = {"value": (dims, cycle + predicted.residual), "climatology": (dims, cycle)}
        parts.append(xr.Dataset(layers, {"time": predicted.starts.astype("datetime64[ns]")}))
    return xr.concat(parts, "time").assign_coords(cell=land["cell"])


def vod_measures(
    found: xr.Dataset, land: xr.Dataset, truth: xr.Dataset, config: Config, link: str
) -> dict[str, float]:
    """Return the measures of the benchmark that the table of variants contains."""
    measures = vod_summary(found.isel(target=0), land, truth, config, link)
    return {name: float(measures[label]) for name, label in SHOWN.items()}


def vod_summary(
    found: xr.Dataset, land: xr.Dataset, truth: xr.Dataset, config: Config, link: str
) -> pd.Series:
    """Return every measure of the benchmark of a record (time, cell), evaluated as the product."""
    days = config.links[link].window_days
    vod = found.assign_attrs(product="glab_vod", variable="VOD", window_days=days)
    settings = config.evaluate_of()
    skill, breaks, _ = evaluate_records(
        [vod], truth, evaluation_cells(land, truth, settings), settings
    )
    return measure_run(skill, breaks)


def tb_measures(found: xr.Dataset, land: xr.Dataset, truth: xr.Dataset) -> dict[str, float]:
    """Return R of daily anomalies by AMSR sensor, and trends, of H, V and V − H."""
    here = truth.sel(cell=land["cell"].values, time=found["time"])
    true = here["tb"].where(here["frozen"] == 0).transpose("time", "cell", "channel").values
    days = found["time"].values.astype("datetime64[D]")
    value, measures = found["value"].values, {}
    pairs = {"H": (value[..., 0], true[..., 0]), "V": (value[..., 1], true[..., 1])}
    pairs["V − H"] = tuple(v - h for v, h in zip(pairs["V"], pairs["H"]))
    for name, (product, seen) in pairs.items():
        both = np.isfinite(product) & np.isfinite(seen)
        sides = [np.where(both, side, np.nan) for side in (product, seen)]
        anomalies = [metrics.deseasonalise(side, days) for side in sides]
        for sensor, use in {"AMSR-E": days < np.datetime64("2010-01-01"),
                            "AMSR2": days >= np.datetime64("2012-07-02")}.items():  # fmt: skip
            measures[f"R {name} {sensor}"] = float(
                moments(*(side[use].ravel()[:, None] for side in anomalies)).r[0]
            )
        slopes = metrics.trends(*sides, days, fraction_min=0.2)
        measures[f"gain {name}"], measures[f"skill {name}"] = (
            metrics.gain(*slopes),
            metrics.skill(*slopes),
        )
    return measures


def main() -> None:
    """Print a row of the table for each link."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("links", nargs="+")
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config = load_config([*CONFIGS, HERE / "links.yaml"])
    config = config.model_copy(update={"seed": options.seed})
    land = io.read(options.run / "results" / "domain.nc").load()
    truth = io.read(options.run / "data" / "truth.nc")
    for link in options.links:
        link_inputs = open_inputs(*files(options.run, config, link), land)
        members = ensemble(link_inputs, land, config, link, options.members)
        found = record(link_inputs, land, config, link, members)
        if config.links[link].target.variable == "vod":
            measures = vod_measures(found, land, truth, config, link)
        else:
            measures = tb_measures(found, land, truth)
        print(f"\n{pd.DataFrame({link: measures}).T.round(4).to_string()}", flush=True)


if __name__ == "__main__":
    main()
