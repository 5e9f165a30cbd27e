"""Measure skill against the truth, or agreement with a validation set."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import xarray as xr

from glab import io
from glab.config import Evaluate, StationSet
from glab.evaluation.evaluate import evaluate_records, summarise_products
from glab.evaluation.gridded import compare_grid
from glab.evaluation.records import (
    bin_records,
    control_records,
    evaluation_cells,
    product_records,
)
from glab.evaluation.stations import compare_stations

STATIC = ("row", "col", "lat", "lon", "split", "block")
TRUE_STATIC = ("change_kind", "biome", "clearing_day")


def evaluate(
    *,
    products: list[Path],
    domain: Path,
    output: Path,
    cells: Path,
    settings: Evaluate,
    breaks: Path | None = None,
    truth: Path | None = None,
    controls: list[Path] | None = None,
    observations: list[Path] | None = None,
    against: str | None = None,
    data: list[Path] | None = None,
) -> None:
    """Compare products with the truth or a validation set; without either, summarise them.

    Args:
        products: yearly files of any products.
        domain: the cells.
        output: table of skill, csv.
        cells: fields of each cell, netCDF; of stations their series and those of the product.
        settings: periods, sensors, footprint, splits, and the validation set.
        breaks: table of breaks at sensor changes, csv.
        truth: the simulated Earth.
        controls: yearly predictions of links that feed no product, named by their folder.
        observations: yearly files of multi-angular SMOS TB, for the noise of single bins.
        against: name of the validation set of `settings` to compare with.
        data: manifest of its stations, its files or folders, or year files of its source.
    """
    nature = None if truth is None else io.read(truth)
    inputs = [*products, domain, *([truth] if truth else []), *(data or [])]
    if against is not None:
        land = evaluation_cells(io.read(domain).load(), None, settings)
        table, fields = _compare(products, land, nature, settings, against, data or [])
    else:
        land = evaluation_cells(io.read(domain).load(), nature, settings)
        inputs += [*(controls or []), *(observations or [])]
        if nature is None:
            years = [io.read(path) for path in products]
            table, break_table, fields = summarise_products(years, land)
        else:
            records = product_records(products, land) + control_records(controls or [], land)
            records += bin_records(observations or [], land)
            table, break_table, fields = evaluate_records(records, nature, land, settings)
        if breaks is not None:
            io.write_table(break_table, breaks)
        fields = fields.assign({name: land[name] for name in STATIC if name in land})
        if nature is not None:
            known = [name for name in TRUE_STATIC if name in nature]
            fields = fields.assign(nature[known].sel(cell=land["cell"].values).data_vars)
    io.write_table(table, output)
    io.write(fields, cells, io.Provenance("evaluate", settings, inputs))


def _compare(
    products: list[Path],
    land: xr.Dataset,
    truth: xr.Dataset | None,
    settings: Evaluate,
    name: str,
    data: list[Path],
) -> tuple[pd.DataFrame, xr.Dataset]:
    """Compare with one validation set; an empty table where it has no values in the domain."""
    spec = settings.against[name]
    if isinstance(spec, StationSet):
        result = compare_stations(products, land, data[0], spec, settings.overpass, truth)
    else:
        result = compare_grid(products, land, data, name, spec)
    if result is None:
        print(f"{name}: no values in the domain at the times of {spec.product}", file=sys.stderr)
        return pd.DataFrame(columns=["product", "value"]), land[["lat", "lon"]]
    return result
