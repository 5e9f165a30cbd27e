"""Settings of the SMOS inversion: radiative transfer model, 40° TB, soil moisture and VOD."""

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
    """Parameters of the radiative transfer model L-MEB (docs/science.md, section 3)."""

    dielectric: Literal["mironov2013", "mironov2009"] = "mironov2013"
    model: Literal["tau-omega", "two-stream"] = "tau-omega"
    q_r: float = 0.0  # polarisation mixing by roughness
    n_rh: float = -1.0  # exponent of cos(incidence) in the roughness, horizontal polarisation
    n_rv: float = -1.0  # the same, vertical polarisation
    tt_h: float = 1.0  # angular correction of the optical depth, horizontal polarisation
    tt_v: float = 1.0  # the same, vertical polarisation
    canopy_temperature: Literal["t_surface", "t_air"] = "t_surface"
    effective_temperature: Literal["wigneron2007", "choudhury1982"] = "wigneron2007"
    w0: Positive = 0.3  # m3 m-3, scale of soil moisture in wigneron2007
    b0: Positive = 0.3  # exponent of wigneron2007
    c_t: Fraction = 0.246  # of choudhury1982
    sky: Literal["pellarin2003", "none"] = "pellarin2003"  # sky TB that the ground reflects
    q_air_g_kg: float = Field(8.0, ge=0.0)  # g/kg, specific humidity; 10 more change the sky by 2 %


class Tb40Options(Section):
    """The 40° TB."""

    source: str = "smos_l3"  # source of multi-angular TB
    surface: Surfaces = {"ascending": "surface", "descending": "surface_evening"}
    # source of temperatures at the time of each overpass; an overpass without one is left out
    form: Literal["observation", "model"] = "observation"
    # observation: weighted bins moved to 40° by the model; model: TB of the fitted model
    atmosphere: bool = True  # True: TB from above the atmosphere, which is removed
    angle_min_deg: float = 20.0  # degree; lowest incidence angle of a bin
    angle_max_deg: float = 55.0  # degree; highest incidence angle of a bin
    angle_range_min_deg: float = 10.0  # degree; between the lowest and highest bin of a scene
    shared_bin: Literal["left_out", "covariance"] = "left_out"
    # treatment of the 40° bin, which has snapshots in common with its neighbours
    shared_bin_correlation: Annotated[float, Field(ge=0.0, lt=0.7)] = 0.5
    # of the errors of the 40° bin and a neighbour; above 0.7 the covariance is not positive
    tb_sigma_min_k: Positive = 4.0  # K; of a bin in the fit, unless its accuracy is worse
    common_error_k: float = Field(1.0, ge=0.0)  # K; common to all angles of a polarisation
    sm_prior: float = 0.2  # m3 m-3
    sm_sigma: Positive = 0.2  # m3 m-3
    vod_prior: float = 0.5
    vod_sigma: Positive = 1.0
    sm_bounds: Bounds = (-0.1, 1.0)  # m3 m-3
    vod_bounds: Bounds = (-0.2, 2.0)


class Tb40(Tb40Options):
    """Slice of `tb40`."""

    lmeb: Lmeb = Lmeb()


class PriorSigma(Section):
    """Standard deviation of the VOD prior of run 2: min(a + b VOD, c)."""

    year: Sigma = (0.1, 0.3, 0.3)  # about the mean of the year: wide enough for seasons
    ten_days: Sigma = (0.1, 0.0, 0.1)  # about the mean of the preceding days


class RetrieveOptions(Section):
    """Inversion of the 40° TB in two runs."""

    tb_sigma_k: Positive | Literal["tb_error"] = "tb_error"  # K, or the tb_error of the scene
    sm_prior: float = 0.2  # m3 m-3
    sm_sigma: Positive = 0.2  # m3 m-3
    vod_prior: float = 0.5  # of run 1
    vod_sigma: Positive = 1.0  # of run 1
    temperature_at: Literal["first_run", "prior"] = "first_run"
    # soil moisture of the effective temperature in run 2: the result of run 1, or sm_prior
    prior: PriorDays = "ten_days"
    # VOD prior of run 2: mean of run 1 over the preceding days, or over the calendar year
    prior_sigma: PriorSigma = PriorSigma()
    prior_values_min: int = Field(30, ge=1)  # values the mean of a year needs, else vod_prior
    prior_days: int = Field(10, ge=1)  # days before the scene, of ten_days
    prior_days_values_min: int = Field(1, ge=1)  # values they need, else the mean of the year
    prior_tb_rmse_max_k: Positive = 8.0  # K; scenes above it do not enter a prior
    sm_bounds: Bounds = (-0.1, 1.0)  # m3 m-3
    vod_bounds: Bounds = (-0.2, 2.0)
    polluted_min: Fraction = 0.1  # of water, urban area and ice in a cell: a polluted scene


class Retrieve(RetrieveOptions):
    """Slice of `retrieve`."""

    surface: Surfaces = {"ascending": "surface", "descending": "surface_evening"}
    mask: Mask = Mask()
    lmeb: Lmeb = Lmeb()
