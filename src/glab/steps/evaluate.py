"""Measure skill against the truth; without one, tell what the products hold."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Evaluate
from glab.evaluation.evaluate import evaluate_records
from glab.evaluation.records import bin_records, control_records, evaluation_cells, product_records
from glab.evaluation.stations import compare_stations
from glab.evaluation.summary import summarise_products

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
    stations: Path | None = None,
) -> None:
    """Measure skill against the truth, or against stations; without any, tell what products hold.

    Args:
        products: yearly files of any products.
        domain: the cells.
        output: table of skill, csv.
        cells: fields of each cell, netCDF; of stations, their series beside the product's.
        settings: periods, sensors, footprint, splits.
        breaks: table of breaks at sensor changes, csv.
        truth: the simulated Earth.
        controls: yearly predictions of links that feed no product, named by their folder.
        observations: yearly files of multi-angular SMOS, to tell the noise of single bins.
        stations: manifest of an archive of stations: `smos_ib` is compared with these alone.
    """
    if stations is not None:
        compare_stations(products, domain, stations, output, cells, settings, truth)
        return
    nature = None if truth is None else io.read(truth)
    land = evaluation_cells(io.read(domain).load(), nature, settings)
    if nature is None:
        skill, break_table, fields = summarise_products([io.read(path) for path in products], land)
    else:
        records = product_records(products, land) + control_records(controls or [], land)
        records += bin_records(observations or [], land)
        skill, break_table, fields = evaluate_records(records, nature, land, settings)
    for frame, path in ((skill, output), (break_table, breaks)):
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
