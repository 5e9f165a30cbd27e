"""A toy world for the learning stages: a few cells, two sensors, a known mapping between them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import days_between, days_of_year, year_of
from glab.climatology.cycles import fit_cycle
from glab.config import (
    ClimatologyOptions,
    Features,
    LinkInput,
    Mapping,
    Samples,
    SensorInputs,
    Splits,
)
from glab.grids import M25
from glab.learning.columns import Feature, describe_columns
from glab.learning.features import SensorFeatures
from glab.learning.inputs import Average, LinkInputs, open_inputs
from glab.learning.samples import draw_samples

ROW, COL, SIDE, BLOCK = 200, 700, 12, 4
AMSR = ["10h", "10v"]
SMOS = ["h", "v"]
INPUT = LinkInput(source="amsr2", variable="tb", channels=AMSR)
TARGET = LinkInput(source="smos_l3", variable="tb")


def toy_domain(side: int = SIDE, tiles: int = 2, block: int = BLOCK) -> xr.Dataset:
    """A square of cells in rows, its blocks and tiles."""
    row, col = (axis.ravel() for axis in np.mgrid[ROW : ROW + side, COL : COL + side])
    number = np.arange(side * side)
    return xr.Dataset(
        {
            "row": ("cell", row.astype("i4")),
            "col": ("cell", col.astype("i4")),
            "lat": ("cell", M25.lat[row]),
            "lon": ("cell", M25.lon[col]),
            "tile": ("cell", (number * tiles // number.size).astype("i4")),
            "block": ("cell", ((row - ROW) // block * 100 + (col - COL) // block).astype("i4")),
        },
        {"cell": (row * 1388 + col).astype("i4")},
    )


def mapping(residual: np.ndarray) -> np.ndarray:
    """Return the target's residual for residuals of the inputs, (…, 2) → (…, 2) in K."""
    first, second = residual[..., 0], residual[..., 1]
    return np.stack([0.6 * first + 2.0 * np.tanh(second / 4.0), 0.5 * second - 0.2 * first], -1)


@dataclass
class World:
    """The files of a toy world."""

    root: Path
    domain: xr.Dataset
    residuals: list[Path]
    climatologies: list[Path]

    def inputs(self, years: set[int] | None = None) -> LinkInputs:
        """Return residuals of some years (None: all) and cycles, in memory.

        No file stays open. HDF5 2.2 crashes on opening a file with texts that is open already, if
        a later handle to it was closed before: a test must not keep files open that a step opens.
        """
        kept = [p for p in self.residuals if years is None or int(p.stem) in years]
        with closing(open_inputs(kept, self.climatologies, self.domain)) as opened:
            return replace(opened, residuals={k: d.load() for k, d in opened.residuals.items()})

    def sensors(
        self, spec: Mapping, inputs: LinkInputs | None = None, average: Average | None = None
    ) -> list[SensorFeatures]:
        """Features of each sensor of a link; by default with all residuals."""
        inputs = inputs or self.inputs()
        return [
            SensorFeatures(inputs, spec, sensor, self.domain, average) for sensor in spec.sensors
        ]

    def features(self, spec: Mapping, inputs: LinkInputs | None = None) -> SensorFeatures:
        """Features of the first sensor of a link."""
        return self.sensors(spec, inputs)[0]

    def samples(self, settings: Samples) -> xr.Dataset:
        """Samples of a link, drawn from all residuals."""
        return draw_samples(self.sensors(settings), settings)


