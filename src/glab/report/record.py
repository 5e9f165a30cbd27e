"""Sections about the products themselves: means, origin, time series, latitudes, provenance."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from glab.arrays import finite_mean
from glab.calendar import Days
from glab.evaluation.breaks import find_segments, to_windows
from glab.evaluation.records import ProductAndTruth, clearing_days
from glab.report import figures
from glab.report.content import PRODUCT_NAMES, VARIABLE_NAMES, Facts, PageSection, Picture
from glab.report.figures import Example, Panel
from glab.report.material import Material, example_cells


def mean_fields(material: Material) -> PageSection:
    """Show mean maps of the products and, where the truth is known, of product minus truth."""
    panels = []
    for product, variable in (("glab_vod", "VOD"), ("glab_tb", "tb_h"), ("glab_tb", "tb_v")):
        if product not in material.summaries:
            continue
        name = VARIABLE_NAMES[variable]
        title = f"{PRODUCT_NAMES[product]}, mean {name}"
        panels.append(Panel(title, material.mean_map(product, variable), variable))
        pair = material.pairs.get(variable)
        if pair is not None and pair.truth is not None:
            difference = finite_mean(pair.value - pair.truth, 0)
            mean = material.to_map(difference)
            panels.append(Panel(f"{name}, product minus truth", mean, variable, "difference"))
    if not panels:
        return PageSection("Mean fields")
    caption = (
        "Means over all days. Grey: sea, or no value. Projection: equal-area 25 km EASE-Grid 2.0; "
        "a narrow extent is drawn as a strip with south on the left."
    )
    image = material.image(figures.maps(panels, material.extent))
    return PageSection("Mean fields", parts=[Picture("Mean TB and VOD", caption, image)])


def origins(material: Material) -> PageSection:
    """Show from which sensors the TB comes, over time."""
    title = "Origin of values"
    years = [y for y in material.summaries.get("glab_tb", []) if "origin_fraction" in y]
    if not years:
        return PageSection(title)
    time = np.concatenate([year["time"].values for year in years]).astype("datetime64[D]")
    flags = list(dict.fromkeys(str(flag) for year in years for flag in year["flag"].values))
    fractions = [year["origin_fraction"].reindex(flag=flags, fill_value=0.0) for year in years]
    fraction = np.concatenate([each.values for each in fractions])
    caption = (
        "Percentage of land cells, averaged over weeks. An L-band satellite observes a cell every "
        "two or three days, SMOS since 2010. On other days, and before 2010, TB comes from other "
        "sensors through the networks. Frozen ground and open water have no value."
    )
    image = figures.image(figures.origin_fraction(time, fraction, flags))
    return PageSection(title, parts=[Picture("Origin of the daily TB", caption, image)])


def time_series(material: Material) -> PageSection:
    """Show time series of example cells: VOD with its uncertainty, and TB averaged to windows."""
    width = material.settings.break_window_days
    captions = {
        "VOD": "One cell in each panel; of each kind the cell with the median skill among those "
        "with the larger mean VOD. Blue: product with one and two total standard deviations; "
        "dashed: truth at the footprint of the target. Shading changes with the set of sensors. "
        "Amber: years outside training.",
        "tb_h": f"Means over {width} days, of days with product and truth, for the first cells "
        "above. A difference in level between sensors would be visible as an offset of a segment.",
    }
    chosen = example_cells(material, "VOD")
    parts = []
    # Three cells of TB are enough to compare the levels of the sensors.
    for variable, cells in (("VOD", chosen), ("tb_h", chosen[:3])):
        pair = material.pairs.get(variable)
        if pair is None or not cells:
            continue
        days, means = _average(pair, width)
        figure = figures.time_series(
            [_example(material, means, cell, title) for cell, title in cells],
            days,
            variable,
            find_segments(material.settings.sensors, days),
            material.settings.splits.held_out_years,
        )
        title = f"{VARIABLE_NAMES[variable]} of single cells"
        parts.append(Picture(title, captions[variable], figures.image(figure)))
    return PageSection("Time series of single cells", parts=parts)


def _average(pair: ProductAndTruth, window_days: int) -> tuple[Days, ProductAndTruth]:
    """Average a daily record to windows, over days with product and truth."""
    if pair.record.attrs["window_days"] > 1:
        return pair.days, pair
    sides = [pair.value] if pair.truth is None else [pair.value, pair.truth]
    both = np.logical_and.reduce([np.isfinite(side) for side in sides])
    # Days of only one side would make the means of both incomparable.
    sides = [np.where(both, side, np.nan) for side in sides]
    starts, means = to_windows(pair.record, sides, window_days)
    record = xr.Dataset({"value": (("time", "cell"), means[0])}, {"time": starts})
    truths = {"footprint": means[1]} if len(means) > 1 else {}
    return starts, ProductAndTruth(record.assign_attrs(pair.record.attrs), truths)


def _example(material: Material, pair: ProductAndTruth, cell: int, title: str) -> Example:
    """Return the time series of one cell, with its clearing if the title names one."""
    std = None if pair.std is None else pair.std[:, cell]
    truth = None if pair.truth is None else pair.truth[:, cell]
    cleared = clearing_days(material.fields)[cell]
    event = cleared if title.startswith("Cleared") else np.datetime64("NaT", "D")
    return Example(title, pair.value[:, cell], std, truth, event)


def latitudes(material: Material) -> PageSection:
    """Show anomalies of VOD by latitude and time, of product and truth."""
    title = "Anomalies by latitude and time"
    pair = material.pairs.get("VOD")
    if pair is None or pair.truth is None:
        years = [y for y in material.summaries.get("glab_vod", []) if "VOD_residual_zonal" in y]
        if not years:
            return PageSection(title)
        product = np.concatenate([year["VOD_residual_zonal"].values for year in years])
        time = np.concatenate([year["time"].values for year in years])
        panels = [Panel("GLAB-VOD anomaly, mean over longitude", product, "VOD", "residual")]
    else:
        both = np.isfinite(pair.value) & np.isfinite(pair.truth)
        sides = (np.where(both, side - pair.cycle, np.nan) for side in (pair.value, pair.truth))
        titles = ("GLAB-VOD anomaly", "Truth minus the seasonal cycle of the product")
        fields = [material.row_means(side) for side in sides]
        panels = [Panel(t, field, "VOD", "residual") for t, field in zip(titles, fields)]
        time = pair.days
    grid = material.extent.assign_coords(time=("time", time))
    caption = (
        "VOD minus its seasonal cycle, averaged over the cells of each row. Brown: below, green: "
        "above the seasonal cycle. A difference in level between sensors would be visible as a "
        "vertical edge; drought, fire and regrowth are patches that product and truth have in "
        "common."
    )
    image = material.image(figures.hovmoller(panels, grid))
    return PageSection(title, parts=[Picture("Anomalies of VOD", caption, image)])


def training(material: Material) -> PageSection:
    """Show the training curves."""
    if not material.curves:
        return PageSection("Training curves")
    caption = (
        "Bold: loss on validation blocks; pale: on training samples. A validation loss that rises "
        "while the training loss falls is a sign of overfitting."
    )
    image = figures.image(figures.training_curves(material.curves))
    return PageSection("Training curves", parts=[Picture("Loss by epoch", caption, image)])


def provenance(material: Material) -> PageSection:
    """List code, settings and inputs of the products."""
    entries: list[tuple[str, str]] = []
    texts: list[tuple[str, str]] = []
    for product, attributes in material.provenance.items():
        name = PRODUCT_NAMES.get(product, product)
        entries += [
            (f"{name}, source", f"{attributes.get('source', '–')}"),
            (f"{name}, code print", str(attributes.get("glab_code", "–"))),
            (f"{name}, settings (SHA-256)", str(attributes.get("glab_settings_sha256", "–"))),
        ]
        if attributes.get("references"):
            entries.append((f"{name}, inputs", str(attributes["references"])))
        settings = json.loads(str(attributes.get("glab_settings", "{}")))
        texts.append((f"{name}: settings", json.dumps(settings, indent=2, ensure_ascii=False)))
    page = material.settings.model_dump(mode="json")
    texts.append(("This page: settings", json.dumps(page, indent=2, ensure_ascii=False)))
    return PageSection("Provenance", parts=[Facts(entries, texts)])
