"""The files of a small run with their provenance: four cells in two tiles, the year 2012.

Layout and inputs are those of a real run. The values are round numbers, the same on all days and
cells, so that a test can state what is printed of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from fixtures_learning import toy_domain
from glab import io
from glab.calendar import days_of_year, window_starts
from glab.climatology.harmonics import coefficient_names
from glab.config import Product, load_config
from glab.steps.compose import compose
from glab.steps.product import product
from planning import ROOT

CONFIG = load_config([ROOT / "config" / "config.yaml", ROOT / "config" / "test.yaml"])
DOMAIN = toy_domain(2)
CELLS = ("time", "cell")
TB = (*CELLS, "channel")
LABELS = {
    "channel": ["h", "v"],
    "overpass": ["ascending", "descending"],
    "angle": [32.5, 42.5],
}

GRANULES = {
    "amsr2": ["AMSR_U2_L2_Land_B02_201207141114_A.he5", "AMSR_U2_L2_Land_B02_201207142335_D.he5"],
    "smos_l3": ["SM_RE07_MIR_CDF3TA_20120714T000000_20120714T235959_330_001_7.DBL.nc"],
    "surface": ["era5_2012-07.nc"],
}
"""Granules of 14 July 2012, by source."""


def layers(days: np.ndarray, **values: Any) -> xr.Dataset:
    """A year file on the cells: (dimensions, value everywhere or along the last dimension)."""
    variables = {}
    for name, (dims, value) in values.items():
        sizes = {"time": len(days), "cell": 4, **{d: len(labels) for d, labels in LABELS.items()}}
        dtype = np.int16 if isinstance(value, int) else np.float32
        variables[name] = dims, np.broadcast_to(value, [sizes[d] for d in dims]).astype(dtype)
    used = {dim for dims, _ in variables.values() for dim in dims}
    labels = {name: each for name, each in LABELS.items() if name in used}
    time = {"time": days.astype("datetime64[ns]")} if "time" in used else {}
    return xr.Dataset(variables, {**time, "cell": DOMAIN["cell"], **labels})


class Files:
    """Writes files below `results`, each with its stage, settings and inputs."""

    def __init__(self, run: Path) -> None:
        self.run, self.results = run, run / "results"

    def __call__(
        self, name: str, dataset: xr.Dataset, inputs: list[str], settings: Any = None
    ) -> Path:
        stage = Path(name).parts[0].removesuffix(".nc")
        path = self.results / name
        paths = [self.run / each for each in inputs]
        io.write(dataset, path, io.Provenance(stage, settings, paths))
        return path

    def source(self, name: str, year: str, dataset: xr.Dataset, *, by_day: bool = True) -> None:
        """A source-year after `regrid`, its manifest, and its ingest report."""
        manifest = self.run / "data" / name / year / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{}\n")
        inputs = [f"data/{name}/{year}/manifest.json", "results/domain.nc"]
        path = self(f"regrid/{name}/{year}.nc", dataset, inputs)
        listed = {"granules": {"2012-07-14": GRANULES[name]}} if by_day else {}
        path.with_suffix(".ingest.json").write_text(json.dumps({"granules_used": 9, **listed}))

    def cycles(self, name: str, variable: str, mean: float, inputs: list[str]) -> None:
        """Both tiles of a climatology: a cycle that is the same all year."""
        terms = coefficient_names(2)
        values = np.zeros((4, 2, len(terms)), np.float32)
        values[:, :, 0] = mean
        count = np.full((4, 2), 300, np.int16)
        whole = xr.Dataset(
            {
                f"{variable}_coefficients": (("cell", "channel", "coefficient"), values),
                f"{variable}_fit": (("cell", "channel"), np.full((4, 2), 2, np.int16)),
                f"{variable}_count": (("cell", "channel"), count),
            },
            {"cell": DOMAIN["cell"], "channel": ["h", "v"], "coefficient": terms},
        )
        whole[f"{variable}_coefficients"].attrs["form"] = "harmonics"
        for tile in (0, 1):
            part = whole.isel(cell=slice(2 * tile, 2 * tile + 2))
            self(f"climatology/{name}/{tile}.nc", part, inputs)


def tiles(name: str) -> list[str]:
    """Both tiles of a climatology."""
    return [f"results/climatology/{name}/{tile}.nc" for tile in (0, 1)]


def write_run(run: Path) -> Path:
    """The files behind `glab_tb` and `glab_vod` of 2012; returns the folder."""
    files, days = Files(run), days_of_year(2012)
    domain, surface = "results/domain.nc", "results/regrid/surface/2012.nc"
    files("domain.nc", DOMAIN, [])
    warm = layers(days, t_surface=(CELLS, 290.0), snow=(CELLS, 0.0), count=(CELLS, 1))
    files.source("surface", "2012", warm, by_day=False)
    _write_tb_link(files, domain, surface)
    angles = (*CELLS, "overpass", "angle", "channel")
    native = layers(days, tb=(angles, [240.0, 260.0]), count=((*CELLS, "overpass"), 1))
    native["tb"][:, :, 1] = np.nan
    files.source("smos_l3", "2012", native)
    passes = (*CELLS, "overpass")
    at40 = layers(
        days,
        tb=((*passes, "channel"), [242.0, 262.0]),
        tb_error=((*passes, "channel"), 2.0),
        tb_rmse=(passes, 3.0),
        angle_count=(passes, 2),
    )
    files("tb40/2012.nc", at40, ["results/regrid/smos_l3/2012.nc", surface, domain])
    compose(
        domain=run / domain, year=2012, output=run / "results/compose/2012.nc",
        settings=CONFIG.compose_of(), predictions=[run / "results/predict/amsr_smos/2012.nc"],
        references=[run / "results/tb40/2012.nc"], surface=[run / surface],
    )  # fmt: skip
    _write_vod_link(files, domain, surface)
    for name, parts in {
        "glab_tb": ["compose/2012.nc", "residuals/vod/compose/2012.nc"],
        "glab_vod": ["predict/tb_vod/2012.nc"],
    }.items():
        made, work = run / f"results/product/{name}/2012.nc", [run / "results" / p for p in parts]
        product(work, run / domain, 2012, made, Product(product=name))
    return run


def _write_link(files: Files, link: str) -> list[str]:
    """A network, samples and calibration of a link; returns what `predict` takes of them."""
    network = f"results/train/{link}/0/network.safetensors"
    path = files.run / network
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    few = xr.Dataset({"target": ("sample", np.zeros(3, np.float32))})
    files(f"samples/{link}.nc", few, ["results/regrid/amsr2/2012.nc"])
    known = xr.Dataset({"variance": ("term", np.zeros(3, np.float32))})
    files(f"calibrate/{link}.nc", known, [f"results/samples/{link}.nc", network])
    return [network, f"results/calibrate/{link}.nc"]


def _write_tb_link(files: Files, domain: str, surface: str) -> None:
    """AMSR2, its climatology and residuals of two years, and the prediction of L-band TB."""
    days, regrid = days_of_year(2012), "results/regrid/amsr2/2012.nc"
    files.source("amsr2", "2012", layers(days, tb=(TB, [250.0, 270.0]), count=(CELLS, 2)))
    files.cycles("amsr2/amsr2", "tb", 255.0, [regrid, surface])
    for year in ("2012", "2013"):
        residual = layers(days_of_year(int(year)), tb_residual=(TB, [-5.0, 15.0]))
        inputs = [regrid, *tiles("amsr2/amsr2"), domain, surface]
        files(f"residuals/amsr2/amsr2/{year}.nc", residual, inputs)
    names = ["residuals/amsr2/amsr2/2012.nc", "residuals/amsr2/amsr2/2013.nc"]
    inputs = [*_write_link(files, "amsr_smos"), *(f"results/{name}" for name in names)]
    spread = dict.fromkeys(("tb_std", "tb_std_data"), (TB, 1.0))
    made = layers(days, tb=(TB, [246.0, 266.0]), **spread, count=(CELLS, 1), sensor=(CELLS, 1))
    files("predict/amsr_smos/2012.nc", made, [*inputs, domain], CONFIG.predict_of("amsr_smos"))


def _write_vod_link(files: Files, domain: str, surface: str) -> None:
    """Climatology and residuals of the composed TB, and the prediction of VOD in windows."""
    composed = "results/compose/2012.nc"
    files.cycles("vod/compose", "tb", 244.0, [composed, surface])
    residual = layers(days_of_year(2012), tb_residual=(TB, [0.4, 20.4]))
    inputs = [composed, *tiles("vod/compose"), domain, surface]
    files("residuals/vod/compose/2012.nc", residual, inputs)
    starts = window_starts(2012, 18)
    spread = {f"vod{suffix}": (CELLS, 0.02) for suffix in ("_std", "_std_data", "_std_total")}
    made = layers(
        starts, vod=(CELLS, 0.5), vod_residual=(CELLS, 0.1), **spread, count=(CELLS, 12),
        sensor=(CELLS, 0),
    )  # fmt: skip
    bounds = np.stack([starts, starts + 18], axis=1).astype("datetime64[ns]")
    made["time_bnds"] = ("time", "nv"), bounds
    made["time"].attrs["bounds"] = "time_bnds"
    inputs = [*_write_link(files, "tb_vod"), "results/residuals/vod/compose/2012.nc"]
    inputs += [*tiles("vod/compose"), domain]
    files("predict/tb_vod/2012.nc", made, inputs, CONFIG.predict_of("tb_vod"))