def toy_world(
    root: Path,
    first: int = 2013,
    last: int = 2015,
    *,
    noise: float = 0.2,
    covered: float = 0.5,
    side: int = SIDE,
    bias: float = 0.0,
) -> World:
    """Write residuals and cycles of `amsr2` and `smos_l3` over the baseline `both`.

    Args:
        root: folder.
        first, last: years.
        noise: K, on the target.
        covered: fraction of days and cells with a value.
        side: cells along each side of the square.
        bias: K, standard deviation of what every cell's target is too warm by.
    """
    domain, rng = toy_domain(side), np.random.default_rng(5)
    days = days_between(f"{first}-01-01", f"{last}-12-31")
    cells = domain.sizes["cell"]
    slow = np.repeat(rng.normal(0, 2, (len(days) // 30 + 1, cells, 2)), 30, axis=0)[: len(days)]
    inputs = slow + rng.normal(0, 3, slow.shape)
    wanted = mapping(inputs) + rng.normal(0, noise, slow.shape) + rng.normal(0, bias, (cells, 2))
    gaps = [rng.random((len(days), cells, 1)) > covered for _ in range(2)]
    io.write(domain, root / "domain.nc", io.Provenance("domain"))
    world = World(root, domain, [], [])
    for source, values, gap, channels, level in (
        ("amsr2", inputs, gaps[0], AMSR, 260.0),
        ("smos_l3", wanted, gaps[1], SMOS, 240.0),
    ):
        _write(world, source, np.where(gap, np.nan, values), days, channels, level)
    return world


def _write(
    world: World, source: str, residual: np.ndarray, days: np.ndarray, channels: list, level: float
) -> None:
    """Residuals by year, and a cycle by tile whose mean is `level`."""
    land, folder = world.domain, world.root / "results"
    coords = {"cell": land["cell"], "channel": channels}
    seasons = np.sin(2 * np.pi * np.arange(len(days)) / 365.2425)[:, None, None]
    series = np.broadcast_to(level + 8 * seasons, residual.shape).astype("f4")
    array = xr.DataArray(series, coords, ("time", "cell", "channel"), "tb")
    fitted = fit_cycle(array, days, ClimatologyOptions())
    for tile in np.unique(land["tile"]):
        path = folder / "climatology" / "both" / source / f"{tile}.nc"
        of_tile = fitted.isel(cell=np.flatnonzero(land["tile"].values == tile))
        io.write(of_tile, path, io.Provenance("climatology"))
        world.climatologies.append(path)
    for year in np.unique(year_of(days)):
        path = folder / "residuals" / "both" / source / f"{year}.nc"
        values = residual[year_of(days) == year].astype("f4")
        dataset = xr.Dataset(
            {"tb_residual": (("time", "cell", "channel"), values)},
            {"time": days_of_year(int(year)).astype("datetime64[ns]"), **coords},
        )
        io.write(dataset, path, io.Provenance("residuals"))
        world.residuals.append(path)


def link(**changes: object) -> Mapping:
    """The toy link."""
    sensor = SensorInputs(baseline="both", inputs=[INPUT])
    return Mapping(**{"sensors": [sensor], "target": TARGET, "features": Features()} | changes)


def sampling(**changes: object) -> Samples:
    """The slice of `samples` for the toy link."""
    period = {"start": "2013-01-01", "end": "2014-12-31"}
    settings = link().model_dump() | {
        "name": "toy",
        "baselines": {"both": period},
        "splits": Splits(held_out_years=[2015]).model_dump(),
        "seed": 3,
        "target_days_min": 1,
        "footprint": None,
        "training_years": None,
        "samples_max": 20_000,
        "memory_mb": 500,
    }
    return Samples(**settings | changes)


def plain_samples(
    size: int = 4000, features: int = 3, targets: int = 1, seed: int = 0
) -> xr.Dataset:
    """Samples without a world: standard normal features and a smooth mapping of the first two."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, (size, features)).astype("f4")
    y = np.stack([(0.5 + k) * x[:, 0] + np.tanh(x[:, 1]) for k in range(targets)], axis=-1)
    split = np.select([np.arange(size) % 10 == 0, np.arange(size) % 10 == 1], [1, 3], 0)
    samples = xr.Dataset(
        {
            "features": (("sample", "feature"), x),
            "target": (("sample", "target_name"), y.astype("f4")),
            "target_climatology": (("sample", "target_name"), np.ones_like(y, "f4")),
            "count": ("sample", np.ones(size, "i2")),
            "sensor": ("sample", np.zeros(size, "i2"), {"flag_meanings": "amsr2"}),
            "split": ("sample", split.astype("i2")),
        },
        {
            "sample_cell": ("sample", (np.arange(size) % 50).astype("i4")),
            "sample_block": ("sample", (np.arange(size) % 50 // 5).astype("i4")),
            "target_name": [f"t{k}" for k in range(targets)],
        },
    )
    return describe_columns(samples, [Feature(f"v{n}", "residual") for n in range(features)])
