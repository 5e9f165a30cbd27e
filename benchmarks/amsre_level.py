"""What the level of AMSR-E's years costs: VOD of a run once each cell's were right.

    python benchmarks/amsre_level.py runs/osse/1/trend-preserving

The networks' TB of 2003–2009 is off by a constant in each cell, since AMSR-E flew beside SMOS for
sixteen months alone. Here the mean error of those years, less that of AMSR2's, is taken from the
composed TB while AMSR-E flew; the run's own networks make VOD of it. No product knows the truth;
all in this process, nothing of the run is changed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from links import CONFIGS, files, record, vod_measures
from numpy.typing import NDArray

from glab import io
from glab.config import Period, load_config
from glab.evaluation.records import within
from glab.learning.inputs import LinkInputs, open_inputs
from glab.learning.network import load

LINK, SOURCE = "tb_vod", "compose"
EARLY, LATE = (2003, 2009), (2013, 2019)
CELL_CHANNEL = ("cell", "channel")

Floats = NDArray[np.floating]


def mean_error(run: Path, truth: xr.Dataset, years: tuple[int, int], cells: Floats) -> xr.DataArray:
    """Mean error of the networks' TB over some years, (cell, channel) in K, ground not frozen."""
    parts = []
    for year in range(years[0], years[1] + 1):
        with io.read(run / "results" / "predict" / "amsr_smos" / f"{year}.nc") as found:
            here = truth.sel(cell=cells, time=found["time"])
            true = here["tb"].where(here["frozen"] == 0)
            parts.append((found["tb"].sel(cell=cells) - true).load())
    return xr.concat(parts, "time").mean("time").transpose(*CELL_CHANNEL)


def lifted(catalogue: LinkInputs, level: xr.DataArray, flight: Period) -> LinkInputs:
    """The catalogue with a level taken from the composed TB while AMSR-E flew."""
    residuals = dict(catalogue.residuals)
    for key, dataset in catalogue.residuals.items():
        if SOURCE in key:
            flying = within(dataset["time"].values.astype("datetime64[D]"), flight)
            less = level.fillna(0.0).where(xr.DataArray(flying, dims="time"), 0.0)
            residual = dataset["tb_residual"] - less.astype(np.float32)
            residuals[key] = dataset.assign(tb_residual=residual.transpose("time", *CELL_CHANNEL))
    return replace(catalogue, residuals=residuals)


def main() -> None:
    """Print a row for the run as it is, and one for the level mended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config = load_config(CONFIGS).model_copy(update={"seed": options.seed})
    land = io.read(options.run / "results" / "domain.nc").load()
    truth = io.read(options.run / "data" / "truth.nc")
    cells = land["cell"].values
    early, late = (mean_error(options.run, truth, years, cells) for years in (EARLY, LATE))
    catalogue = open_inputs(*files(options.run, config, LINK), land)
    folder = options.run / "results" / "train" / LINK
    members = [load(path.parent) for path in sorted(folder.glob("*/network.safetensors"))]
    mended = lifted(catalogue, early - late, config.sources["amsre"].period)
    given = {"as it is": catalogue, "level mended": mended}
    found = {name: record(each, land, config, LINK, members) for name, each in given.items()}
    told = {name: vod_measures(each, land, truth, config, LINK) for name, each in found.items()}
    print(pd.DataFrame(told).T.round(4).to_string())


if __name__ == "__main__":
    main()
