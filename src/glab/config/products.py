"""Typed settings of what is made of the record: products, stores, judgement, page."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from glab.config.links import Splits
from glab.config.sources import Fraction, Period, Positive, Section


class Creator(Section):
    """Whom the products name as their maker."""

    name: str = "GLAB contributors"
    type: Literal["person", "group", "institution"] = "group"
    email: str = ""
    url: str = ""
    institution: str = "GLAB, an open pipeline for L-band vegetation records"


class ProductOptions(Section):
    """How product files are laid out and signed."""

    extent: Literal["auto", "grid", "window"] = "auto"  # auto: the grid, if cells span half of it
    overpass: Literal["ascending", "descending"] = "ascending"  # of smos_ib: 06:00 or 18:00
    creator: Creator = Creator()
    license: str = "https://creativecommons.org/licenses/by/4.0/"


class Product(ProductOptions):
    """Slice of one product."""

    product: Literal["glab_tb", "glab_vod", "smos_ib"]
    references: list[str] = []  # DOIs of what it was made from


class Publish(Section):
    """Chunks of the Zarr stores, the same for every product and variable."""

    chunk_time: int = Field(73, gt=0)
    chunk_y: int = Field(73, gt=0)
    chunk_x: int = Field(87, gt=0)


SENSORS = {
    "amsre": Period(start=dt.date(2002, 6, 19), end=dt.date(2010, 1, 11)),
    "amsre_smos": Period(start=dt.date(2010, 1, 12), end=dt.date(2011, 10, 3)),
    "smos": Period(start=dt.date(2011, 10, 4), end=dt.date(2012, 7, 1)),
    "amsr2_smos": Period(start=dt.date(2012, 7, 2), end=dt.date(2015, 3, 30)),
    "amsr2_smos_smap": Period(start=dt.date(2015, 3, 31)),
}
"""Stretches of the record with one set of sensors each (docs/science.md, section 7)."""


STATIONS, STATIONS_DOI = "ismn", "10.5194/hess-25-5749-2021"
"""What the archive of stations is called where sources are, and who describes it."""


class Stations(Section):
    """Soil moisture of stations in the layout of ISMN, beside that of `smos_ib`."""

    archive: str = "data/ismn"  # holds <network>/<station>/…stm; from the folder of the run
    depth_max_m: Positive = 0.05  # sensors from the surface down to here
    pairs_min: int = Field(100, ge=3)  # that a series needs to be judged
    distance_max_km: Positive = 25.0  # from the station to the centre of its cell
    hours_max: Positive = 3.0  # from the overpass to the station's value
    bad_fraction_max: Fraction = 0.2  # of unreadable files, above which the comparison fails


class EvaluateOptions(Section):
    """What skill is judged on."""

    periods: dict[str, Period] = {}  # besides the whole record, and training and held-out years
    sensors: dict[str, Period] = SENSORS  # neighbours are compared for steps
    footprint: str | None = "M36"  # grid the truth is averaged to and back; None: truth as it is
    window_fraction_min: Fraction = 0.5  # unfrozen days a window of the truth needs
    trend_fraction_min: Fraction = 0.4  # of the record, that a cell's trend needs
    vod_classes: list[float] = [0.2, 0.5, 0.8]  # bounds of classes of the cells' mean VOD
    sparse_vod_max: float = 0.6  # mean VOD of the group "sparse", where soil moisture is judged
    placebo_every_days: int = Field(36, gt=0)  # distance of the dates where no sensor changes
    controls: list[str] = []  # links judged beside the products though they feed none
    stations: Stations | None = None


class Evaluate(EvaluateOptions):
    """Slice of `evaluate`."""

    splits: Splits = Splits()
    seed: int = 0
    overpass: Literal["ascending", "descending"] = "ascending"  # that `smos_ib` shows


class ReportChoice(Section):
    """What the page shows."""

    title: str = "GLAB: one L-band record from four radiometers"
    example_cells: int = Field(6, ge=0)
    dots_per_inch: int = Field(110, ge=50, le=300)
    beside: dict[str, str | None] = {}
    # by method, the folder of a run on the same world, from that of this run; None: not shown


class Report(ReportChoice):
    """Slice of `report`."""

    run: dict[str, str] = {}  # name, method and seed of the run, as the page tells them
    sensors: dict[str, Period] = SENSORS
    splits: Splits = Splits()
    seed: int = 0
