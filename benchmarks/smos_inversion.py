"""Compare the SMOS inversion with the truth of a simulated Earth: TB, soil moisture, VOD, errors.

Run: ``python benchmarks/smos_inversion.py FOLDER [--years 2012 2013] [--worlds matched …]
[--overlay FILE …]``. The steps of the pipeline simulate a strip of 5 columns from the Cape to
Scandinavia into FOLDER (existing files are kept) and compute 40° TB and retrievals. The script
compares the morning overpass with the truth where the ground is neither frozen nor open water. It
prints each figure beside its target and draws FOLDER/<world>/figures.

World `simulated`: instruments and maps with their errors, and mixed scenes, which L-MEB does not
describe.
World `matched`: the same weather, gaps and noise, but the physics and parameters of the inversion,
so that only noise and priors cause errors.
World `independent`: `matched`, without the noise that is common to all angles of an overpass.
An overlay is a configuration file on top of that of the demonstration, to test a setting.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr

from glab import io
from glab.config import Config, YearRange, load_config
from glab.simulate.instruments import smos
from glab.simulate.world import footprint, land_from
from glab.steps.domain import domain
from glab.steps.regrid import regrid
from glab.steps.retrieve import retrieve
from glab.steps.simulate import simulate
from glab.steps.tb40 import tb40

WORLDS = ("simulated", "matched", "independent")
CONFIG = Path(__file__).parents[1] / "config"
SMOS_FWHM_KM = 43.0
VALUES_MIN = 100
OVERPASS = "ascending"


def prepare(folder: Path, config: Config, years: list[int]) -> None:
    """Simulate the strip, and regrid SMOS and the surface to its domain."""
    world, truth = config.simulate_of(), folder / "data/truth.nc"
    if not truth.exists():
        simulate(truth, world)
    if not (land := folder / "results/domain.nc").exists():
        domain(land, config.domain, static=folder / "data/static.nc")
    for source in ("smos_l3", "surface", "surface_evening"):
        archive = config.sources[source].archive or source
        for year in years:
            manifest = folder / f"data/{archive}/{year}/manifest.json"
            output = folder / f"results/regrid/{source}/{year}.nc"
            if not manifest.exists():
                simulate(manifest, world, truth, archive, year)
            if not output.exists():
                regrid(land, output, config.regrid_of(source), manifest, year=year)


def invert(folder: Path, config: Config, year: int) -> None:
    """Compute 40° TB and retrievals of a year."""
    surface = [folder / f"results/regrid/{s}/{year}.nc" for s in ("surface", "surface_evening")]
    land, out = folder / "results/domain.nc", folder / "results"
    smos = out / f"regrid/smos_l3/{year}.nc"
    tb40(smos, surface, land, out / f"tb40/{year}.nc", config.tb40_of())
    settings = config.retrieve_of()
    retrieve(out / f"tb40/{year}.nc", surface, land, out / f"retrieve/{year}.nc", settings)


# --- truth and scores --------------------------------------------------------------------------


def truth_of(folder: Path, land: xr.Dataset, days: np.ndarray) -> xr.Dataset:
    """Return the truth of the cells of the domain."""
    with io.read(folder / "data/truth.nc") as nature:
        names = ["soil_moisture", "vod", "tb", "frozen", "water_fraction"]
        return nature[names].sel(time=days, cell=land["cell"].values).load()


def seen_by_smos(folder: Path, config: Config, land: xr.Dataset, nature: xr.Dataset) -> xr.Dataset:
    """Return the truth with soil moisture and VOD averaged over the footprint of SMOS."""
    with io.read(folder / "data/truth.nc") as whole:
        cells = land_from(config.domain.box, whole["cell"].values, whole["land_fraction"].values)
        seen = footprint(cells, cells.lat, cells.lon, SMOS_FWHM_KM)
        order = np.searchsorted(whole["cell"].values, land["cell"].values)
        fields = {
            name: (("time", "cell"), seen(whole[name].sel(time=nature["time"]).values)[:, order])
            for name in ("soil_moisture", "vod")
        }
    return nature.assign(fields)


def years_of(folder: Path, stage: str, years: list[int]) -> xr.Dataset:
    """Return the morning values of a stage in all years."""
    paths = [folder / f"results/{stage}/{year}.nc" for year in years]
    return xr.concat([io.read(p).sel(overpass=OVERPASS).load() for p in paths], "time")


def by_cell(estimate: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Return bias, standard deviation, R and slope of each series; NaN with too few values."""
    there = np.isfinite(estimate) & np.isfinite(truth)
    x, y = (np.where(there, v, np.nan).astype(float) for v in (truth, estimate))
    x_off, y_off = x - np.nanmean(x, axis=0), y - np.nanmean(y, axis=0)
    xx, yy, xy = (np.nansum(p, axis=0) for p in (x_off**2, y_off**2, x_off * y_off))
    few = there.sum(axis=0) < VALUES_MIN
    scores = {
        "bias": np.nanmean(y - x, axis=0),
        "spread": np.nanstd(y - x, axis=0),
        "r": xy / np.sqrt(xx * yy),
        "slope": xy / xx,
    }
    return {name: np.where(few, np.nan, score) for name, score in scores.items()}


