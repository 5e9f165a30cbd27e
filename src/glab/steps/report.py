"""Write the page of figures and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import xarray as xr

from glab import io
from glab.config import Evaluate, Report
from glab.evaluation.evaluate import summarise_year
from glab.evaluation.records import ProductAndTruth, pair_with_truth, product_records
from glab.report.material import Comparison, Material, Tables
from glab.report.page import page

SHOWN = {"glab_vod": ("VOD", "VOD_residual"), "glab_tb": ("tb_h", "tb_v"), "smos_ib": ("vod",)}
"""Variables whose annual means are shown as maps or by latitude."""


def report(
    *,
    products: list[Path],
    skill: Path,
    cells: Path,
    breaks: Path,
    output: Path,
    settings: Report,
    truth: Path | None = None,
    curves: list[Path] | None = None,
    against: list[Path] | None = None,
    beside: list[Path] | None = None,
) -> None:
    """Write the page of figures and tables.

    Args:
        products: yearly files of any products.
        skill, cells, breaks: tables and fields from `evaluate`.
        output: the page.
        settings: title, example cells, resolution, validation sets, sensors, splits.
        truth: the simulated Earth.
        curves: training curves, `<link>/<member>/curve.csv`.
        against: tables and series or fields of validation sets, `<set>.csv` and `<set>.nc`.
        beside: tables of skill and breaks of other runs, `<run>/results/evaluate/<table>.csv`.
    """
    fields = io.read(cells).load()
    material = Material(
        settings=settings,
        summaries=_read_summaries(products),
        pairs=_read_pairs(products, fields, truth, settings),
        fields=fields,
        skill=io.read_table(skill),
        breaks=io.read_table(breaks),
        curves=_read_curves(curves or []),
        provenance=_read_provenance(products),
        against=_read_comparisons(against or []),
        beside=_read_beside(beside or [], settings),
    )
    with io.atomic_path(output) as temporary:
        temporary.write_text(page(material), encoding="utf-8")


def _read_summaries(products: list[Path]) -> dict[str, list[xr.Dataset]]:
    """Summarise every product year, by product."""
    summaries: dict[str, list[xr.Dataset]] = {}
    for path in sorted(products, key=lambda path: (path.name, path)):
        with io.read(path) as year:
            name = str(year.attrs["product"])
            summaries.setdefault(name, []).append(summarise_year(year, SHOWN[name]))
    return summaries


def _read_pairs(
    products: list[Path], fields: xr.Dataset, truth: Path | None, settings: Report
) -> dict[str, ProductAndTruth]:
    """Read the first record of each variable with its truth; without a truth only VOD."""
    if truth is None:
        vod = [path for path in products if path.parent.name == "glab_vod"]
        records = product_records(vod, fields)
        return {record.attrs["variable"]: ProductAndTruth(record, {}) for record in records}
    nature = io.read(truth)
    spec = Evaluate(splits=settings.splits, seed=settings.seed, sensors=settings.sensors)
    pairs: dict[str, ProductAndTruth] = {}
    for record in product_records(products, fields):
        variable = record.attrs["variable"]
        if variable not in pairs:
            pairs[variable] = pair_with_truth(record, nature, spec)
    return pairs


def _read_comparisons(paths: list[Path]) -> dict[str, Comparison]:
    """Read table and series or fields of each validation set."""
    tables = {path.stem: io.read_table(path) for path in paths if path.suffix == ".csv"}
    data = {path.stem: io.read(path).load() for path in paths if path.suffix == ".nc"}
    return {name: (table, data[name]) for name, table in tables.items()}


def _read_curves(paths: list[Path]) -> dict[str, list[pd.DataFrame]]:
    """Read training curves by link, members in order."""
    curves: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(paths, key=lambda path: (path.parts[-3], int(path.parts[-2]))):
        curves.setdefault(path.parts[-3], []).append(pd.read_csv(path))
    return curves


def _read_beside(paths: list[Path], settings: Report) -> dict[str, Tables]:
    """Read the tables of other runs by method; runs without both tables are left out."""
    tables: dict[str, Tables] = {}
    for name, folder in settings.beside.items():
        of_run = {path.stem: path for path in paths if path.parts[:-3] == Path(folder or "").parts}
        if folder is not None and {"skill", "breaks"} <= set(of_run):
            tables[name] = io.read_table(of_run["skill"]), io.read_table(of_run["breaks"])
    return tables


def _read_provenance(products: list[Path]) -> dict[str, dict[str, str]]:
    """Read the attributes of the last year of each product."""
    provenance = {}
    for path in sorted(products):
        with io.read(path) as year:
            provenance[str(year.attrs["product"])] = {k: str(v) for k, v in year.attrs.items()}
    return provenance
