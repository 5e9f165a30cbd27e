"""Measure the effect of a wrong TB level in AMSR-E's years on VOD.

    python benchmarks/amsre_level.py runs/osse/1/trend-preserving

The networks' TB of 2003–2009 has a constant error in each cell, because AMSR-E and SMOS overlap for
sixteen months only. This script subtracts from the composed TB of AMSR-E's period the mean error of
these years minus that of AMSR2's years, and applies the run's own networks. The correction uses the
truth, so that no product can have it. No file of the run changes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from links import CONFIGS, files, record, vod_measures

from glab import io
from glab.arrays import Floats
from glab.calendar import days_within
from glab.config import Period, load_config
from glab.learning.inputs import LinkInputs, open_inputs
from glab.learning.network import load

LINK, SOURCE = "tb_vod", "compose"
EARLY, LATE = (2003, 2009), (2013, 2019)
"""Whole years in which the composed TB comes from AMSR-E, and from AMSR2 and SMOS."""

CELL_CHANNEL = ("cell", "channel")


def mean_error(run: Path, truth: xr.Dataset, years: tuple[int, int], cells: Floats) -> xr.DataArray:
    """Return the mean error of the networks' TB on unfrozen ground, (cell, channel) in K."""
    parts = []
    for year in range(years[0], years[1] + 1):
        with io.read(run / "results" / "predict" / "amsr_smos" / f"{year}.nc") as predicted:
            year_truth = truth.sel(cell=cells, time=predicted["time"])
            true = year_truth["tb"].where(year_truth["frozen"] == 0)
            parts.append((predicted["tb"].sel(cell=cells) - true).load())
    return xr.concat(parts, "time").mean("time").transpose(*CELL_CHANNEL)


def subtract_level(link_inputs: LinkInputs, level: xr.DataArray, flight: Period) -> LinkInputs:
    """Subtract a level (cell, channel) from the composed TB during a mission."""
    residuals = dict(link_inputs.residuals)
    for key, dataset in link_inputs.residuals.items():
        if SOURCE in key:
            days = dataset["time"].values.astype("datetime64[D]")
            flying = xr.DataArray(days_within(days, flight.start, flight.end), dims="time")
            shift = level.fillna(0.0).where(flying, 0.0).astype(np.float32)
            residual = dataset["tb_residual"] - shift
            residuals[key] = dataset.assign(tb_residual=residual.transpose("time", *CELL_CHANNEL))
    return replace(link_inputs, residuals=residuals)


def main() -> None:
    """Print a row for the run itself, and one with the corrected level."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config = load_config(CONFIGS).model_copy(update={"seed": options.seed})
    land = io.read(options.run / "results" / "domain.nc").load()
    truth = io.read(options.run / "data" / "truth.nc")
    cells = land["cell"].values
    early, late = (mean_error(options.run, truth, years, cells) for years in (EARLY, LATE))
    link_inputs = open_inputs(*files(options.run, config, LINK), land)
    folder = options.run / "results" / "train" / LINK
    members = [load(path.parent) for path in sorted(folder.glob("*/network.safetensors"))]
    corrected = subtract_level(link_inputs, early - late, config.sources["amsre"].period)
    measures = {}
    for name, inputs in {"as it is": link_inputs, "corrected level": corrected}.items():
        predicted = record(inputs, land, config, LINK, members)
        measures[name] = vod_measures(predicted, land, truth, config, LINK)
    print(pd.DataFrame(measures).T.round(4).to_string())


if __name__ == "__main__":
    main()
