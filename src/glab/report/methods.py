"""Methods side by side on a simulated Earth: the measures that tell whether change survives."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from glab.report.material import Material
from glab.report.parts import Section, Table, looked_up, number

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
    Measure("clearings: share seen too early", "early_share", "cleared"),
)


def summary(skill: pd.DataFrame, steps: pd.DataFrame) -> pd.Series:
    """The measures of one run.

    Args:
        skill, steps: tables of `evaluate`, of a run on a simulated Earth.

    Returns:
        value by label; NaN where a measure is not told. Steps: the largest in size, and how much
        of them lie in the range of the placebo dates; coverage by the total uncertainty on
        held-out cells, in each period, and in held-out years.
    """
    own = skill[(skill["variable"] == "VOD") & (skill["truth"] == KIND)]
    told = {measure.label: _value(own, measure) for measure in MEASURES}
    jumps = steps[(steps["product"] == PRODUCT) & (steps["truth"] == KIND)]
    jumps = jumps[jumps["cells"] == "all"]
    inside = jumps["step"].between(jumps["placebo_p05"], jumps["placebo_p95"])
    told["largest step at a change of sensors"] = float(jumps["step"].abs().max())
    told["share of the steps within those of placebo dates"] = float(inside.mean())
    for period in dict.fromkeys(own["period"]):
        for width in (1, 2):
            measure = Measure("", f"coverage_{width}", "held_out", period)
            name = "whole record" if period == "all" else period
            told[f"coverage of ±{width}σ, held-out cells, {name}"] = _value(own, measure)
    return pd.Series(told)


def _value(own: pd.DataFrame, measure: Measure) -> float:
    """One entry of the table of skill, NaN where there is none."""
    where = measure._asdict()
    return looked_up(own, where.pop("metric"), **{k: v for k, v in where.items() if k != "label"})


CAPTION = (
    "Both runs are judged on the same world and cells, with the truth at the footprint of the "
    "target. Gain: Σ product · truth / Σ truth² of trends (1 is right); skill: 1 − Σ (product − "
    "truth)² / Σ truth². Ceiling: the second link fed with the true L-band TB."
)


def methods(material: Material) -> Section:
    """Measures of this run beside those of others."""
    if not material.beside:
        return Section("Methods side by side")
    own = summary(material.skill, material.steps)
    name = material.settings.run.get("method", "this run")
    columns = {other: summary(*tables) for other, tables in material.beside.items()} | {name: own}
    table = pd.DataFrame(columns).reindex(own.index)
    rows = [
        [label, *(number(v, 4 if abs(v) < 0.05 else 3) for v in table.loc[label])]
        for label in table.index
    ]
    found = Table("What is left of change", CAPTION, ["", *table.columns], rows)
    return Section("Methods side by side", parts=[found])
