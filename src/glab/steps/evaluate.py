"""Measure skill against the truth; without one, tell what the products hold."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from glab import io
from glab.comparison import LAYERS, TRUE_NAMES, judged_cells, record
from glab.config import Evaluate
from glab.discovery import FORMS
from glab.errors import GlabError
from glab.evaluate import judge
from glab.gridded import cells_of
from glab.inventory import described
from glab.product import quality_filter
from glab.steps.stations import compare_stations

STATIC = ("row", "col", "lat", "lon", "split", "block")
QUALITY = ("scene_flags", "tb_rmse")
BINS_DEG = (40.0, 42.5)
OVERPASS = "ascending"
TRUE_STATIC = ("change_kind", "biome", "clearing_day")


def evaluate(
    *,
    products: list[Path],
    domain: Path,
    output: Path,
    cells: Path,
    settings: Evaluate,
    steps: Path | None = None,
    truth: Path | None = None,
    controls: list[Path] | None = None,
    observations: list[Path] | None = None,
    stations: Path | None = None,
) -> None:
    """Measure skill against the truth, or against stations; without any, tell what products hold.

    Args:
        products: yearly files of any products.
        domain: the cells.
        output: table of skill, csv.
        cells: fields of each cell, netCDF; of stations, their series beside the product's.
        settings: periods, sensors, footprint, splits.
        steps: table of steps at sensor changes, csv.
        truth: the simulated Earth.
        controls: yearly predictions of links that feed no product, named by their folder.
        observations: yearly files of multi-angular SMOS, to tell the noise of single bins.
        stations: manifest of an archive of stations: `smos_ib` is compared with these alone.
    """
    if stations is not None:
        compare_stations(products, domain, stations, output, cells, settings, truth)
        return
    nature = None if truth is None else io.read(truth)
    land = judged_cells(io.read(domain).load(), nature, settings)
    if nature is None:
        skill, jumps, fields = described([io.read(path) for path in products], land)
    else:
        records = product_records(products, land) + control_records(controls or [], land)
        records += bin_records(observations or [], land)
        skill, jumps, fields = judge(records, nature, land, settings)
    for frame, path in ((skill, output), (jumps, steps)):
        if path is not None:
            io.write_table(frame, path)
    known = [] if nature is None else [name for name in TRUE_STATIC if name in nature]
    here = None if nature is None else nature[known].sel(cell=land["cell"].values)
    fields = fields.assign({name: land[name] for name in STATIC if name in land})
    fields = fields.assign({name: here[name] for name in known} if here is not None else {})
    inputs = [
        *products,
        domain,
        *([truth] if truth else []),
        *(controls or []),
        *(observations or []),
    ]
    io.write(fields, cells, io.Provenance("evaluate", settings, inputs))


def product_records(paths: list[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """Main variables of every product at some cells, all years behind each other.

    Retrievals of `smos_ib` pass the filter that its users apply.
    """
    found: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths, key=lambda path: (path.name, path)):
        with io.read(path) as year:
            name = year.attrs.get("product", path.parent.name)
            if name not in FORMS:
                raise GlabError("not a product file", path=path, found=name, expected=list(FORMS))
            wanted = [f"{main}{layer}" for main in FORMS[name].main for layer in LAYERS]
            chosen = year[[layer for layer in [*wanted, *QUALITY] if layer in year]]
            part = cells_of(chosen, cells["row"].values, cells["col"].values).load()
            part = trusted(part).drop_vars(QUALITY, errors="ignore")
            found.setdefault(name, []).append(part.assign_coords(cell=cells["cell"]))
    return [
        record(xr.concat(years, "time", combine_attrs="drop"), variable, name)
        for name, years in found.items()
        for variable in FORMS[name].main
        if variable in TRUE_NAMES
    ]


def trusted(part: xr.Dataset) -> xr.Dataset:
    """System B's retrievals as its users filter them; its TB and other products as they are."""
    if not set(QUALITY) <= set(part.variables):
        return part
    tb = [name for name in part.data_vars if str(name).startswith("tb_")]
    return quality_filter(part).assign({name: part[name] for name in tb})


def control_records(paths: list[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """VOD of links that feed no product, from their predictions."""
    found: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths):
        with io.read(path) as year:
            found.setdefault(path.parent.name, []).append(
                year.sel(cell=cells["cell"].values).load()
            )
    return [
        record(xr.concat(years, "time", combine_attrs="drop"), "vod", name).assign_attrs(
            variable="VOD"
        )
        for name, years in found.items()
        if all("vod" in year for year in years)
    ]


def bin_records(paths: list[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """Brightness temperature of single angle bins of SMOS, which `tb40` should be better than."""
    years: list[xr.DataArray] = []
    for path in sorted(paths):
        with io.read(path) as year:
            part = year["tb"].sel(cell=cells["cell"].values, overpass=OVERPASS)
            angles = [angle for angle in BINS_DEG if angle in year["angle"].values]
            years.append(part.sel(angle=angles).load())
    if not years:
        return []
    tb = xr.concat(years, "time", combine_attrs="drop")
    return [
        record(
            xr.Dataset({f"tb_{pol}": tb.sel(angle=angle, channel=pol, drop=True)}),
            f"tb_{pol}",
            f"SMOS {angle:g}° bin",
        )
        for angle in tb["angle"].values
        for pol in ("h", "v")
    ]
