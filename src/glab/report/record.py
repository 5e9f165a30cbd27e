"""Sections that show the record itself: means, origins, single cells, latitudes."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from glab.calendar import Days
from glab.climatology.running import window_mean
from glab.evaluation.breaks import WINDOW_DAYS, segments_of
from glab.report import figures
from glab.report.content import VARIABLE_NAMES, PageSection, Picture
from glab.report.figures import Example, Panel
from glab.report.figures.style import PRODUCT_NAMES
from glab.report.material import Material, ProductAndTruth, example_cells


def raster(material: Material, figure: Figure) -> str:
    """A figure of fields or clouds as an image of the page's resolution."""
    return figures.image(figure, "png", material.settings.dots_per_inch)


def overview(material: Material) -> PageSection:
    """Mean fields of the products, beside the truth where it is known."""
    panels = []
    for product, variable in (("glab_vod", "VOD"), ("glab_tb", "tb_h"), ("glab_tb", "tb_v")):
        if product not in material.digests:
            continue
        name = f"{PRODUCT_NAMES[product]}, mean {VARIABLE_NAMES[variable]}"
        panels.append(Panel(name, material.mean_map(product, variable), variable))
        judged = material.judged.get(variable)
        if judged is not None and judged.truth is not None:
            difference = np.where(np.isfinite(judged.truth), judged.value - judged.truth, np.nan)
            mean = material.laid(_mean(difference))
            told = f"{VARIABLE_NAMES[variable]}, minus the truth"
            panels.append(Panel(told, mean, variable, "difference"))
    caption = (
        "Means over all days of the record. Grey: no land, or no value. The map is in the equal-"
        "area projection of the 25 km EASE-Grid 2.0; a narrow domain lies on its side, south to "
        "the left."
    )
    if not panels:
        return PageSection("The record at a glance")
    picture = Picture(
        "The mean state of the record",
        caption,
        raster(material, figures.maps(panels, material.place)),
    )
    return PageSection("The record at a glance", parts=[picture])


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over time, NaN where nothing is there."""
    present = np.isfinite(values)
    count = present.sum(axis=0)
    total = np.where(present, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def origins(material: Material) -> PageSection:
    """Which sensor each brightness temperature comes from, in time."""
    years = [y for y in material.digests.get("glab_tb", []) if "origin_fraction" in y]
    if not years:
        return PageSection("Where values come from")
    time = np.concatenate([year["time"].values for year in years]).astype("datetime64[D]")
    flags = list(dict.fromkeys(str(flag) for year in years for flag in year["flag"].values))
    fractions = [year["origin_fraction"].reindex(flag=flags, fill_value=0.0) for year in years]
    caption = (
        "Fraction of the land cells, averaged over weeks. A satellite at L-band observes a cell "
        "every two or three days, SMOS from 2010 on; networks fill the days between and the years "
        "before from other sensors. Frozen ground and open water have no value."
    )
    fraction = np.concatenate([each.values for each in fractions])
    image = figures.image(figures.origin_fraction(time, fraction, flags))
    return PageSection(
        "Where values come from",
        parts=[Picture("Origin of each day's brightness temperature", caption, image)],
    )


def courses(material: Material) -> PageSection:
    """Time series of example cells against the truth: VOD with uncertainty, TB in windows."""
    chosen = example_cells(material, "VOD")
    parts = []
    for variable, cells in (("VOD", chosen), ("tb_h", chosen[:3])):
        judged = material.judged.get(variable)
        if judged is None or not cells:
            continue
        days, side = _in_windows(judged)
        figure = figures.time_series(
            [_example(material, side, cell, title) for cell, title in cells],
            days,
            variable,
            segments_of(material.settings.sensors, days),
            material.settings.splits.held_out_years,
        )
        name = VARIABLE_NAMES[variable]
        parts.append(Picture(f"{name} of single cells", COURSES[variable], figures.image(figure)))
    return PageSection("Single cells through time", parts=parts)


COURSES = {
    "VOD": "One cell a panel; of each kind the cell with the median skill among the greener half, "
    "neither the best nor the worst. Blue: the product with one and two total standard deviations; "
    "dashed: the truth at the target's footprint. Grey stretches change with the set of sensors; "
    "the amber bar below marks years that trained no network.",
    "tb_h": f"Means over {WINDOW_DAYS} days of days that both have, for the first of the cells "
    "above. A sensor that was not brought onto the others would show as an offset of a whole "
    "stretch.",
}


def _in_windows(judged: ProductAndTruth) -> tuple[Days, ProductAndTruth]:
    """A record in windows: daily ones averaged over days that product and truth both have."""
    if judged.record.attrs["window_days"] > 1:
        return judged.days, judged
    days = judged.days
    every = np.arange(days[0], days[-1] + 1, dtype="datetime64[D]")
    starts = every[::WINDOW_DAYS]
    sides = [judged.value] if judged.truth is None else [judged.value, judged.truth]
    both = np.logical_and.reduce([np.isfinite(side) for side in sides])
    means = []
    for side in sides:
        daily = np.full((len(every), side.shape[1]), np.nan, np.float32)
        daily[(days - days[0]).astype(int)] = np.where(both, side, np.nan)
        means.append(window_mean(daily, every, starts, WINDOW_DAYS)[0])
    made = xr.Dataset({"value": (("time", "cell"), means[0])}, {"time": starts})
    truths = {"footprint": means[1]} if len(means) > 1 else {}
    return starts, ProductAndTruth(made.assign_attrs(judged.record.attrs), truths)


def _example(material: Material, judged: ProductAndTruth, cell: int, title: str) -> Example:
    std = None if judged.std is None else judged.std[:, cell]
    truth = None if judged.truth is None else judged.truth[:, cell]
    event = np.datetime64("NaT", "D")
    if "clearing_day" in material.fields and title.startswith("Cleared"):
        day = material.fields["clearing_day"].values[[cell]]
        if day.dtype.kind != "M":
            day = np.datetime64("2000-01-01", "D") + day.astype("timedelta64[D]")
        event = day.astype("datetime64[D]")[0]
    return Example(title, judged.value[:, cell], std, truth, event)


def latitudes(material: Material) -> PageSection:
    """Anomalies by latitude and time, product and truth."""
    judged = material.judged.get("VOD")
    if judged is None or judged.truth is None:
        years = [y for y in material.digests.get("glab_vod", []) if "VOD_residual_zonal" in y]
        if not years:
            return PageSection("Latitude and time")
        product = np.concatenate([year["VOD_residual_zonal"].values for year in years])
        time = np.concatenate([year["time"].values for year in years])
        panels = [Panel("GLAB-VOD anomaly, mean over longitude", product, "VOD", "residual")]
    else:
        both = np.isfinite(judged.value) & np.isfinite(judged.truth)
        sides = (np.where(both, s - judged.cycle, np.nan) for s in (judged.value, judged.truth))
        titles = ("GLAB-VOD anomaly", "Truth, minus the same seasonal cycle")
        fields = [material.by_row(side) for side in sides]
        panels = [Panel(t, f, "VOD", "residual") for t, f in zip(titles, fields)]
        time = judged.days
    place = material.place.assign_coords(time=("time", time))
    caption = (
        "VOD minus its seasonal cycle, averaged over the cells of each row. Brown: less vegetation "
        "water than usual; green: more. A sensor change that left a trace would show as a vertical "
        "edge; drought, fire and regrowth as patches that both panels share."
    )
    image = raster(material, figures.hovmoller(panels, place))
    return PageSection("Latitude and time", parts=[Picture("Anomalies of VOD", caption, image)])
