"""Sections that hold the record against the truth: trends, skill, breaks, uncertainty."""

from __future__ import annotations

import numpy as np

from glab.evaluation.statistics import deseasonalise, keep_pairs
from glab.report import figures
from glab.report.content import VARIABLE_NAMES, PageSection, Picture, truth_kind
from glab.report.figures import Panel
from glab.report.material import Material
from glab.report.record import raster
from glab.report.tables import GROUPS, noise_table, retrieval_table, skill_table, trend_table


def trends(material: Material) -> PageSection:
    """Maps and scatter of trends, and their table."""
    name, product = "VOD_trend", "glab_vod"
    fields = material.fields
    if name not in fields or product not in fields["product"].values:
        return PageSection("Long-term change")
    own = fields.sel(product=product)
    kind = next(k for k in ("footprint", "cell", "none") if k in own["truth"].values)
    found = own[name].sel(truth=kind).values
    panels = [Panel("GLAB-VOD, trend", material.laid(found), "VOD", "trend")]
    parts: list = []
    if kind != "none":
        true = own["VOD_truth_trend"].sel(truth=kind).values
        panels += [
            Panel("Truth, trend", material.laid(true), "VOD", "trend"),
            Panel("Product minus truth", material.laid(found - true), "VOD", "trend"),
        ]
        groups = {GROUPS[n].capitalize(): m for n, m in material.splits().items()}
        if "cleared" in material.changes():
            groups["Cells never cleared"] = ~material.changes()["cleared"]
        pairs = {title: (found[mask], true[mask]) for title, mask in groups.items()}
        caption = (
            "One dot a cell. Orange: the gain, a line through zero; dashed: equality. Trends that "
            "the product damps lie below the dashed line, trends that it invents off the vertical."
        )
        image = figures.image(figures.trend_scatter(pairs, "VOD"))
        parts = [
            Picture("Trends of the product against the true ones", caption, image),
            trend_table(material.skill, product, "VOD"),
        ]
    caption = "Least-squares slope of VOD a year over the whole record. Brown: loss; green: gain."
    first = Picture("Trends", caption, raster(material, figures.maps(panels, material.place)))
    return PageSection("Long-term change", parts=[first, *parts])


def skill(material: Material) -> PageSection:
    """Skill of VOD: figure by period, densities, table."""
    judged = material.judged.get("VOD")
    if judged is None or judged.truth is None:
        return PageSection("Skill")
    kind = truth_kind(material.skill, "glab_vod", "VOD")
    rows = material.skill[
        (material.skill["variable"] == "VOD")
        & (material.skill["truth"] == kind)
        & (material.skill["signal"] == "deseasonalised")
        & ~material.skill["product"].str.endswith(": climatology")
    ]
    periods = Picture(
        "Correlation of VOD anomalies with the truth, by period",
        "Each side less its own mean and three annual harmonics of the whole record, all cells and "
        "windows of a period together. Held-out cells entered no training, scaling or offset. "
        "Persistence is last year's truth again.",
        figures.image(figures.skill_by_period(rows, "r", "R of anomalies")),
    )
    table = skill_table(material.skill, "glab_vod", "VOD", 3)
    return PageSection("Skill of VOD", parts=[periods, density(material, "VOD"), table])


def density(material: Material, variable: str) -> Picture:
    """Product against truth: full signal, and anomalies of trained and held-out cells."""
    judged = material.judged[variable]
    assert judged.truth is not None
    sides = (judged.value, judged.truth)
    if "climatology" in judged.record:
        anomalies, told = [side - judged.cycle for side in sides], SHARED_CYCLE
        masks = {GROUPS[name]: mask for name, mask in material.splits().items() if mask.any()}
    else:
        own = keep_pairs(*sides)
        anomalies, told = [deseasonalise(side, judged.days) for side in own], OWN_CYCLE
        masks = {"all cells": np.ones(judged.value.shape[1], bool)}
    pairs = {"All cells": sides}
    pairs |= {
        f"Anomalies, {name}": (anomalies[0][:, mask], anomalies[1][:, mask])
        for name, mask in masks.items()
    }
    name = VARIABLE_NAMES[variable]
    title = f"{name[0].upper()}{name[1:]} against the truth"
    image = raster(
        material, figures.density(pairs, variable, ["value", *["residual"] * len(masks)])
    )
    return Picture(title, f"Darker: more pairs (logarithmic). Orange: equality. {told}", image)


