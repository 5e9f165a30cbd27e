"""Sections that compare products with the truth: trends, skill, breaks, uncertainty, methods."""

from __future__ import annotations

import numpy as np

from glab.evaluation.statistics import deseasonalise, keep_pairs
from glab.report import figures
from glab.report.content import (
    GROUP_NAMES,
    VARIABLE_NAMES,
    PageSection,
    Picture,
    Table,
    capitalised,
    truth_kind,
)
from glab.report.figures import Panel
from glab.report.material import Material
from glab.report.tables import (
    method_table,
    noise_table,
    retrieval_table,
    skill_table,
    trend_table,
)


def trends(material: Material) -> PageSection:
    """Show maps and scatter of VOD trends, and their table."""
    name, product = "VOD_trend", "glab_vod"
    fields = material.fields
    if name not in fields or product not in fields["product"].values:
        return PageSection("Trends")
    fields = fields.sel(product=product)
    kind = next(k for k in ("footprint", "cell", "none") if k in fields["truth"].values)
    trend = fields[name].sel(truth=kind).values
    panels = [Panel("GLAB-VOD, trend", material.to_map(trend), "VOD", "trend")]
    parts: list[Picture | Table] = []
    if kind != "none":
        true = fields["VOD_truth_trend"].sel(truth=kind).values
        panels += [
            Panel("Truth, trend", material.to_map(true), "VOD", "trend"),
            Panel("Product minus truth", material.to_map(trend - true), "VOD", "trend"),
        ]
        groups = {capitalised(GROUP_NAMES[n]): mask for n, mask in material.splits().items()}
        if "cleared" in material.changes():
            groups["Cells without clearing"] = ~material.changes()["cleared"]
        pairs = {title: (trend[mask], true[mask]) for title, mask in groups.items()}
        caption = (
            "Each dot is one cell. Orange: trend gain, a line through zero; dashed: equality. "
            "Damped trends lie below the dashed line; false trends lie off the horizontal line "
            "where the true trend is zero."
        )
        image = figures.image(figures.trend_scatter(pairs, "VOD"))
        parts = [
            Picture("Trends of product and truth", caption, image),
            trend_table(material.skill, product, "VOD"),
        ]
    caption = "Least-squares slope of VOD per year over the whole record. Brown: loss; green: gain."
    image = material.image(figures.maps(panels, material.extent))
    return PageSection("Trends", parts=[Picture("Maps of trends", caption, image), *parts])


def skill(material: Material) -> PageSection:
    """Show the skill of VOD: by period, as densities, and as a table."""
    if not material.has_truth("VOD"):
        return PageSection("Skill of VOD")
    kind = truth_kind(material.skill, "glab_vod", "VOD")
    rows = material.skill[
        (material.skill["variable"] == "VOD")
        & (material.skill["truth"] == kind)
        & (material.skill["signal"] == "deseasonalised")
        & ~material.skill["product"].str.endswith(": climatology")
    ]
    by_period = Picture(
        "R of VOD anomalies by period",
        "Values minus their mean and three annual harmonics of the whole record, for product and "
        "truth; all cells and windows of a period are pooled. Held-out cells are outside training, "
        "scaling and calibration. Persistence: the truth of last year.",
        figures.image(figures.skill_by_period(rows, "r", "R of anomalies")),
    )
    table = skill_table(material.skill, "glab_vod", "VOD", 3)
    return PageSection("Skill of VOD", parts=[by_period, density(material, "VOD"), table])


def density(material: Material, variable: str) -> Picture:
    """Show product against truth: values, and anomalies of trained and held-out cells."""
    pair = material.pairs[variable]
    assert pair.truth is not None
    sides = (pair.value, pair.truth)
    if "climatology" in pair.record:
        anomalies = [side - pair.cycle for side in sides]
        note = "Anomalies: values minus the product's seasonal cycle, for product and truth."
        masks = {GROUP_NAMES[name]: mask for name, mask in material.splits().items() if mask.any()}
    else:
        anomalies = [deseasonalise(side, pair.days) for side in keep_pairs(*sides)]
        note = "Anomalies: values minus their own mean and three annual harmonics."
        masks = {"all cells": np.ones(pair.value.shape[1], bool)}
    pairs = {"All cells": sides}
    pairs |= {
        f"Anomalies, {name}": (anomalies[0][:, mask], anomalies[1][:, mask])
        for name, mask in masks.items()
    }
    title = f"{capitalised(VARIABLE_NAMES[variable])}: product and truth"
    image = material.image(figures.density(pairs, variable, ["value", *["residual"] * len(masks)]))
    return Picture(title, f"Darker: more pairs (logarithmic). Orange: equality. {note}", image)