def score_tb(tb: xr.Dataset, bins: xr.DataArray, nature: xr.Dataset, ok: np.ndarray) -> dict:
    """Compare the 40° TB and single bins with the truth."""
    truth = np.where(ok[..., None], nature["tb"].values, np.nan)
    ours = by_cell(tb["tb"].values, truth)
    single = {angle: by_cell(bins.sel(angle=angle).values, truth) for angle in bins["angle"].values}
    z = (tb["tb"].values - truth) / tb["tb_error"].values
    z = np.abs(z[np.isfinite(z)])
    return {
        "ratio to the 40° bin": np.nanmedian(ours["spread"] / single[40.0]["spread"]),
        "ratio to the 42.5° bin": np.nanmedian(ours["spread"] / single[42.5]["spread"]),
        "cells with ratio ≤ 0.55": np.nanmean(
            (ours["spread"] / single[40.0]["spread"])[np.isfinite(ours["spread"])] <= 0.55
        ),
        "spread K": np.nanmedian(ours["spread"]),
        "spread of the 40° bin K": np.nanmedian(single[40.0]["spread"]),
        "slope": np.nanmedian(ours["slope"]),
        "mean bias K": np.nanmean(ours["bias"]),
        "median |bias| of cells K": np.nanmedian(np.abs(ours["bias"])),
        "within 1 error": (z < 1).mean(),
        "within 2 errors": (z < 2).mean(),
        "stated error K": np.nanmedian(tb["tb_error"].values),
    }


def score_retrieval(retrieved: xr.Dataset, nature: xr.Dataset, ok: np.ndarray) -> dict:
    """Compare soil moisture where VOD is below 0.6, VOD everywhere, and the coverage of both."""
    good = ok & (retrieved["scene_flags"].values <= 1) & (retrieved["tb_rmse"].values <= 8.0)
    wet, vod = (np.where(good, retrieved[n].values, np.nan) for n in ("soil_moisture", "vod"))
    true_wet, true_vod = (nature[n].values for n in ("soil_moisture", "vod"))
    sparse = np.where(true_vod < 0.6, true_wet, np.nan)
    sm, v = by_cell(wet, sparse), by_cell(vod, true_vod)
    pairs = np.isfinite(vod)
    x, y = true_vod[pairs].astype(float), vod[pairs].astype(float)
    return {
        "SM ubRMSE median": np.nanmedian(sm["spread"]),
        "SM ubRMSE 90th percentile": np.nanpercentile(sm["spread"], 90),
        "SM median |bias| of cells": np.nanmedian(np.abs(sm["bias"])),
        "SM R of cells": np.nanmedian(sm["r"]),
        "SM slope of cells": np.nanmedian(sm["slope"]),
        "VOD pooled R": np.corrcoef(x, y)[0, 1],
        "VOD pooled slope": np.polyfit(x, y, 1)[0],
        "VOD bias": (y - x).mean(),
        "VOD R of cells": np.nanmedian(v["r"]),
        "VOD slope of cells": np.nanmedian(v["slope"]),
        "SM within 1 error": _within(wet, true_wet, retrieved["soil_moisture_error"].values),
        "VOD within 1 error": _within(vod, true_vod, retrieved["vod_error"].values),
    }


def _within(estimate: np.ndarray, truth: np.ndarray, error: np.ndarray) -> float:
    known = np.isfinite(estimate)
    return float((np.abs(estimate - truth)[known] < error[known]).mean())


TARGETS = {
    ("simulated", "ratio to the 40° bin"): "≤ 0.55",
    ("simulated", "slope"): "1 ± 0.03",
    ("simulated", "mean bias K"): "within 0.5",
    ("simulated", "SM ubRMSE median"): "≤ 0.035",
    ("simulated", "SM ubRMSE 90th percentile"): "≤ 0.06",
    ("simulated", "VOD pooled R"): "≥ 0.88",
    ("matched", "VOD pooled R"): "≥ 0.97",
    ("matched", "SM within 1 error"): "0.60 … 0.76",
    ("matched", "VOD within 1 error"): "0.60 … 0.76",
}


