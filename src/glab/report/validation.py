"""Sections that compare products with validation sets: stations and grids."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from glab.config import GridSet, StationSet
from glab.evaluation.records import split_masks
from glab.evaluation.stations import GROUPS, IN_SITU, PERFECT, SCORES, medians
from glab.report import figures
from glab.report.content import (
    GROUP_NAMES,
    PRODUCT_NAMES,
    PageSection,
    Picture,
    Table,
    capitalised,
    look_up,
    number,
    unit_named,
)
from glab.report.figures import QUANTITIES, Pair, Panel
from glab.report.material import Comparison, Material

SHOWN_MAX, SHOWN_YEARS = 6, 2
"""Stations and consecutive years in the figure: more would not be readable."""

CLASS_NAMES = {"network": "Network", "land_cover": "Land cover", "climate": "Climate"}


def validation(material: Material) -> list[PageSection]:
    """Return a section for each validation set with values, and one that lists the others."""
    sections, missing = [], []
    for name, spec in material.settings.against.items():
        table, data = material.against.get(name, (pd.DataFrame(), xr.Dataset()))
        product, title = PRODUCT_NAMES[spec.product], spec.title or name
        if table.empty or (spec.kind == "stations" and table["r"].isna().all()):
            reason = f"no {'common values' if name in material.against else 'files'}"
            at = spec.archive if isinstance(spec, StationSet) else spec.path or spec.source
            in_run = spec.product in material.summaries
            missing.append(
                f"{title} ({at}): {reason if in_run else f'{product} is not part of this run'}."
            )
        elif isinstance(spec, StationSet):
            title = spec.title or "stations"
            parts = _station_parts(table, data, spec)
            sections.append(PageSection(f"{product} and {title}", parts=parts))
        else:
            parts = _grid_parts(material, (table, data), spec, title)
            sections.append(PageSection(f"{product} and {title}", parts=parts))
    if missing:
        sections.append(PageSection("Validation sets without a comparison", text=missing))
    return sections


# --- stations -------------------------------------------------------------------------------------


def _station_parts(
    table: pd.DataFrame, joined: xr.Dataset, spec: StationSet
) -> list[Picture | Table]:
    """Return series of some stations, and medians of all by network, land cover and climate."""
    scored = table[(table["product"] == spec.product) & table["r"].notna()]
    shown = choose_stations(scored)
    some = joined.isel(series=shown)["soil_moisture"].sel(product=[IN_SITU, spec.product])
    by_year = some.notnull().all("product").sum("series").groupby("time.year").sum().sortby("year")
    # The consecutive years with the most pairs of the stations shown.
    sums = np.convolve(by_year.values, np.ones(SHOWN_YEARS, int))[SHOWN_YEARS - 1 :]
    first = int(by_year["year"].values[int(sums.argmax())])
    years = joined.sel(time=slice(f"{first}-01-01", f"{first + SHOWN_YEARS - 1}-12-31"))
    pairs = [_pair(years, scored, series, spec.product) for series in shown]
    days, product = years["time"].values.astype("datetime64[D]"), PRODUCT_NAMES[spec.product]
    caption = (
        "One sensor in each panel, of each network first that with the median R. Line: good values "
        f"(flag G) nearest to the overpass; dots: filtered retrievals of {product}. A station "
        "measures at a point, the product averages over a footprint of about 43 km, so that levels "
        "and the height of peaks may differ; rises and dry-downs should agree."
    )
    image = figures.image(figures.stations(pairs, days, product))
    picture = Picture(f"Soil moisture of stations and of {product} in their cells", caption, image)
    return [picture, station_table(table, spec)]


def choose_stations(scored: pd.DataFrame) -> list[int]:
    """Choose the series that are shown: in turn of each network the one nearest to its median R.

    Args:
        scored: rows of one product that have scores; the index is the position of the series.
    """
    ranked = []
    for name, rows in scored.groupby("network", sort=True):
        # The median station is typical; the best one would give too good an impression.
        away = (rows["r"] - rows["r"].median()).abs().sort_values(kind="stable")
        ranked += [(turn, str(name), int(series)) for turn, series in enumerate(away.index)]
    first = sorted(ranked)[:SHOWN_MAX]
    return [series for _, _, series in sorted(first, key=lambda entry: (entry[1], entry[0]))]


def _pair(years: xr.Dataset, scored: pd.DataFrame, series: int, product: str) -> Pair:
    """Return the series of a station and the product, with their scores as a title."""
    row = scored.loc[series]
    scores = (
        f"R {number(row['r'])}, bias {number(row['bias'], 3, sign=True)}, "
        f"ubRMSE {number(row['ubrmse'], 3)}, {int(row['n'])} pairs"
    )
    names = [str(row["network"]), str(row["station"]), _short(str(row["land_cover"]))]
    values = years["soil_moisture"].isel(series=series)
    layers = (values.sel(product=name).values for name in (IN_SITU, product))
    return Pair(f"{', '.join(name for name in names if name)}: {scores}", *layers)


def _short(name: str) -> str:
    """Return the first words of the name of a land-cover class."""
    return "" if name == "nan" else name.split(" (")[0].split(" / ")[0]


def station_table(table: pd.DataFrame, spec: StationSet) -> Table:
    """Return medians over the series of each network, land cover and climate, and over all."""
    rows: list[list[str]] = []
    whole = table.assign(everything="All stations")
    for group in ("everything", *GROUPS):
        classes = medians(whole, group)
        if group != "everything" and len(classes):
            rows.append([CLASS_NAMES[group]])
        for name in dict.fromkeys(classes[group]):
            rows += _score_rows(classes[classes[group] == name], _short(str(name)), spec.product)
    columns = ["", "", "series", "pairs", "R", "bias", "RMSE", "ubRMSE"]
    depth_cm = 100 * spec.depth_max_m
    caption = (
        f"Medians over series (one sensor each, 0–{depth_cm:g} cm, flag G) with at least "
        f"{spec.pairs_min} pairs: number of series, pairs, and scores in m³ m⁻³. ubRMSE: RMSE "
        "without the bias. Perfect retrieval: the truth of the cell on the same days, where it is "
        "known; its scores show the difference between a point and its cell."
    )
    return Table("Agreement with stations", caption, columns, rows)


def _score_rows(classes: pd.DataFrame, name: str, first: str) -> Iterator[list[str]]:
    labels = {**PRODUCT_NAMES, PERFECT: "perfect retrieval"}
    for product in sorted(classes["product"], key=lambda product: product != first):
        row = classes[classes["product"] == product].iloc[0]
        values = [
            number(row[score], 2 if score == "r" else 3, sign=score == "bias") for score in SCORES
        ]
        yield [name, labels[product], f"{int(row['series'])}", f"{row['n']:.0f}", *values]


# --- grids ----------------------------------------------------------------------------------------


def _grid_parts(
    material: Material, comparison: Comparison, spec: GridSet, title: str
) -> list[Picture | Table]:
    """Return the density of cell means, a map of the R of anomalies of dated sets, and a table."""
    table, fields = comparison
    product, reference = fields[spec.product_variable].values, fields["reference"].values
    masks = {"all": np.ones(product.shape, bool), **split_masks(fields["split"].values)}
    pairs = {
        capitalised(GROUP_NAMES[group]): (product[mask], reference[mask])
        for group, mask in masks.items()
    }
    unit = unit_named(str(fields["reference"].attrs["units"]))
    labels = QUANTITIES[spec.product_variable].label(), f"{title} ({unit})" if unit else title
    name = PRODUCT_NAMES[spec.product]
    parts: list[Picture | Table] = [
        Picture(
            f"Means of {name} and {title}",
            "Each cell is one pair: means of product and set over their common times. Darker: more "
            "cells (logarithmic). Rank R: Spearman's rank correlation.",
            material.image(figures.set_density(pairs, labels)),
        )
    ]
    field = f"{spec.product_variable}_r"
    if field in fields:
        panel = Panel(f"{name} and {title}", material.to_map(fields[field].values, fields), "r")
        caption = (
            "Temporal correlation of the anomalies of product and set in each cell. Grey: sea, or "
            f"fewer than {spec.pairs_min} common times."
        )
        image = material.image(figures.maps([panel], material.extent))
        parts.append(Picture("R of anomalies", caption, image))
    return [*parts, grid_table(table, title, unit)]


def grid_table(table: pd.DataFrame, title: str, unit: str) -> Table:
    """Return agreement in space and time with a gridded set, by group of cells.

    Args:
        table: from `glab.evaluation.gridded`.
        title: name of the set.
        unit: of the set; empty for dimensionless values.
    """
    rows = []
    for group in dict.fromkeys(table["cells"]):
        where = {"cells": group}
        spatial = [look_up(table, m, signal="mean", **where) for m in ("r", "rank_r")]
        temporal = look_up(table, "r_cell_median", signal="deseasonalised", **where)
        errors = [look_up(table, m, signal="mean", **where) for m in ("bias", "ubrmse")]
        of_group = table[(table["cells"] == group) & (table["metric"] == "r")]
        cells = of_group[of_group["signal"] == "mean"]["n"].iloc[0]
        pairs = of_group[of_group["signal"] == "full"]["n"]
        rows.append(
            [capitalised(GROUP_NAMES[group]), *map(number, (*spatial, temporal))]
            + [number(errors[0], 3, sign=True), number(errors[1], 3), f"{int(cells):,}"]
            + [f"{int(pairs.iloc[0]):,}" if len(pairs) else "–"]
        )
    columns = ["", "spatial R", "spatial rank R", "R of anomalies", "bias", "ubRMSE"]
    caption = (
        "Spatial: of the means of each cell over the common times. R of anomalies: median over "
        f"cells of the temporal correlation. Bias and ubRMSE{f' ({unit})' if unit else ''}: of the "
        "means, where product and set have the same unit."
    )
    return Table(f"Agreement with {title}", caption, [*columns, "cells", "pairs"], rows)
