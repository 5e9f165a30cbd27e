"""The section that holds soil moisture of system B beside that of stations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from glab.calendar import Days
from glab.evaluation.stations import GROUPS, IN_SITU, PERFECT, PRODUCT, SCORES, medians
from glab.report import figures
from glab.report.content import PageSection, Picture, Table, number
from glab.report.figures import Pair
from glab.report.figures.style import PRODUCT_NAMES
from glab.report.material import Material

TITLE = "SMOS-IB beside stations"
SHOWN_MAX, SHOWN_YEARS = 6, 2
GROUP_NAMES = {"network": "Network", "land_cover": "Land cover", "climate": "Climate"}
LABELS = {PRODUCT: PRODUCT_NAMES["smos_ib"], PERFECT: "perfect retrieval"}


def stations(material: Material) -> PageSection:
    """Series of some stations, and medians of all by network, land cover and climate."""
    if material.stations is None:
        return PageSection(TITLE)
    beside, table = material.stations
    scored = table[(table["product"] == PRODUCT) & table["r"].notna()]
    if scored.empty:
        return PageSection(TITLE)
    shown = chosen(scored)
    days, part = _stretch(beside, shown)
    pairs = [_pair(part, scored, place) for place in shown]
    picture = Picture(
        "Soil moisture of stations and of SMOS-IB in their cells",
        "One sensor a panel, of each network that with the median R first. Line: good values (flag "
        "G) nearest to the overpass; dots: retrievals that pass the usual filter. A station sees "
        "a point, the product a footprint of some 43 km: levels and the height of peaks may differ "
        "where rises and dry-downs agree.",
        figures.image(figures.stations(pairs, days, LABELS[PRODUCT])),
    )
    return PageSection(TITLE, parts=[picture, station_table(table)])


def chosen(scored: pd.DataFrame) -> list[int]:
    """Rows of the sensors that are shown: round by round of each network that nearest its median R.

    Args:
        scored: rows of one product that have scores; their index is the place of the series.
    """
    ranked = []
    for name, own in scored.groupby("network", sort=True):
        away = (own["r"] - own["r"].median()).abs().sort_values(kind="stable")
        ranked += [(turn, str(name), int(place)) for turn, place in enumerate(away.index)]
    rounds = sorted(ranked)[:SHOWN_MAX]
    return [place for _, _, place in sorted(rounds, key=lambda entry: (entry[1], entry[0]))]


def _stretch(beside: xr.Dataset, shown: list[int]) -> tuple[Days, xr.Dataset]:
    """The years next to each other in which the shown series have most pairs."""
    some = beside.isel(series=shown)["soil_moisture"].sel(product=[IN_SITU, PRODUCT])
    count = some.notnull().all("product").sum("series")
    by_year = count.groupby("time.year").sum().sortby("year")
    sums = np.convolve(by_year.values, np.ones(SHOWN_YEARS, int))[SHOWN_YEARS - 1 :]
    first = int(by_year["year"].values[int(sums.argmax())])
    part = beside.sel(time=slice(f"{first}-01-01", f"{first + SHOWN_YEARS - 1}-12-31"))
    return part["time"].values.astype("datetime64[D]"), part


def _pair(part: xr.Dataset, scored: pd.DataFrame, place: int) -> Pair:
    row = scored.loc[place]
    scores = (
        f"R {number(row['r'])}, bias {number(row['bias'], 3, sign=True)}, "
        f"ubRMSE {number(row['ubrmse'], 3)}, {int(row['n'])} pairs"
    )
    where = [str(row["network"]), str(row["station"]), _short(str(row["land_cover"]))]
    own = part["soil_moisture"].isel(series=place)
    values = (own.sel(product=name).values for name in (IN_SITU, PRODUCT))
    return Pair(f"{', '.join(word for word in where if word)}: {scores}", *values)


def _short(name: str) -> str:
    """The head of the name of a class of land cover."""
    return "" if name == "nan" else name.split(" (")[0].split(" / ")[0]


def station_table(table: pd.DataFrame) -> Table:
    """Medians over the series of each network, land cover and climate, and over all of them."""
    rows: list[list[str]] = []
    whole = table.assign(everything="All stations")
    for group in ("everything", *GROUPS):
        found = medians(whole, group)
        if group != "everything" and len(found):
            rows.append([GROUP_NAMES[group]])
        for name in dict.fromkeys(found[group]):
            rows += _rows(found[found[group] == name], _short(str(name)))
    columns = ["", "", "series", "pairs", "R", "bias", "RMSE", "ubRMSE"]
    caption = (
        "Medians over series (one sensor each, 0–5 cm, flag G) with enough pairs: their number, "
        "pairs, and scores in m³ m⁻³. ubRMSE: both means removed. Perfect retrieval: the mean of "
        "the cell on the same days, where it is known; what separates it from the station is the "
        "difference between a point and its cell."
    )
    return Table("Agreement with stations", caption, columns, rows)


def _rows(found: pd.DataFrame, name: str) -> Iterator[list[str]]:
    for product in sorted(found["product"], key=lambda product: product != PRODUCT):
        row = found[found["product"] == product].iloc[0]
        values = [
            number(row[score], 2 if score == "r" else 3, sign=score == "bias") for score in SCORES
        ]
        label = LABELS.get(product, product)
        yield [name, label, f"{int(row['series'])}", f"{row['n']:.0f}", *values]
