"""Tables and cards of the page, from the tables of `evaluate`; methods side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from glab.report.content import (
    VARIABLE_NAMES,
    Card,
    PageSection,
    Table,
    look_up,
    number,
    truth_kind,
)
from glab.report.figures.style import product_named
from glab.report.material import Material

GROUPS = {"trained": "trained cells", "held_out": "held-out cells"}
SEEN = {
    "footprint": "The truth is averaged to what the target instrument could see.",
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
    """Skill of a product and its controls by period, trained and held-out cells apart.

    Args:
        skill: `evaluate`'s table.
        product, variable: of which product.
        digits: decimals of errors.
        groups: which groups of cells, and what they are called.
    """
    kind = truth_kind(skill, product, variable)
    own = skill[(skill["variable"] == variable) & (skill["truth"] == kind)]
    own = own[own["product"].str.split(": ").str[0] == product]
    rows: list[list[str]] = []
    for period in dict.fromkeys(own["period"]):
        rows.append(["whole record" if period == "all" else period])
        part = own[own["period"] == period]
        names = dict.fromkeys(part["product"]) if period == "all" else [product]
        for name in names:
            for group, told in groups.items():
                label = f"{product_named(name)}, {told}"
                rows.append([label, *_skill_row(part, name, group, period, digits)])
    columns = ["", "R", "R anomalies", "RMSE", "bias", "ubRMSE", "in ±1σ", "in ±2σ", "pairs"]
    caption = (
        f"{SEEN[kind]} R of anomalies: each side less its own mean and three annual harmonics of "
        "the whole record. ubRMSE: RMSE without the bias. In ±1σ: share of truths within one total "
        "standard deviation (0.68 is right), in ±2σ 0.95. Climatology: the product's seasonal "
        "cycle alone; persistence: last year's truth."
    )
    name = VARIABLE_NAMES[variable]
    return Table(f"{name[0].upper()}{name[1:]}, in numbers", caption, columns, rows)


def _skill_row(
    part: pd.DataFrame, product: str, group: str, period: str, digits: int
) -> Iterator[str]:
    where = {"product": product, "cells": group, "period": period}
    yield number(look_up(part, "r", **where))
    anomalies = where | {"signal": "deseasonalised"}
    constant = product.endswith(": climatology")
    yield "–" if constant else number(look_up(part, "r", **anomalies))
    yield number(look_up(part, "rmse", **where), digits)
    yield number(look_up(part, "bias", **where), digits, sign=True)
    yield number(look_up(part, "ubrmse", **where), digits)
    for width in (1, 2):
        yield number(look_up(part, f"coverage_{width}", **where))
    rows = part[(part["metric"] == "rmse") & (part["signal"] == "full")]
    rows = rows[(rows["product"] == product) & (rows["cells"] == group)]
    yield f"{int(rows['n'].iloc[0]):,}" if len(rows) else "–"


def trend_table(skill: pd.DataFrame, product: str, variable: str) -> Table:
    """How much of the true trends and drops a product shows, by group of cells."""
    kind = truth_kind(skill, product, variable)
    own = skill[(skill["product"] == product) & (skill["variable"] == variable)]
    own = own[own["truth"] == kind]
    present = set(own["cells"])
    biomes = sorted(name for name in present if name.startswith("biome "))
    classes = [name for name in dict.fromkeys(own["cells"]) if "VOD" in name]
    rows = []
    for group in [g for g in TREND_GROUPS if g in present] + classes + biomes:
        where = {"cells": group}
        values = [look_up(own, f"trend_{m}", **where) for m in ("gain", "skill", "r")]
        error = look_up(own, "trend_error", **where)
        cells = own[(own["metric"] == "trend_gain") & (own["cells"] == group)]["n"]
        drop = [number(look_up(own, m, **where)) for m in ("clearing_gain", "early_fraction")]
        rows.append(
            [group.replace("_", " "), *map(number, values), number(1000 * error, 2), *drop]
            + [f"{int(cells.iloc[0]):,}" if len(cells) else "–"]
        )
    columns = ["cells", "gain", "skill", "R", "error (10⁻³ yr⁻¹)"]
    columns += ["gain of drops", "seen too early", "number"]
    caption = (
        f"{SEEN[kind]} Trends are least-squares slopes over the windows where both exist. Gain "
        "Σ sₚsₜ / Σ sₜ²: 1 where the whole trend is kept. Skill 1 − Σ (sₚ − sₜ)² / Σ sₜ². Error: "
        "standard deviation of sₚ − sₜ. Gain of drops: regression of the product's drops at "
        "clearings on the true ones; seen too early: share of them more than 36 days ahead."
    )
    return Table(f"Trends and drops of {VARIABLE_NAMES[variable]}", caption, columns, rows)


def noise_table(skill: pd.DataFrame) -> Table:
    """The 40° brightness temperature of system B beside single angle bins."""
    own = skill[skill["variable"].isin(["tb_h", "tb_v"]) & (skill["cells"] == "all")]
    own = own[own["product"].eq("smos_ib") | own["product"].str.endswith("bin")]
    names = ("ubrmse_cell_median", "noise_cell_median", "bias", "slope", "r")
    rows = []
    for variable in ("tb_h", "tb_v"):
        of_variable = own[own["variable"] == variable]
        single = look_up(of_variable, names[0], product="SMOS 40° bin")
        for product in dict.fromkeys(of_variable["product"]):
            part = of_variable[of_variable["product"] == product]
            values = [look_up(part, name) for name in names]
            told = [number(v, 2, name == "bias") for name, v in zip(names, values)]
            label = f"{VARIABLE_NAMES[variable]}, {product_named(product)}"
            rows.append([label, told[0], number(values[0] / single), *told[1:]])
    caption = (
        "Against the noise-free 40° truth at SMOS's footprint. Error: median over cells of the "
        "standard deviation of product minus truth, K, and as a share of the single 40° bin's. "
        "Noise: median over cells of successive differences over √2, K (nature's own changes "
        "included). Slope: regression on the truth."
    )
    columns = ["", "error", "of the 40° bin's", "noise", "bias", "slope", "R"]
    return Table("Noise of the 40° brightness temperature", caption, columns, rows)


def retrieval_table(skill: pd.DataFrame) -> Table:
    """Soil moisture and VOD of system B, by cell and together."""
    rows = []
    for variable in ("soil_moisture", "vod"):
        kind = truth_kind(skill, "smos_ib", variable)
        own = skill[(skill["product"] == "smos_ib") & (skill["variable"] == variable)]
        own = own[own["truth"] == kind]
        for group, told in (("all", "all cells"), ("sparse", "sparse vegetation")):
            if group not in set(own["cells"]):
                continue
            names = ("ubrmse_cell_median", "ubrmse_cell_p90", "r_cell_median", "slope_cell_median")
            each = [look_up(own, name, cells=group) for name in names]
            pooled = [look_up(own, name, cells=group) for name in ("r", "rmse", "bias")]
            values = [*map(number, each[:2], (3, 3)), *map(number, each[2:])]
            values += [number(pooled[0]), number(pooled[1], 3), number(pooled[2], 3, sign=True)]
            values += [number(look_up(own, "coverage_1", cells=group))]
            rows.append([f"{VARIABLE_NAMES[variable]}, {told}", *values])
    caption = (
        "Retrievals that pass the usual filter (scene flags ≤ 1, TB-RMSE ≤ 8 K). First per cell: "
        "median and 90th percentile of the ubRMSE, medians of R and of the regression on the "
        "truth; then all cells together. Sparse: mean VOD below 0.6."
    )
    columns = ["", "ubRMSE median", "ubRMSE 90 %", "R median", "slope median", "R", "RMSE", "bias"]
    return Table("Retrievals in numbers", caption, [*columns, "in ±1σ"], rows)


def cards(skill: pd.DataFrame, breaks: pd.DataFrame) -> list[Card]:
    """The numbers at the top of the page: of held-out cells, where a truth is known."""
    made = []
    if "glab_vod" in set(skill["product"]):
        kind = truth_kind(skill, "glab_vod", "VOD")
        vod = skill[(skill["product"] == "glab_vod") & (skill["truth"] == kind)]
        held = {"cells": "held_out"}
        made += [
            Card(
                number(look_up(vod, "trend_gain", **held)),
                "",
                "gain of VOD trends on cells that no network saw (1 keeps the whole trend)",
            ),
            Card(
                number(look_up(vod, "r", signal="deseasonalised", **held)),
                "R",
                "of VOD anomalies with the truth, held-out cells",
            ),
            Card(number(look_up(vod, "rmse", **held), 3), "", "RMSE of VOD, held-out cells"),
            Card(
                number(100 * look_up(vod, "coverage_1", **held), 0),
                "%",
                "of the truths within ±1σ, held-out cells (68 % is right)",
            ),
        ]
    if "glab_tb" in set(skill["product"]):
        tb = skill[(skill["product"] == "glab_tb") & (skill["variable"] == "tb_h")]
        error = look_up(tb, "rmse", cells="held_out")
        made.append(Card(number(error, 1), "K", "RMSE of daily TB, H, held-out cells"))
    own = breaks[(breaks["variable"] == "VOD") & (breaks["cells"] == "all")]
    if len(own):
        made.append(
            Card(
                number(float(own["break"].abs().max()), 3),
                "",
                "largest break of VOD where the sensors change",
            )
        )
    return [card for card in made if card.value != "–"]


PRODUCT, CEILING = "glab_vod", "tb_vod_ceiling"
KIND = "footprint"
"""Truth that judges: what the target instrument could see."""

METHODS = ("published", "trend-preserving")

FALSE_TREND = ("error of trends, yr⁻¹", "false trends without change, yr⁻¹")
"""Standard deviation of the errors of trends; in a world without change, of false trends."""

EARLY = "2003–2009 AMSR-E"
"""Period in which AMSR-E alone sees the ground."""

EARLY_R = ("R of anomalies, 2003–2009", "R of anomalies, 2003–2009, ceiling")
"""Correlation of deseasonalised VOD in that period, and that of the ceiling."""

YEARS = "held-out years"
"""Name of the period that holds the years no link was trained on."""


class Measure(NamedTuple):
    """One row of the table: where in the table of skill it stands."""

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
    Measure("clearings: gain of the drop", "clearing_gain", "cleared"),
    Measure("clearings: share seen too early", "early_fraction", "cleared"),
)


def summary(skill: pd.DataFrame, breaks: pd.DataFrame) -> pd.Series:
    """The measures of one run.

    Args:
        skill, breaks: tables of `evaluate`, of a run on a simulated Earth.

    Returns:
        value by label; NaN where a measure is not told. Steps: the largest in size, and how much
        of them lie in the range of the placebo dates; coverage by the total uncertainty on
        held-out cells, in each period, and in held-out years.
    """
    own = skill[(skill["variable"] == "VOD") & (skill["truth"] == KIND)]
    told = {measure.label: _value(own, measure) for measure in MEASURES}
    breaks = breaks[(breaks["product"] == PRODUCT) & (breaks["truth"] == KIND)]
    breaks = breaks[breaks["cells"] == "all"]
    inside = breaks["break"].between(breaks["placebo_p05"], breaks["placebo_p95"])
    told["largest break at a change of sensors"] = float(breaks["break"].abs().max())
    told["share of the breaks within those of placebo dates"] = float(inside.mean())
    for period in dict.fromkeys(own["period"]):
        for width in (1, 2):
            measure = Measure("", f"coverage_{width}", "held_out", period)
            name = "whole record" if period == "all" else period
            told[f"coverage of ±{width}σ, held-out cells, {name}"] = _value(own, measure)
    return pd.Series(told)


def _value(own: pd.DataFrame, measure: Measure) -> float:
    """One entry of the table of skill, NaN where there is none."""
    where = measure._asdict()
    return look_up(own, where.pop("metric"), **{k: v for k, v in where.items() if k != "label"})


CAPTION = (
    "Both runs are judged on the same world and cells, with the truth at the footprint of the "
    "target. Gain: Σ product · truth / Σ truth² of trends (1 is right); skill: 1 − Σ (product − "
    "truth)² / Σ truth². Ceiling: the second link fed with the true L-band TB."
)


def methods(material: Material) -> PageSection:
    """Measures of this run beside those of others."""
    if not material.beside:
        return PageSection("Methods side by side")
    own = summary(material.skill, material.breaks)
    name = material.settings.run.get("method", "this run")
    columns = {other: summary(*tables) for other, tables in material.beside.items()} | {name: own}
    table = pd.DataFrame(columns).reindex(own.index)
    rows = [
        [label, *(number(v, 4 if abs(v) < 0.05 else 3) for v in table.loc[label])]
        for label in table.index
    ]
    found = Table("What is left of change", CAPTION, ["", *table.columns], rows)
    return PageSection("Methods side by side", parts=[found])
