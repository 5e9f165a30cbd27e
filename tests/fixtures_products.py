"""Work files and a truth as the stages before `product` write them, on a small real domain.

The truth is a few lines of algebra: a seasonal cycle, a trend, a clearing, weather. The products
have a known gain, noise and break, so that the right result of the evaluation is known.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import annual_phase, days_between, days_of_year, window_starts
from glab.grids import M25

LAT, LON = (4.0, 6.6), (20.0, 22.2)
TILE = 64
CLEARED, BROWNED, GREENED = 3, 1, 2
PROCESSING = {
    "flag_masks": np.array([1, 2], np.int16),
    "flag_meanings": "not_converged negative_median",
}
KINDS = {"flag_meanings": "none browning greening clearing"}
BIOMES = {"flag_meanings": "forest savanna steppe"}
CLEARING_DAY = np.datetime64("2011-08-01")


def domain() -> xr.Dataset:
    """Every cell of a small box, in an order that is not the grid's."""
    (top, bottom), (left, right) = M25.index(LAT[::-1], LON)
    rows, cols = np.meshgrid(np.arange(top, bottom + 1), np.arange(left, right + 1), indexing="ij")
    order = np.random.default_rng(0).permutation(rows.size)
    row, col = rows.ravel()[order].astype(np.int32), cols.ravel()[order].astype(np.int32)
    sea = (row == top) & (col < left + 2)
    row, col = row[~sea], col[~sea]
    blocks = (row - top) // 3 * 10 + (col - left) // 3
    return xr.Dataset(
        {
            "row": ("cell", row),
            "col": ("cell", col),
            "lat": ("cell", M25.lat[row]),
            "lon": ("cell", M25.lon[col]),
            "area": ("cell", M25.areas()[row, col]),
            "land_fraction": ("cell", np.ones(row.size, np.float32)),
            "tile": ("cell", np.arange(row.size, dtype=np.int32) // TILE),
            "block": ("cell", blocks.astype(np.int32)),
        },
        {"cell": ("cell", row * 1388 + col, {"compress": "y x"})},
    )


def truth(first: int = 2010, last: int = 2013, *, seed: int = 1) -> xr.Dataset:
    """Return a few years of truth on the domain's cells, sorted row by row."""
    rng = np.random.default_rng(seed)
    land = domain().sortby("cell")
    days = days_between(f"{first}-01-01", f"{last}-12-31")
    cells = land.sizes["cell"]
    years = ((days - days[0]).astype(float) / 365.2425)[:, None]
    cycle = np.cos(annual_phase(days))[:, None]
    kind = np.arange(cells) % 4
    slope = np.where(kind == BROWNED, -0.02, np.where(kind == GREENED, 0.02, 0.0))
    mean = rng.uniform(0.15, 0.9, cells)
    weather = np.repeat(rng.normal(0.0, 0.03, (len(days) // 30 + 1, cells)), 30, axis=0)
    wet = np.repeat(rng.normal(0.0, 0.05, (len(days) // 10 + 1, cells)), 10, axis=0)
    vod = mean * (1 + 0.1 * cycle) + slope * years + weather[: len(days)]
    cleared = (kind == CLEARED) & (days[:, None] >= CLEARING_DAY)
    vod = np.where(cleared, 0.5 * vod, vod).clip(0.02)
    soil = (0.2 + 0.08 * cycle + wet[: len(days)]).clip(0.02, 0.5)
    tb_h = 215 + 60 * (1 - np.exp(-2 * vod)) - 60 * soil
    daily = {"vod": vod, "soil_moisture": soil, "frozen": np.zeros(vod.shape, np.int16)}
    day = (CLEARING_DAY - np.datetime64("2000-01-01")).astype(int)
    return xr.Dataset(
        {name: (("time", "cell"), values) for name, values in daily.items()}
        | {
            "tb": (("time", "cell", "channel"), np.stack([tb_h, tb_h + 12], axis=2)),
            "lat": ("cell", land["lat"].values),
            "lon": ("cell", land["lon"].values),
            "biome": ("cell", (np.arange(cells) % 3).astype(np.int16), BIOMES),
            "change_kind": ("cell", kind.astype(np.int16), KINDS),
            "clearing_day": ("cell", np.where(kind == CLEARED, day, -1).astype(np.int32)),
        },
        {"time": days, "cell": land["cell"].values, "channel": ["h", "v"]},
    )


def _of_year(nature: xr.Dataset, year: int) -> xr.Dataset:
    """Return a year of the truth in the domain's order."""
    return nature.sel(time=str(year)).sel(cell=domain()["cell"].values)


def _cycle(values: np.ndarray, days: np.ndarray) -> np.ndarray:
    """A seasonal cycle fixed for all years: cosine about 2010's mean, whatever the cell."""
    wave = np.cos(annual_phase(days)).reshape(-1, *[1] * (values.ndim - 1))
    return values[:1] * 0 + values.mean(axis=0) + 0.01 * wave


def compose_year(nature: xr.Dataset, year: int, *, noise: float = 1.5, seed: int = 2) -> xr.Dataset:
    """results/compose/{year}.nc"""
    rng = np.random.default_rng(seed + year)
    truth_year = _of_year(nature, year)
    tb = truth_year["tb"].values + rng.normal(0, noise, truth_year["tb"].shape)
    origin = rng.choice([0, 1, 3, 5], tb.shape[:2], p=[0.1, 0.2, 0.3, 0.4]).astype(np.int16)
    gone = (origin == 0)[:, :, None]

    def layer(values: np.ndarray | float) -> tuple:
        full = np.broadcast_to(values, tb.shape)
        return ("time", "cell", "channel"), np.where(gone, np.nan, full).astype(np.float32)

    return xr.Dataset(
        {
            "tb": layer(tb),
            "tb_std": layer(0.4 * noise),
            "tb_std_data": layer(0.9 * noise),
            "tb_std_total": layer(noise),
            "origin": (("time", "cell"), origin),
        },
        {"time": truth_year["time"].values, "cell": domain()["cell"], "channel": ["h", "v"]},
    )


def residuals_year(compose: xr.Dataset) -> xr.Dataset:
    """results/residuals/{baseline}/compose/{year}.nc"""
    tb = compose["tb"]
    cycle = 240.0 + 5 * np.cos(annual_phase(tb["time"].values))[:, None, None]
    return (
        (tb - cycle)
        .astype(np.float32)
        .to_dataset(name="tb_residual")
        .drop_vars("origin", errors="ignore")
    )


def predict_year(
    nature: xr.Dataset, year: int, *, gain: float = 0.8, noise: float = 0.02, jump: float = 0.0
) -> xr.Dataset:
    """results/predict/tb_vod/{year}.nc: anomalies damped by `gain`, a `jump` from 2012-07-02 on."""
    rng = np.random.default_rng(year)
    starts = window_starts(year, 18)
    starts = starts[starts + 18 <= nature["time"].values[-1]]
    order = domain()["cell"].values
    vod = nature["vod"].sel(cell=order)
    base = vod.sel(time=str(nature["time"].dt.year.values[0])).mean("time").values
    means = np.stack([vod.sel(time=slice(s, s + 17)).mean("time").values for s in starts])
    climatology = base + 0.1 * base * np.cos(annual_phase(starts + 9))[:, None]
    residual = gain * (means - climatology) + rng.normal(0, noise, means.shape)
    residual += np.where(starts >= np.datetime64("2012-07-02"), jump, 0.0)[:, None]
    dims = ("time", "cell")
    layers = {
        "vod": climatology + residual,
        "vod_residual": residual,
        "vod_std": np.full(means.shape, 0.3 * noise),
        "vod_std_data": np.full(means.shape, 0.9 * noise),
        "vod_std_total": np.full(means.shape, 1.2 * noise),
    }
    return xr.Dataset(
        {name: (dims, values.astype(np.float32)) for name, values in layers.items()}
        | {
            "count": (dims, rng.integers(3, 18, means.shape).astype(np.int16)),
            "sensor": (dims, np.zeros(means.shape, np.int16)),
            "time_bnds": (("time", "nv"), np.stack([starts, starts + 18], axis=1)),
        },
        {"time": starts, "cell": domain()["cell"]},
    )


def smos_year(nature: xr.Dataset, year: int) -> tuple[xr.Dataset, xr.Dataset]:
    """results/tb40/{year}.nc and results/retrieve/{year}.nc, both overpasses."""
    rng = np.random.default_rng(year + 7)
    truth_year = _of_year(nature, year)
    shape = (len(truth_year["time"]), truth_year.sizes["cell"], 2)
    missing = rng.random(shape) < 0.5
    dims = ("time", "cell", "overpass")

    def layer(values: np.ndarray, error: float) -> tuple:
        noisy = np.repeat(values[:, :, None], 2, axis=2) + rng.normal(0, error, shape)
        return dims, np.where(missing, np.nan, noisy).astype(np.float32)

    tb = np.stack([layer(truth_year["tb"].values[:, :, c], 1.2)[1] for c in (0, 1)], axis=3)
    coords = {
        "time": truth_year["time"].values,
        "cell": domain()["cell"],
        "overpass": ["ascending", "descending"],
        "channel": ["h", "v"],
    }
    tb40 = {
        "tb": ((*dims, "channel"), tb),
        "tb_error": ((*dims, "channel"), np.where(np.isnan(tb), np.nan, 1.2).astype(np.float32)),
        "tb_rmse": (dims, np.where(missing, np.nan, rng.uniform(1, 12, shape)).astype(np.float32)),
        "angle_count": (dims, np.where(missing, 0, 7).astype(np.int16)),
    }
    flags = rng.choice([0, 1, 2, 4, 8], shape).astype(np.int16)
    constant = np.full(shape[:2], 0.03)
    retrieve = {
        "soil_moisture": layer(truth_year["soil_moisture"].values, 0.02),
        "vod": layer(truth_year["vod"].values, 0.03),
        "soil_moisture_error": layer(constant, 0.0),
        "vod_error": layer(constant, 0.0),
        "scene_flags": (dims, flags),
        "processing_flags": (dims, (flags > 3).astype(np.int16), PROCESSING),
    }
    no_channel = {name: c for name, c in coords.items() if name != "channel"}
    return xr.Dataset(tb40, coords), xr.Dataset(retrieve, no_channel)


def write_work_files(folder: Path, first: int = 2010, last: int = 2013) -> xr.Dataset:
    """The work files of all years under `folder`, laid out as a run does; returns the truth."""
    nature = truth(first, last)
    nature.to_netcdf(_in_folder(folder / "data" / "truth.nc"))
    _write(domain(), folder / "results" / "domain.nc")
    for year in range(first, last + 1):
        compose = compose_year(nature, year)
        tb40, retrieve = smos_year(nature, year)
        work = {
            f"compose/{year}.nc": compose,
            f"residuals/vod/compose/{year}.nc": residuals_year(compose),
            f"predict/tb_vod/{year}.nc": predict_year(nature, year),
            f"tb40/{year}.nc": tb40,
            f"retrieve/{year}.nc": retrieve,
        }
        for name, dataset in work.items():
            assert (
                np.array_equal(dataset["time"].values[:1], days_of_year(year)[:1]) or "vod" in name
            )
            _write(dataset, folder / "results" / name)
    return nature


def _in_folder(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write(dataset: xr.Dataset, path: Path) -> None:
    io.write(dataset, path, io.Provenance("compose"))