def score(folder: Path, config: Config, years: list[int]) -> dict[str, float]:
    """Return all scores of a world and draw its figures."""
    land = io.read(folder / "results/domain.nc").load()
    tb, retrieved = (years_of(folder, stage, years) for stage in ("tb40", "retrieve"))
    nature = truth_of(folder, land, tb["time"].values)
    ok = (nature["frozen"].values == 0) & (land["water_fraction"].values <= 0.1)
    bins = years_of(folder, "regrid/smos_l3", years)["tb"].sel(angle=[40.0, 42.5])
    scores = score_tb(tb, bins, nature, ok)
    seen = seen_by_smos(folder, config, land, nature)
    draw(folder / "figures", land, tb, bins.sel(angle=40.0), retrieved, seen, ok)
    return scores | score_retrieval(retrieved, seen, ok)


def draw(
    folder: Path,
    land: xr.Dataset,
    tb: xr.Dataset,
    single: xr.DataArray,
    retrieved: xr.Dataset,
    nature: xr.Dataset,
    ok: np.ndarray,
) -> None:
    """Draw errors and means along the strip, and the series of three cells."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(exist_ok=True)
    truth = np.where(ok[..., None], nature["tb"].values, np.nan)
    good = ok & (retrieved["scene_flags"].values <= 1) & (retrieved["tb_rmse"].values <= 8.0)
    lat = land["lat"].values
    figure, axes = plt.subplots(1, 3, figsize=(15, 8), sharey=True)
    for name, values, colour in (("40° bin", single, "0.6"), ("tb40", tb["tb"], "C0")):
        spread = np.nanstd(values.values - truth, axis=0)
        axes[0].plot(spread[:, 0], lat, ".", ms=2, color=colour, label=f"{name}, H")
    axes[0].set(xlabel="spread of TB minus truth, K", ylabel="latitude")
    for axis, name in zip(axes[1:], ("vod", "soil_moisture")):
        for values, colour, label in (
            (nature[name].values, "0.6", "truth at SMOS's footprint"),
            (retrieved[name].values, "C2", "retrieved"),
        ):
            mean = np.nanmean(np.where(good, values, np.nan), axis=0)
            axis.plot(mean, lat, ".", ms=2, color=colour, label=label)
        axis.set(xlabel=f"mean {name}")
    for axis in axes:
        axis.legend(markerscale=5)
    figure.savefig(folder / "strip.png", dpi=80, bbox_inches="tight")
    figure, axes = plt.subplots(3, 3, figsize=(16, 9), sharex=True)
    for column, wanted in enumerate((-20.0, 4.0, 50.0)):
        cell = int(np.where(good.any(axis=0), np.abs(lat - wanted), np.inf).argmin())
        for row, (name, values, true) in enumerate(
            (
                ("TB H, K", tb["tb"].values[..., 0], nature["tb"].values[..., 0]),
                (
                    "soil moisture",
                    retrieved["soil_moisture"].values,
                    nature["soil_moisture"].values,
                ),
                ("VOD", retrieved["vod"].values, nature["vod"].values),
            )
        ):
            axis = axes[row, column]
            if row == 0:
                axis.plot(tb["time"], single.values[:, cell, 0], ".", ms=3, color="0.8")
            axis.plot(tb["time"], values[:, cell], ".", ms=3, color="C0")
            axis.plot(tb["time"], true[:, cell], "-", lw=0.8, color="k")
            axis.set(title=f"{name} at {lat[cell]:.1f}°")
    figure.autofmt_xdate()
    figure.savefig(folder / "cells.png", dpi=80, bbox_inches="tight")
    plt.close("all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--years", type=int, nargs="+", default=[2012, 2013])
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=WORLDS)
    parser.add_argument("--overlay", type=Path, nargs="+", default=[])
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    years = asked.years
    for kind in sorted(asked.worlds, key=WORLDS.index):
        if (
            kind == "independent"
        ):  # the last world, because this process has no such noise from here on
            smos.CELL_NOISE_K = smos.PASS_NOISE_K = smos.NEAR_NOISE_K = 0.0
        config = load_config([CONFIG / "config.yaml", CONFIG / "demo.yaml", *asked.overlay])
        world = config.simulate.model_copy(update={"matched_physics": kind != "simulated"})
        period = YearRange(first=years[0], last=years[-1])
        config = config.model_copy(update={"years": period, "simulate": world})
        prepare(asked.folder / kind, config, years)
        for year in years:
            invert(asked.folder / kind, config, year)
        print(f"\n{kind}, {years[0]}–{years[-1]}")
        for name, value in score(asked.folder / kind, config, years).items():
            print(f"  {name:28s} {value:8.3f}   {TARGETS.get((kind, name), '')}")


if __name__ == "__main__":
    main()
