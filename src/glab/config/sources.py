"""Settings of sources and of the stages from `simulate` to `residuals`.

Every section is closed: an unknown key is an error. A class that is called "slice" is what the step
of one stage receives as `settings`; `Config` in `glab.config.run` composes the slices.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
LocalHour = Annotated[float, Field(ge=0.0, lt=24.0)]
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_]+$")]
"""Name of a source, baseline or link. It is part of paths and of shell commands."""


class Section(BaseModel):
    """A closed, immutable group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class YearRange(Section):
    """First and last calendar year, both included."""

    first: int
    last: int


class Period(Section):
    """First and last day, both included; without `end` the period is open."""

    start: dt.date
    end: dt.date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Period:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"the period ends ({self.end}) before it starts ({self.start})")
        return self


class Box(Section):
    """A box in degrees of longitude and latitude; west < east."""

    west: float = -180.0
    east: float = 180.0
    south: float = -84.44  # southern edge of the global EASE-Grid 2.0 of 25 km
    north: float = 84.44  # northern edge


# --- sources ---------------------------------------------------------------------------------


class QualityRule(Section):
    """Mask variables where a quality variable is out of bounds or has certain bits set."""

    variable: str  # the quality variable
    applies_to: list[str]  # variables that are masked
    min: float | None = None  # lowest value allowed, in the unit of `variable`
    max: float | None = None  # highest value allowed, in the unit of `variable`
    plus: str | None = None  # variable whose value is added to the highest value allowed
    bits_clear: int | None = None  # sum of the bits that must not be set


class Series(Section):
    """Variables of a source that get a seasonal cycle."""

    variables: list[str]
    derive: dict[str, str] = {}  # derived variable: formula of glab.climatology.derive
    select: dict[str, str | float] = {}  # overpass, angle (degree) or channel to use
    quality: list[QualityRule] = []  # for stages whose year files contain quality variables


class Source(Section):
    """A satellite or ancillary data set, or a stage whose year files look like one."""

    stage: Literal["regrid", "tb40", "retrieve", "compose"] = "regrid"
    reader: str | None = None  # format of the granules, of a source of stage regrid
    period: Period
    series: Series | None = None
    archive: str | None = None  # source whose granules this one reads, too, at another local hour
    of: str | None = None  # retrieve: source of the TB to invert; compose: "truth", for a control
    local_hour: LocalHour | None = None  # local solar time, h; None: regrid.local_hour
    keep: list[str] | None = None  # variables to regrid; None: all
    quality: list[QualityRule] = []
    doi: str = ""

    @model_validator(mode="after")
    def _has_reader(self) -> Source:
        if (self.stage == "regrid") != (self.reader is not None):
            raise ValueError("a source of stage regrid needs a reader; any other has none")
        return self


# --- stages ----------------------------------------------------------------------------------


class SimulateOptions(Section):
    """The simulated Earth (package `glab.simulate`)."""

    seed: int = Field(1, ge=0)  # of weather, long-term changes and instrument errors
    long_term_change: bool = True  # False: no trends, clearings or warming, to find false trends
    calibration_drift_k_per_decade: float = 0.0  # of AMSR; sign by channel
    smos_overpasses: list[Literal["A", "D"]] = ["A", "D"]  # ascending 06:00, descending 18:00
    matched_physics: bool = False  # True: same physics and parameters as the inversion (a control)


class Simulate(SimulateOptions):
    """Slice: a simulated Earth, with its box and years."""

    box: Box = Box(west=20.0, east=21.3, south=-35.0, north=70.0)
    first_year: int = 2009
    last_year: int = 2018


class Acquire(Section):
    """Slice of one source: the format of its granules."""

    reader: str
    bad_fraction_max: Fraction = 0.2  # of unreadable granules; above it the year fails
    doi: str = ""


class GroundMap(Section):
    """A static map of a user, on any rectilinear or projected grid."""

    path: str  # relative to the folder of the run
    reader: Literal["map", "clay", "landcover"] = "map"
    variable: str | None = None  # name or band in the file; None: the only one
    units: str | None = None  # of clay, where the file does not state them
    fills: list[float] = []  # raw values that mean missing, besides those that the file states
    factor: float = 1.0  # from raw values to the unit of the variable
    classes: list[float] = []  # bounds of classes 0, 1, 2 of the cell mean (topography)
    igbp: list[int] | None = None  # land-cover classes to add up; None: one layer for each


class Domain(Section):
    """Land cells of the target grid: order, tiles, blocks and static layers."""

    box: Box = Box()
    land_fraction_min: Fraction = 0.5  # of a cell's area
    tile_cells: int = Field(8192, gt=0)  # cells in a tile
    tiles: int = Field(29, gt=0)  # a plan needs it before the domain exists; `domain` checks it
    block_cells: int = Field(20, gt=0)  # side of a spatial block of the splits, in cells
    maps: dict[str, GroundMap | None] = {}  # by variable; the simulated Earth has its own


class RegridOptions(Section):
    """How granules are regridded to the domain."""

    method: Literal["conservative", "bilinear"] = "conservative"
    backend: Literal["separable", "xesmf"] = "separable"
    valid_fraction_min: Fraction = 0.5  # of a cell's area that needs valid values
    bad_fraction_max: Fraction = 0.2  # of unreadable granules; above it the year fails
    local_hour: LocalHour | None = 6.0
    # local solar time (h) at which sources with several times a day are taken; None: daily mean


class Regrid(RegridOptions):
    """Slice of one source."""

    reader: str = ""  # empty: the format follows from the file names
    keep: list[str] | None = None
    quality: list[QualityRule] = []
    doi: str = ""


class Mask(Section):
    """Frozen ground and open water, whose values are masked (docs/science.md, section 2)."""

    frozen_source: str | None = "surface"  # source of t_surface and snow; None: no frozen mask
    t_surface_min_k: float = 274.15  # K; 1 K above freezing
    snow_max_kg_m2: float = 5.0  # kg m-2, snow water equivalent
    water_fraction_max: Fraction = 0.1  # of a cell's area


class ClimatologyOptions(Section):
    """Seasonal cycle: `harmonics` of one year, or the `published` single sine."""

    form: Literal["harmonics", "published"] = "harmonics"
    harmonics: int = Field(2, ge=1, le=6)  # number of annual harmonics
    ridge: float = Field(1e-3, ge=0.0)  # times the number of values: added to the diagonal
    values_min: int = 40  # a cell with fewer daily values gets its median
    months_min: int = 8  # calendar months with values that `harmonics` needs
    period_days: tuple[float, float] = (365.0, 366.0)  # days; bounds of the `published` sine's
    amplitude_bounds: dict[str, tuple[float, float]] = {
        "tb": (1.0, 80.0),
        "vod": (0.0, 1.0),
        "soil_moisture": (0.0, 1.0),
    }  # period, of its amplitude
    offset_bounds: dict[str, tuple[float, float]] = {
        "tb": (120.0, 370.0),
        "vod": (0.0, 1.2),
        "soil_moisture": (0.0, 1.0),
    }  # and of its mean, by variable and in the unit of the variable


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
