"""Settings of products, stores, evaluation and page."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from glab.config.links import Splits
from glab.config.sources import (
    Fraction,
    Name,
    Period,
    Positive,
    QualityRule,
    Section,
    YearRange,
)

ProductName = Literal["glab_tb", "glab_vod", "smos_ib"]


class ProductRequest(YearRange):
    """Years of a product, and the link that it comes from."""

    link: str = "tb_vod"
    # glab_vod: link whose predictions it contains; glab_tb: link whose baseline its residual has
    baseline: str | None = None  # glab_tb: baseline of its residual; None: that of `link`


class Creator(Section):
    """Creator that the attributes of products name."""

    name: str = "GLAB contributors"
    type: Literal["person", "group", "institution"] = "group"
    email: str = ""
    url: str = ""
    institution: str = "GLAB, an open pipeline for L-band vegetation records"


class ProductOptions(Section):
    """Extent and attributes of product files."""

    extent: Literal["auto", "grid", "window"] = "auto"  # auto: whole grid if cells span half of it
    overpass: Literal["ascending", "descending"] = "ascending"  # of smos_ib: 06:00 or 18:00
    creator: Creator = Creator()
    license: str = "https://creativecommons.org/licenses/by/4.0/"


class Product(ProductOptions):
    """Slice of one product."""

    product: ProductName
    references: list[str] = []  # DOIs of the sources


class Publish(Section):
    """Chunks of the Zarr stores, the same for every product and variable."""

    chunk_time: int = Field(73, gt=0)  # days or windows
    chunk_y: int = Field(73, gt=0)  # rows: 584 = 8 x 73
    chunk_x: int = Field(87, gt=0)  # columns: 16 chunks span the 1388 of the grid


SENSORS = {
    "amsre": Period(start=dt.date(2002, 6, 19), end=dt.date(2010, 1, 11)),
    "amsre_smos": Period(start=dt.date(2010, 1, 12), end=dt.date(2011, 10, 3)),
    "smos": Period(start=dt.date(2011, 10, 4), end=dt.date(2012, 7, 1)),
    "amsr2_smos": Period(start=dt.date(2012, 7, 2), end=dt.date(2015, 3, 30)),
    "amsr2_smos_smap": Period(start=dt.date(2015, 3, 31)),
}
"""Segments of the record with one set of sensors each (docs/science.md, section 7)."""


class StationSet(Section):
    """Soil moisture of stations in the layout of ISMN, compared with that of `smos_ib`."""

    kind: Literal["stations"]
    title: str = ""  # name on the page; empty: the name of the set
    archive: str = "data/ismn"  # folder of <network>/<station>/…stm; relative to the run
    reader: Literal["ismn"] = "ismn"
    product: Literal["smos_ib"] = "smos_ib"
    depth_max_m: Positive = 0.05  # m; sensors between the surface and this depth
    pairs_min: int = Field(100, ge=3)  # pairs of values that the scores of a series need
    distance_max_km: Positive = 25.0  # km; from the station to the centre of its cell
    hours_max: Positive = 3.0  # h; from the overpass to the value of the station
    bad_fraction_max: Fraction = 0.2  # of unreadable files; above it the comparison fails
    doi: str = "10.5194/hess-25-5749-2021"


class GridSet(Section):
    """A gridded data set, compared with a product on the cells of the domain.

    It is a static map (reader `map`), a file or folder of a dated format or of CF netCDF with a
    time axis (reader `cf`), or a source of this run.
    """

    kind: Literal["grid"]
    title: str = ""  # name on the page; empty: the name of the set
    path: str | None = None  # file or folder; relative to the run
    reader: str = "map"  # of the files at `path`
    source: str | None = None  # in place of `path`: a source of this run, on the cells already
    variable: str | None = None  # its name in the file or, of a dated format, its canonical name
    units: str | None = None  # of the set; None: those of the file or of the canonical variable
    fills: list[float] = []  # raw values that mean missing, besides those of the file (map, cf)
    quality: list[QualityRule] = []
    product: ProductName = "glab_vod"
    product_variable: str = "VOD"
    mean: Literal["window", "day", "annual"] = "window"
    # window: the set is averaged over the windows of the product; day: each day of the set is
    # compared with the window that contains it; annual: means of calendar years of both
    year_fraction_min: Fraction = 0.5  # of the values of a year that an annual mean needs
    pairs_min: int = Field(10, ge=3)  # times that the temporal correlation of a cell needs
    valid_fraction_min: Fraction = 0.5  # of a cell that values of the set must cover
    doi: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> GridSet:
        if (self.path is None) == (self.source is None):
            raise ValueError("a grid has either a path or a source")
        if self.source is not None and self.variable is None:
            raise ValueError("name the variable of the source")
        return self


ValidationSet = Annotated[StationSet | GridSet, Field(discriminator="kind")]


class EvaluateOptions(Section):
    """Validation sets, periods, groups of cells and thresholds of the evaluation."""

    against: dict[Name, ValidationSet] = {}  # products are compared with these
    periods: dict[str, Period] = {}  # besides the whole record, training and held-out years
    sensors: dict[str, Period] = SENSORS  # segments; breaks are computed between neighbours
    footprint: str | None = "M36"  # grid to which the truth is averaged; None: truth of the cell
    window_fraction_min: Fraction = 0.5  # of unfrozen days that a window of the truth needs
    break_window_days: int = Field(18, gt=0)  # length of windows and calendar classes of breaks
    trend_fraction_min: Fraction = 0.4  # of the record that the trend of a cell needs
    vod_classes: list[float] = [0.2, 0.5, 0.8]  # bounds of the classes of mean VOD of a cell
    sparse_vod_max: float = 0.6  # highest mean VOD of the group "sparse"
    placebo_every_days: int = Field(36, gt=0)  # days between placebo dates
    controls: list[str] = []  # links that are evaluated although no product uses them

    @model_validator(mode="before")
    @classmethod
    def _remove_null_entries(cls, content: Any) -> Any:
        """Remove validation sets that an overlay sets to null."""
        if isinstance(content, dict) and isinstance(content.get("against"), dict):
            kept = {name: value for name, value in content["against"].items() if value is not None}
            content = content | {"against": kept}
        return content


class Evaluate(EvaluateOptions):
    """Slice of `evaluate`."""

    splits: Splits = Splits()
    seed: int = 0
    overpass: Literal["ascending", "descending"] = "ascending"  # of smos_ib


class ReportOptions(Section):
    """Content of the page."""

    title: str = "GLAB: one L-band record from four radiometers"
    example_cells: int = Field(6, ge=0)  # cells whose series are shown
    dots_per_inch: int = Field(110, ge=50, le=300)  # resolution of the figures
    beside: dict[str, str | None] = {}
    # folder of a run of another method on the same world (relative path), by method


class Report(ReportOptions):
    """Slice of `report`."""

    run: dict[str, str] = {}  # name, method and seed of the run
    against: dict[Name, ValidationSet] = {}
    sensors: dict[str, Period] = SENSORS
    break_window_days: int = 18
    splits: Splits = Splits()
    seed: int = 0
