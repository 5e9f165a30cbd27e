"""Write the page of figures and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import xarray as xr

from glab import io
from glab.config import Evaluate, Report
from glab.evaluation.records import product_records, truths
from glab.evaluation.summary import summarise_year
from glab.report.material import Material, ProductAndTruth, Tables
from glab.report.page import page

SHOWN = {"glab_vod": ("VOD", "VOD_residual"), "glab_tb": ("tb_h", "tb_v"), "smos_ib": ("vod",)}


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
    stations: list[Path] | None = None,
    beside: list[Path] | None = None,
) -> None:
    """Write the page of figures and tables.

    Args:
        products: yearly files of any products.
        skill, cells, breaks: what `evaluate` wrote.
        output: the page.
        settings: title, example cells, resolution, sensors, splits.
        truth: the simulated Earth.
        curves: training curves, `<link>/<member>/curve.csv`.
        stations: table and series of stations, as `evaluate` wrote them.
        beside: tables of skill and breaks of other runs, `<run>/results/evaluate/<table>.csv`.
    """
    fields = io.read(cells).load()
    material = Material(
        settings=settings,
        digests=_digests(products),
        judged=_judged(products, fields, truth, settings),
        fields=fields,
        skill=io.read_table(skill),
        breaks=io.read_table(breaks),
        curves=_curves(curves or []),
        provenance=_provenance(products),
        stations=_stations(stations or []),
        beside=_beside(beside or [], settings),
    )
    with io.atomic_path(output) as temporary:
        temporary.write_text(page(material), encoding="utf-8")


def _digests(products: list[Path]) -> dict[str, list[xr.Dataset]]:
    """A digest of every product year, by product."""
    found: dict[str, list[xr.Dataset]] = {}
    for path in sorted(products, key=lambda path: (path.name, path)):
        with io.read(path) as year:
            name = str(year.attrs["product"])
            found.setdefault(name, []).append(summarise_year(year, SHOWN[name]))
    return found


def _judged(
    products: list[Path], fields: xr.Dataset, truth: Path | None, settings: Report
) -> dict[str, ProductAndTruth]:
    """Records on all judged cells with their truths; without a truth those of VOD alone."""
    if truth is None:
        few = [path for path in products if path.parent.name == "glab_vod"]
        records = product_records(few, fields)
        return {record.attrs["variable"]: ProductAndTruth(record, {}) for record in records}
    nature = io.read(truth)
    spec = Evaluate(splits=settings.splits, seed=settings.seed, sensors=settings.sensors)
    found: dict[str, ProductAndTruth] = {}
    for record in product_records(products, fields):
        variable = record.attrs["variable"]
        if variable not in found:
            found[variable] = ProductAndTruth(record, truths(nature, record, spec))
    return found


def _stations(paths: list[Path]) -> tuple[xr.Dataset, pd.DataFrame] | None:
    """Series and table of stations."""
    by_kind = {path.suffix: path for path in paths}
    if not by_kind:
        return None
    return io.read(by_kind[".nc"]).load(), io.read_table(by_kind[".csv"])


def _curves(paths: list[Path]) -> dict[str, list[pd.DataFrame]]:
    """Training curves by link, members in order."""
    found: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(paths, key=lambda path: (path.parts[-3], int(path.parts[-2]))):
        found.setdefault(path.parts[-3], []).append(pd.read_csv(path))
    return found


def _beside(paths: list[Path], settings: Report) -> dict[str, Tables]:
    """Tables of other runs by method, of those that have both."""
    found = {}
    for name, folder in settings.beside.items():
        own = {path.stem: path for path in paths if path.parts[:-3] == Path(folder or "").parts}
        if folder is not None and {"skill", "breaks"} <= set(own):
            found[name] = io.read_table(own["skill"]), io.read_table(own["breaks"])
    return found


def _provenance(products: list[Path]) -> dict[str, dict[str, str]]:
    """Attributes of the last year of each product."""
    found = {}
    for path in sorted(products):
        with io.read(path) as year:
            found[str(year.attrs["product"])] = {k: str(v) for k, v in year.attrs.items()}
    return found
