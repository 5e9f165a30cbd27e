"""Typed settings: one class per stage, closed (an unknown key is an error).

A class here is what a step receives as `settings`; `Config` (in `glab.config.run`) puts the
slices together from the whole configuration.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
LocalHour = Annotated[float, Field(ge=0.0, lt=24.0)]


class Section(BaseModel):
    """A closed, immutable group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Period(Section):
    """First and last day, both included; `end` may be open."""

    start: dt.date
    end: dt.date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Period:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"the period ends ({self.end}) before it starts ({self.start})")
        return self


class Box(Section):
    """A box in degrees; west < east."""

    west: float = -180.0
    east: float = 180.0
    south: float = -84.44
    north: float = 84.44


# --- sources ---------------------------------------------------------------------------------


class QualityRule(Section):
    """Mask `applies_to` where `variable` is below `min` or above `max` (+ the variable `plus`),
    or has one of the bits `bits_clear` set."""

    variable: str
    applies_to: list[str]
    min: float | None = None
    max: float | None = None
    plus: str | None = None
    bits_clear: int | None = None


class Series(Section):
    """Which variables of a source get a seasonal cycle, at which place of further dimensions."""

    variables: list[str]
    derive: dict[str, str] = {}  # further variable → how it is derived (glab.climatology.derive)
    select: dict[str, str | float] = {}
    quality: list[QualityRule] = []  # of a stage that hands over its quality with its values


class Source(Section):
    """One satellite or auxiliary record, or a stage whose year files look like one."""

    stage: Literal["regrid", "tb40", "retrieve", "compose"] = "regrid"
    reader: str | None = None
    period: Period
    series: Series | None = None
    archive: str | None = None  # source whose granules these are too, taken at another hour
    of: str | None = None  # retrieve: source whose TB it inverts; compose: "truth", as a control
    local_hour: LocalHour | None = None  # instead of regrid.local_hour
    keep: list[str] | None = None  # variables carried to the domain; None: all
    quality: list[QualityRule] = []
    doi: str = ""

    @model_validator(mode="after")
    def _reader_named(self) -> Source:
        if (self.stage == "regrid") != (self.reader is not None):
            raise ValueError("a source of stage regrid names a reader, any other does not")
        return self


# --- stages, system A ------------------------------------------------------------------------


class SimulateOptions(Section):
    """What the simulated Earth is like (see `glab.simulate`)."""

    seed: int = Field(1, ge=0)  # of its weather, its changes and its instruments' errors
    long_term_change: bool = True  # False: no trends, clearings or warming (for false trends)
    calibration_drift_k_per_decade: float = 0.0  # of the AMSR sensors, its sign by channel
    smos_overpasses: list[Literal["A", "D"]] = ["A", "D"]  # 06:00 and 18:00
    matched_physics: bool = False  # the inversion's own physics and parameters, as a control


class Simulate(SimulateOptions):
    """The simulated Earth: a world, where, and when."""

    box: Box = Box(west=20.0, east=21.3, south=-35.0, north=70.0)
    first_year: int = 2009
    last_year: int = 2018


class Acquire(Section):
    """Slice of one source: how to read what someone put into its archive, and how much may fail."""

    reader: str
    bad_fraction_max: Fraction = 0.2
    doi: str = ""


class GroundMap(Section):
    """A static map of a user, on any rectilinear or projected grid."""

    path: str  # from the folder of the run
    reader: Literal["map", "clay", "landcover"] = "map"
    variable: str | None = None  # name or band; None: the only one
    units: str | None = None  # of clay, where the file does not say
    fills: list[float] = []  # raw values that mean missing, beside those the file states
    factor: float = 1.0  # to the unit of the variable
    classes: list[float] = []  # bounds that make class 0, 1, 2 of a cell's mean (topography)
    igbp: list[int] | None = None  # land-cover classes to add up; None: each on its own


class Domain(Section):
    """Land cells of the target grid, their order, tiles, blocks and static layers."""

    box: Box = Box()
    land_fraction_min: Fraction = 0.5
    tile_cells: int = Field(8192, gt=0)
    tiles: int = Field(29, gt=0)  # how many there are: plans are made before the domain; it checks
    block_cells: int = Field(20, gt=0)  # side of a spatial block of the splits, in cells
    maps: dict[str, GroundMap | None] = {}  # variable → its map; the simulated Earth has its own


class RegridOptions(Section):
    """How native values come onto the domain."""

    method: Literal["conservative", "bilinear"] = "conservative"
    backend: Literal["separable", "xesmf"] = "separable"
    valid_fraction_min: Fraction = 0.5  # of a cell's area that must have been seen
    bad_fraction_max: Fraction = 0.2  # of unreadable granules, above which a year fails
    local_hour: LocalHour | None = 6.0
    # solar time at which sources with several times a day are taken; None: their daily mean


class Regrid(RegridOptions):
    """Slice of one source."""

    reader: str = ""  # empty: the format that the names of the files tell
    keep: list[str] | None = None
    quality: list[QualityRule] = []
    doi: str = ""


class Mask(Section):
    """Where no series is used: frozen ground and open water (SCIENCE §2, point 1)."""

    frozen_source: str | None = "surface"  # its t_surface and snow say what is frozen
    t_surface_min_k: float = 274.15
    snow_max_kg_m2: float = 5.0
    water_fraction_max: Fraction = 0.1


class ClimatologyOptions(Section):
    """The seasonal cycle: `harmonics` at a fixed period, or the `published` single sine."""

    form: Literal["harmonics", "published"] = "harmonics"
    harmonics: int = Field(2, ge=1, le=6)
    ridge: float = Field(1e-3, ge=0.0)  # share of the number of values added to the diagonal
    values_min: int = 40  # with fewer a cell keeps its median
    months_min: int = 8  # calendar months with values that `harmonics` needs
    period_days: tuple[float, float] = (365.0, 366.0)  # bounds of the `published` sine: period,
    amplitude_bounds: dict[str, tuple[float, float]] = {
        "tb": (1.0, 80.0),
        "vod": (0.0, 1.0),
        "soil_moisture": (0.0, 1.0),
    }  # amplitude and
    offset_bounds: dict[str, tuple[float, float]] = {
        "tb": (120.0, 370.0),
        "vod": (0.0, 1.2),
        "soil_moisture": (0.0, 1.0),
    }  # mean level of each variable, in its unit


class Climatology(ClimatologyOptions):
    """Slice of one source and baseline."""

    source: str
    baseline_name: str
    baseline: Period
    series: Series
    mask: Mask = Mask()


class Residuals(Section):
    """Slice of one source."""

    series: Series
    mask: Mask = Mask()


class ProductYears(Section):
    """Which years of a product are made."""

    first: int
    last: int