SHARED_CYCLE = (
    "Anomalies are both less the product's seasonal cycle: where the cycle alone makes the left "
    "panel look good, they tell the rest."
)
OWN_CYCLE = "Anomalies are each side less its own mean and three annual harmonics."


def sensor_changes(material: Material) -> PageSection:
    """Steps at changes of sensors beside placebo dates."""
    parts = []
    for variable in ("VOD", "tb_h"):
        rows = material.breaks[material.breaks["variable"] == variable]
        rows = rows[rows["product"].str.startswith("glab_")]
        if rows.empty:
            continue
        kind = truth_kind(rows, str(rows["product"].iloc[0]), variable)
        image = figures.image(figures.sensor_breaks(rows[rows["truth"] == kind], variable))
        caption = (
            "Dots: mean over cells of product minus truth after a change of sensors, less before, "
            "on the same calendar days. Pale bars: where nine of ten such breaks lie at dates when "
            "no sensor changes. A dot within its bar is no more than chance."
        )
        parts.append(Picture(f"Steps of {VARIABLE_NAMES[variable]}", caption, image))
    return PageSection("Where the sensors change", parts=parts)


def uncertainty(material: Material) -> PageSection:
    """Coverage by period, and spread against error."""
    judged = material.judged.get("VOD")
    if judged is None or judged.truth is None or judged.std is None:
        return PageSection("How sure it is")
    kind = truth_kind(material.skill, "glab_vod", "VOD")
    rows = material.skill
    rows = rows[(rows["product"] == "glab_vod") & (rows["truth"] == kind)]
    covered = Picture(
        "Truths within the stated uncertainty, by period",
        "Dots: share of truths within one standard deviation, squares within two. Dashed: what an "
        "honest Gaussian uncertainty covers. Below it the product is too sure, above it too timid.",
        figures.image(figures.coverage(rows)),
    )
    panels = {
        GROUPS[name].capitalize(): (judged.value[:, m], judged.truth[:, m], judged.std[:, m])
        for name, m in material.splits().items()
    }
    spread = Picture(
        "Stated uncertainty against the error that was made",
        "Windows and cells sorted by the stated standard deviation, in twelve classes of equal "
        "number. On the dashed line the product errs as much as it says.",
        figures.image(figures.spread_error(panels, "VOD")),
    )
    return PageSection("How sure it is", parts=[covered, spread])


def temperatures(material: Material) -> PageSection:
    """Brightness temperature against the truth."""
    parts: list = []
    for variable in ("tb_h", "tb_v"):
        if _has_truth(material, variable):
            judged = material.judged[variable]
            parts.append(density(material, variable))
            if judged.record.attrs["product"] in set(material.skill["product"]):
                parts.append(skill_table(material.skill, "glab_tb", variable, 2))
    return PageSection("Brightness temperature", parts=parts)


def system_b(material: Material) -> PageSection:
    """SMOS-IB: how much quieter its TB is than single bins, and its retrievals."""
    title = "SMOS-IB: retrievals from the 40° brightness temperature"
    judged = [name for name in ("soil_moisture", "vod") if _has_truth(material, name)]
    if not judged:
        return PageSection(title)
    pictures = [density(material, variable) for variable in judged]
    tables = noise_table(material.skill), retrieval_table(material.skill)
    return PageSection(title, parts=[tables[0], *pictures, tables[1]])


def _has_truth(material: Material, variable: str) -> bool:
    judged = material.judged.get(variable)
    return judged is not None and judged.truth is not None
