"""Typed settings of system B: the radiative-transfer model, 40° TB, soil moisture and VOD."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from glab.config.sources import Fraction, Mask, Positive, Section

Overpass = Literal["ascending", "descending"]
Surfaces = dict[Overpass, str | None]
Bounds = tuple[float, float]
PriorDays = Literal["year", "ten_days"]
Sigma = tuple[Positive, Annotated[float, Field(ge=0.0)], Positive]


class Lmeb(Section):
    """Parameters of the radiative-transfer model that are choices (SCIENCE §3)."""

    dielectric: Literal["mironov2013", "mironov2009"] = "mironov2013"
    model: Literal["tau-omega", "two-stream"] = "tau-omega"
    q_r: float = 0.0
    n_rh: float = -1.0
    n_rv: float = -1.0
    tt_h: float = 1.0
    tt_v: float = 1.0
    canopy_temperature: Literal["t_surface", "t_air"] = "t_surface"
    effective_temperature: Literal["wigneron2007", "choudhury1982"] = "wigneron2007"
    w0: Positive = 0.3  # m3 m-3, of wigneron2007
    b0: Positive = 0.3
    c_t: Fraction = 0.246  # of choudhury1982
    sky: Literal["pellarin2003", "none"] = "pellarin2003"  # reflected by the ground
    q_air_g_kg: float = Field(8.0, ge=0.0)  # specific humidity: 10 g/kg change the sky by 2 %


class Tb40Options(Section):
    """The 40° brightness temperature."""

    source: str = "smos_l3"
    surface: Surfaces = {"ascending": "surface", "descending": "surface_evening"}
    # source of temperatures at each overpass's hour; an overpass without one is left out
    form: Literal["observation", "model"] = "observation"
    atmosphere: bool = True  # TB come from the top of the atmosphere and are brought to the ground
    angle_min_deg: float = 20.0
    angle_max_deg: float = 55.0
    angle_range_min_deg: float = 10.0
    shared_bin: Literal["left_out", "covariance"] = "left_out"  # 40° shares its neighbours' views
    shared_bin_correlation: Annotated[float, Field(ge=0.0, lt=0.7)] = 0.5
    tb_sigma_min_k: Positive = 4.0  # of a bin in the fit, unless its radiometric accuracy is worse
    common_error_k: float = Field(1.0, ge=0.0)  # shared by all angles of a polarisation
    sm_prior: float = 0.2
    sm_sigma: Positive = 0.2
    vod_prior: float = 0.5
    vod_sigma: Positive = 1.0
    sm_bounds: Bounds = (-0.1, 1.0)
    vod_bounds: Bounds = (-0.2, 2.0)


class Tb40(Tb40Options):
    """Slice of `tb40`."""

    lmeb: Lmeb = Lmeb()


class PriorSigma(Section):
    """Standard deviation of run 2's prior: min(a + b VOD, c)."""

    year: Sigma = (0.1, 0.3, 0.3)  # about the year's mean: leaves room for seasons
    ten_days: Sigma = (0.1, 0.0, 0.1)  # about the mean of the preceding days


class RetrieveOptions(Section):
    """The two-run inversion of 40° TB."""

    tb_sigma_k: Positive | Literal["tb_error"] = "tb_error"  # what tb40 states, or a value
    sm_prior: float = 0.2
    sm_sigma: Positive = 0.2
    vod_prior: float = 0.5  # of run 1
    vod_sigma: Positive = 1.0
    temperature_at: Literal["first_run", "prior"] = "first_run"
    # soil moisture at which run 2 takes the soil's effective temperature: run 1's, or sm_prior
    prior: PriorDays = "ten_days"
    # of run 2: run 1's mean over the preceding days, or over the calendar year
    prior_sigma: PriorSigma = PriorSigma()
    prior_values_min: int = Field(30, ge=1)  # values a mean over the year needs, else run 1's prior
    prior_days: int = Field(10, ge=1)  # of ten_days
    prior_days_values_min: int = Field(1, ge=1)  # values they need, else the year's
    prior_tb_rmse_max_k: Positive = 8.0  # misfit over the angles above which a value is left out
    sm_bounds: Bounds = (-0.1, 1.0)
    vod_bounds: Bounds = (-0.2, 2.0)
    polluted_min: Fraction = 0.1  # share of water, urban area and ice of a polluted scene


class Retrieve(RetrieveOptions):
    """Slice of `retrieve`."""

    surface: Surfaces = {"ascending": "surface", "descending": "surface_evening"}
    mask: Mask = Mask()
    lmeb: Lmeb = Lmeb()