def sensor_changes(material: Material) -> PageSection:
    """Show breaks at changes of sensors, and the range of breaks at placebo dates."""
    parts = []
    for variable in ("VOD", "tb_h"):
        rows = material.breaks[material.breaks["variable"] == variable]
        # SMOS-IB has one sensor and so no breaks.
        rows = rows[rows["product"].str.startswith("glab_")]
        if rows.empty:
            continue
        kind = truth_kind(rows, str(rows["product"].iloc[0]), variable)
        image = figures.image(figures.sensor_breaks(rows[rows["truth"] == kind], variable))
        caption = (
            "Dots: mean over cells of product minus truth after a change of sensors, minus that "
            "before, over the same calendar days. Pale bars: 5th to 95th percentile of breaks at "
            "placebo dates, where no sensor changes. A dot within its bar is at the chance level."
        )
        parts.append(Picture(f"Breaks of {VARIABLE_NAMES[variable]}", caption, image))
    return PageSection("Breaks at sensor changes", parts=parts)


def uncertainty(material: Material) -> PageSection:
    """Show coverage by period, and uncertainty against error."""
    pair = material.pairs.get("VOD")
    if pair is None or pair.truth is None or pair.std is None:
        return PageSection("Uncertainty")
    kind = truth_kind(material.skill, "glab_vod", "VOD")
    rows = material.skill
    rows = rows[(rows["product"] == "glab_vod") & (rows["truth"] == kind)]
    covered = Picture(
        "Coverage by period",
        "Fraction of truths within one (dots) and two (squares) total standard deviations. Dashed: "
        "a correct Gaussian uncertainty. Below the line the uncertainty is too small, above it too "
        "large.",
        figures.image(figures.coverage(rows)),
    )
    panels = {
        capitalised(GROUP_NAMES[name]): (pair.value[:, m], pair.truth[:, m], pair.std[:, m])
        for name, m in material.splits().items()
    }
    spread = Picture(
        "Stated uncertainty and error",
        "Windows and cells are sorted by their total standard deviation into twelve classes of "
        "equal number. On the dashed line uncertainty and error are equal.",
        figures.image(figures.spread_error(panels, "VOD")),
    )
    return PageSection("Uncertainty", parts=[covered, spread])


def methods(material: Material) -> PageSection:
    """Compare the measures of this run with those of other methods on the same world."""
    if not material.beside:
        return PageSection("Comparison of methods")
    name = material.settings.run.get("method", "this run")
    # This run is the last one: it decides the rows.
    runs = {**material.beside, name: (material.skill, material.breaks)}
    return PageSection("Comparison of methods", parts=[method_table(runs)])


def temperatures(material: Material) -> PageSection:
    """Show the skill of brightness temperature."""
    parts: list[Picture | Table] = []
    for variable in ("tb_h", "tb_v"):
        if material.has_truth(variable):
            parts.append(density(material, variable))
            product = material.pairs[variable].record.attrs["product"]
            if product in set(material.skill["product"]):
                parts.append(skill_table(material.skill, "glab_tb", variable, 2))
    return PageSection("Brightness temperature", parts=parts)


def smos_inversion(material: Material) -> PageSection:
    """Show the noise of the 40° TB and the skill of the retrievals of the SMOS inversion."""
    title = "SMOS-IB: retrievals from the 40° brightness temperature"
    variables = [name for name in ("soil_moisture", "vod") if material.has_truth(name)]
    if not variables:
        return PageSection(title)
    pictures = [density(material, variable) for variable in variables]
    tables = noise_table(material.skill), retrieval_table(material.skill)
    return PageSection(title, parts=[tables[0], *pictures, tables[1]])
