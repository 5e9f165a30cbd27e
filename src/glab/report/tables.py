"""Tables and cards of the page, from the tables of `evaluate`, and the measures of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from glab.report.content import (
    GROUP_NAMES,
    VARIABLE_NAMES,
    Card,
    Table,
    capitalised,
    look_up,
    number,
    product_named,
    truth_kind,
)

GROUPS = {name: GROUP_NAMES[name] for name in ("trained", "held_out")}
TRUTHS = {
    "footprint": "The truth is averaged to the footprint of the target.",
    "cell": "The truth is that of the 25 km cells.",
    "none": "",
}
TREND_GROUPS = (
    *("all", "trained", "held_out", "unchanged", "browned", "greened", "cleared", "uncleared"),
    *("held_out cleared", "held_out uncleared"),
)


def skill_table(
    skill: pd.DataFrame,
    product: str,
    variable: str,
    digits: int,
    groups: Mapping[str, str] = GROUPS,
) -> Table:
    """Return the skill of a product and its controls by period and group of cells.

    Args:
        skill: table from `evaluate`.
        product, variable: of which product.
        digits: decimals of errors.
        groups: which groups of cells, and their names.
    """
    kind = truth_kind(skill, product, variable)
    table = skill[(skill["variable"] == variable) & (skill["truth"] == kind)]
    table = table[table["product"].str.split(": ").str[0] == product]
    rows: list[list[str]] = []
    for period in dict.fromkeys(table["period"]):
        rows.append(["whole record" if period == "all" else period])
        of_period = table[table["period"] == period]
        names = dict.fromkeys(of_period["product"]) if period == "all" else [product]
        for name in names:
            for group, group_name in groups.items():
                label = f"{product_named(name)}, {group_name}"
                rows.append([label, *_skill_row(of_period, name, group, period, digits)])
    columns = ["", "R", "R anomalies", "RMSE", "bias", "ubRMSE", "in ±1σ", "in ±2σ", "pairs"]
    caption = (
        f"{TRUTHS[kind]} Anomalies: values minus the mean and three annual harmonics of the whole "
        "record, for product and truth. ubRMSE: RMSE without the bias. In ±1σ, in ±2σ: fraction of "
        "truths within one and two total standard deviations; 0.68 and 0.95 are correct. "
        "Climatology: the product's seasonal cycle alone; persistence: last year's truth."
    )
    return Table(f"{capitalised(VARIABLE_NAMES[variable])}: skill", caption, columns, rows)


def _skill_row(
    table: pd.DataFrame, product: str, group: str, period: str, digits: int
) -> Iterator[str]:
    """Return R, errors, coverage and number of pairs of one product and group."""
    where = {"product": product, "cells": group, "period": period}
    yield number(look_up(table, "r", **where))
    anomalies = where | {"signal": "deseasonalised"}
    constant = product.endswith(": climatology")
    yield "–" if constant else number(look_up(table, "r", **anomalies))
    yield number(look_up(table, "rmse", **where), digits)
    yield number(look_up(table, "bias", **where), digits, sign=True)
    yield number(look_up(table, "ubrmse", **where), digits)
    for width in (1, 2):
        yield number(look_up(table, f"coverage_{width}", **where))
    rows = table[(table["metric"] == "rmse") & (table["signal"] == "full")]
    rows = rows[(rows["product"] == product) & (rows["cells"] == group)]
    yield f"{int(rows['n'].iloc[0]):,}" if len(rows) else "–"


def trend_table(skill: pd.DataFrame, product: str, variable: str) -> Table:
    """Return how much of the true trends and drops a product recovers, by group of cells."""
    kind = truth_kind(skill, product, variable)
    table = skill[(skill["product"] == product) & (skill["variable"] == variable)]
    table = table[table["truth"] == kind]
    present = set(table["cells"])
    biomes = sorted(name for name in present if name.startswith("biome "))
    classes = [name for name in dict.fromkeys(table["cells"]) if "VOD" in name]
    rows = []
    for group in [g for g in TREND_GROUPS if g in present] + classes + biomes:
        where = {"cells": group}
        values = [look_up(table, f"trend_{m}", **where) for m in ("gain", "skill", "r")]
        error = look_up(table, "trend_error", **where)
        cells = table[(table["metric"] == "trend_gain") & (table["cells"] == group)]["n"]
        drop = [number(look_up(table, m, **where)) for m in ("clearing_gain", "early_fraction")]
        rows.append(
            [group.replace("_", " "), *map(number, values), number(1000 * error, 2), *drop]
            + [f"{int(cells.iloc[0]):,}" if len(cells) else "–"]
        )
    columns = ["cells", "gain", "skill", "R", "error (10⁻³ yr⁻¹)"]
    columns += ["gain of drops", "early fraction", "number"]
    caption = (
        f"{TRUTHS[kind]} Trends are least-squares slopes over the windows where both exist. Gain "
        "Σ sₚsₜ / Σ sₜ²: 1 if the whole trend is recovered. Skill 1 − Σ (sₚ − sₜ)² / Σ sₜ². Error: "
        "standard deviation of sₚ − sₜ. Gain of drops: regression of the product's drops at "
        "clearings on the true ones. Early fraction: fraction of the drop that the product shows "
        "more than 36 days before the clearing."
    )
    return Table(f"Trends and drops of {VARIABLE_NAMES[variable]}", caption, columns, rows)


def noise_table(skill: pd.DataFrame) -> Table:
    """Compare the noise of the 40° TB with that of single angle bins."""
    table = skill[skill["variable"].isin(["tb_h", "tb_v"]) & (skill["cells"] == "all")]
    table = table[table["product"].eq("smos_ib") | table["product"].str.endswith("bin")]
    names = ("ubrmse_cell_median", "noise_cell_median", "bias", "slope", "r")
    rows = []
    for variable in ("tb_h", "tb_v"):
        of_variable = table[table["variable"] == variable]
        single = look_up(of_variable, names[0], product="SMOS 40° bin")
        for product in dict.fromkeys(of_variable["product"]):
            values = [look_up(of_variable, name, product=product) for name in names]
            texts = [number(v, 2, name == "bias") for name, v in zip(names, values)]
            label = f"{VARIABLE_NAMES[variable]}, {product_named(product)}"
            rows.append([label, texts[0], number(values[0] / single), *texts[1:]])
    caption = (
        "Truth: noise-free 40° TB at the footprint of SMOS. Error: median over cells of the "
        "standard deviation of product minus truth, in K and as a fraction of that of the single "
        "40° bin. Noise: median over cells of successive differences over √2, in K; it contains "
        "natural changes from day to day. Bias in K. Slope: regression on the truth."
    )
    columns = ["", "error", "of the 40° bin's", "noise", "bias", "slope", "R"]
    return Table("Noise of the 40° brightness temperature", caption, columns, rows)


def retrieval_table(skill: pd.DataFrame) -> Table:
    """Return the skill of soil moisture and VOD of the SMOS inversion, by cell and pooled."""
    rows = []
    for variable in ("soil_moisture", "vod"):
        kind = truth_kind(skill, "smos_ib", variable)
        table = skill[(skill["product"] == "smos_ib") & (skill["variable"] == variable)]
        table = table[table["truth"] == kind]
        for group, group_name in (("all", "all cells"), ("sparse", "sparse vegetation")):
            if group not in set(table["cells"]):
                continue
            names = ("ubrmse_cell_median", "ubrmse_cell_p90", "r_cell_median", "slope_cell_median")
            each = [look_up(table, name, cells=group) for name in names]
            pooled = [look_up(table, name, cells=group) for name in ("r", "rmse", "bias")]
            values = [*map(number, each[:2], (3, 3)), *map(number, each[2:])]
            values += [number(pooled[0]), number(pooled[1], 3), number(pooled[2], 3, sign=True)]
            values += [number(look_up(table, "coverage_1", cells=group))]
            rows.append([f"{VARIABLE_NAMES[variable]}, {group_name}", *values])
    caption = (
        "Retrievals with scene flags ≤ 1 and TB-RMSE ≤ 8 K. First by cell: median and 90th "
        "percentile of the ubRMSE, medians of R and of the regression on the truth; then of all "
        "pairs together. Sparse: mean VOD below 0.6."
    )
    columns = ["", "ubRMSE median", "ubRMSE 90 %", "R median", "slope median", "R", "RMSE", "bias"]
    return Table("Skill of the retrievals", caption, [*columns, "in ±1σ"], rows)


def cards(skill: pd.DataFrame, breaks: pd.DataFrame) -> list[Card]:
    """Return the main numbers of the page: skill on held-out cells, and the largest break."""
    numbers = []
    if "glab_vod" in set(skill["product"]):
        kind = truth_kind(skill, "glab_vod", "VOD")
        vod = skill[(skill["product"] == "glab_vod") & (skill["truth"] == kind)]
        held_out = {"cells": "held_out"}
        anomalies = look_up(vod, "r", signal="deseasonalised", **held_out)
        coverage = 100 * look_up(vod, "coverage_1", **held_out)
        numbers += [
            Card(
                number(look_up(vod, "trend_gain", **held_out)),
                "",
                "trend gain of VOD, held-out cells (1: the whole trend is recovered)",
            ),
            Card(number(anomalies), "R", "of VOD anomalies with the truth, held-out cells"),
            Card(number(look_up(vod, "rmse", **held_out), 3), "", "RMSE of VOD, held-out cells"),
            Card(number(coverage, 0), "%", "of truths within ±1σ, held-out cells (correct: 68 %)"),
        ]
    if "glab_tb" in set(skill["product"]):
        tb = skill[(skill["product"] == "glab_tb") & (skill["variable"] == "tb_h")]
        error = look_up(tb, "rmse", cells="held_out")
        numbers.append(Card(number(error, 1), "K", "RMSE of daily TB at H, held-out cells"))
    rows = breaks[(breaks["variable"] == "VOD") & (breaks["cells"] == "all")]
    if len(rows):
        largest = float(rows["break"].abs().max())
        numbers.append(Card(number(largest, 3), "", "largest break of VOD at a change of sensors"))
    return [card for card in numbers if card.value != "–"]


# --- measures of a run ----------------------------------------------------------------------------

PRODUCT, CEILING = "glab_vod", "tb_vod_ceiling"
KIND = "footprint"
"""Truth that methods are compared with: averaged to the footprint of the target."""

METHODS = ("published", "trend-preserving")

FALSE_TREND = ("error of trends, yr⁻¹", "false trends without change, yr⁻¹")
"""Standard deviation of the errors of trends; in a world without change these are false trends."""

EARLY = "2003–2009 AMSR-E"
"""Period in which AMSR-E is the only sensor."""

EARLY_R = ("R of anomalies, 2003–2009", "R of anomalies, 2003–2009, ceiling")
"""Correlation of deseasonalised VOD in that period, and that of the ceiling."""

YEARS = "held-out years"
"""Name of the period of the years outside training."""


class Measure(NamedTuple):
    """One measure of a run: its label and its row in the table of skill."""

    label: str
    metric: str
    cells: str = "all"
    period: str = "all"
    signal: str = "full"
    product: str = PRODUCT


MEASURES = (
    Measure("trend gain, all cells", "trend_gain"),
    Measure("trend gain, held-out cells", "trend_gain", "held_out"),
    Measure("trend gain, all cells, ceiling", "trend_gain", product=CEILING),
    Measure("trend skill, all cells", "trend_skill"),
    Measure("trend skill, held-out cells", "trend_skill", "held_out"),
    Measure("trend skill, all cells, ceiling", "trend_skill", product=CEILING),
    Measure(FALSE_TREND[0], "trend_error"),
    Measure(EARLY_R[0], "r", "all", EARLY, "deseasonalised"),
    Measure(EARLY_R[1], "r", "all", EARLY, "deseasonalised", CEILING),
    Measure("R of anomalies, held-out cells and years", "r", "held_out", YEARS, "deseasonalised"),
    Measure("RMSE", "rmse"),
    Measure("clearings: gain of drops", "clearing_gain", "cleared"),
    Measure("clearings: early fraction", "early_fraction", "cleared"),
)


def measure_run(skill: pd.DataFrame, breaks: pd.DataFrame) -> pd.Series:
    """Return the measures of one run, for the comparison of methods.

    Args:
        skill, breaks: tables of `evaluate`, of a run on a simulated Earth.

    Returns:
        value by label, NaN where it was not computed: `MEASURES`, the largest break in size, the
        fraction of breaks within the range of placebo dates, and the coverage on held-out cells by
        period.
    """
    table = skill[(skill["variable"] == "VOD") & (skill["truth"] == KIND)]
    values = {measure.label: _value(table, measure) for measure in MEASURES}
    rows = breaks[(breaks["product"] == PRODUCT) & (breaks["truth"] == KIND)]
    rows = rows[rows["cells"] == "all"]
    inside = rows["break"].between(rows["placebo_p05"], rows["placebo_p95"])
    values["largest break at a change of sensors"] = float(rows["break"].abs().max())
    values["fraction of breaks within the placebo range"] = float(inside.mean())
    for period in dict.fromkeys(table["period"]):
        for width in (1, 2):
            measure = Measure("", f"coverage_{width}", "held_out", period)
            name = "whole record" if period == "all" else period
            values[f"coverage of ±{width}σ, held-out cells, {name}"] = _value(table, measure)
    return pd.Series(values)


def _value(table: pd.DataFrame, measure: Measure) -> float:
    where = measure._asdict()
    return look_up(table, where.pop("metric"), **{k: v for k, v in where.items() if k != "label"})


def method_table(runs: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]) -> Table:
    """Return the measures of several runs on the same world.

    Args:
        runs: tables of skill and breaks by method; the last one decides the rows.
    """
    columns = {name: measure_run(*tables) for name, tables in runs.items()}
    table = pd.DataFrame(columns).reindex(list(columns.values())[-1].index)
    # Trends and breaks are some thousandths: they need a fourth decimal.
    rows = [
        [label, *(number(v, 4 if abs(v) < 0.05 else 3) for v in table.loc[label])]
        for label in table.index
    ]
    caption = (
        "All runs have the same world and cells; the truth is averaged to the footprint of the "
        "target. Gain: Σ product · truth / Σ truth² of trends; 1 is correct. Skill: 1 − Σ (product "
        "− truth)² / Σ truth². Ceiling: the second link with the true L-band TB as input."
    )
    return Table("Measures of each method", caption, ["", *table.columns], rows)
