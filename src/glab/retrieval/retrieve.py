"""Invert 40° TB for soil moisture and VOD, one year in two passes.

Every scene is inverted twice. Run 1 has the same prior everywhere; its results give the prior of
run 2. The first pass over the year goes block by block of cells and finds the priors and the
negative medians of each cell. The second pass goes month by month and returns the values, so a year
is never in memory at once. Both passes compute run 2, which is faster than reading it back.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Booleans, Float64s, Floats, blocks
from glab.calendar import time_blocks
from glab.config import Retrieve
from glab.lmeb import invert
from glab.mask import UnknownGround, mask_frozen_ground, mask_open_water
from glab.retrieval.prior import PriorFields, prior_of_days, prior_of_year
from glab.retrieval.scene import (
    FROZEN,
    TARGET_DEG,
    Ground,
    cell_blocks,
    emission_parameters,
    ground_of,
    match_surfaces,
    sky_tb,
    static_ground,
    static_scene_flags,
)

SOIL_MOISTURE_ZERO, VOD_ZERO, FIRST_PRIOR, NOT_CONVERGED = 1, 2, 4, 8
PROCESSING = {
    "soil_moisture_set_to_zero": SOIL_MOISTURE_ZERO,
    "vod_set_to_zero": VOD_ZERO,
    "prior_of_first_run": FIRST_PRIOR,
    "search_not_converged": NOT_CONVERGED,
}
"""Bits of `processing_flags`: the median of a cell's year was negative (the first two); too few
values for another prior; the search did not converge."""

ZERO_BITS = {"soil_moisture": SOIL_MOISTURE_ZERO, "vod": VOD_ZERO}
UPPER_LIMITS = {"soil_moisture": 1.0, "vod": 2.0}
"""Largest values of the product, m3 m-3 and 1 (docs/science.md, section 4.2)."""

NEEDED = ("tb", "tb_error", "tb_rmse")
VALUES = ("soil_moisture", "vod", "soil_moisture_error", "vod_error")
DIMS = ("time", "cell", "overpass")

SCENES_AT_ONCE = 131072
"""Scenes that are inverted at once: a few blocks for each thread of the search."""

Fields = dict[str, NDArray]
"""Variables of some days and cells, (time, cell)."""


@dataclass(frozen=True)
class Retrieval:
    """Soil moisture and VOD of scenes, shape (scene,); NaN where nothing was retrieved.

    Attributes:
        soil_moisture, soil_moisture_error: m3 m-3; the error is the posterior standard deviation.
        vod, vod_error: 1.
        converged: whether the search converged.
    """

    soil_moisture: Float64s
    vod: Float64s
    soil_moisture_error: Float64s
    vod_error: Float64s
    converged: Booleans


def retrieve(
    tb_k: Float64s,
    tb_error_k: Float64s,
    ground: Ground,
    vod_prior: Float64s | float,
    vod_sigma: Float64s | float,
    settings: Retrieve,
    sm_of_temperature: Float64s | float | None = None,
) -> Retrieval:
    """Invert the 40° TB of scenes once.

    Args:
        tb_k: 40° TB at the ground, K, shape (scene, channel [h, v]); NaN where missing.
        tb_error_k: its standard error, K, the same shape. Where `tb_sigma_k` is "tb_error", the
            root mean square over the polarisations is used, else `tb_sigma_k`.
        ground: the scenes.
        vod_prior, vod_sigma: mean and standard deviation of VOD before the observation, 1.
        settings: of the stage.
        sm_of_temperature: soil moisture at which the effective temperature of the soil is computed,
            m3 m-3; None: the prior mean.

    Reference: Li et al. 2022 (SMAP-IB), doi:10.1016/j.rse.2022.112921; docs/science.md,
    section 4.2.
    """
    sm = settings.sm_prior if sm_of_temperature is None else sm_of_temperature
    if settings.tb_sigma_k == "tb_error":
        tb_sigma_k = np.sqrt(np.square(tb_error_k).mean(axis=-1, keepdims=True))
    else:
        tb_sigma_k = np.full((len(tb_k), 1), settings.tb_sigma_k)
    incidence_deg = np.full((len(tb_k), 1), TARGET_DEG)
    solution = invert(
        tb_k[:, :1],
        tb_k[:, 1:],
        incidence_deg=incidence_deg,
        t_sky_k=sky_tb(ground, settings.lmeb, incidence_deg),
        tb_sigma_k=tb_sigma_k,
        sm_prior=settings.sm_prior,
        sm_sigma=settings.sm_sigma,
        vod_prior=vod_prior,
        vod_sigma=vod_sigma,
        sm_bounds=settings.sm_bounds,
        vod_bounds=settings.vod_bounds,
        **emission_parameters(ground, settings.lmeb, sm),
    )
    errors = solution.sm_error, solution.vod_error
    return Retrieval(solution.sm, solution.vod, *errors, solution.converged)


# --- a year ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class YearSlice:
    """Some days and cells of one overpass, in memory.

    Attributes:
        seen: `tb`, `tb_error` (time, cell, channel [h, v]), `tb_rmse` (time, cell), K.
        surface: `t_surface`, `t_deep`, `t_air`, K, `snow`, kg m-2 (time, cell).
        static: clay, ω, H_R, altitude, and `open_water` (cell).
    """

    seen: xr.Dataset
    surface: xr.Dataset
    static: xr.Dataset


@dataclass(frozen=True)
class YearStatistics:
    """Statistics of a year for each cell and overpass, shape (cell, overpass).

    Attributes:
        prior: of run 2, from the mean of the year.
        negative: variable → whether its median over the year is negative.
    """

    prior: PriorFields
    negative: Mapping[str, Booleans]


@dataclass(frozen=True)
class YearInputs:
    """Inputs of a year, lazy.

    Attributes:
        tb40: a year of `tb40` (time, cell, overpass, …).
        surfaces: by overpass, on the days of `tb40` (time, cell).
        static: as in `YearSlice`, of all cells.
    """

    tb40: xr.Dataset
    surfaces: Mapping[str, xr.Dataset]
    static: xr.Dataset

    def read(self, overpass: str, days: slice, cells: slice) -> YearSlice:
        """Read some days and cells of one overpass."""
        seen = self.tb40[list(NEEDED)].sel(overpass=overpass).isel(time=days, cell=cells)
        return YearSlice(
            seen.sel(channel=["h", "v"]).transpose("time", "cell", "channel").load(),
            self.surfaces[overpass].isel(time=days, cell=cells).load(),
            self.static.isel(cell=cells),
        )


def year_blocks(
    tb40: xr.Dataset, surfaces: Mapping[str, xr.Dataset], domain: xr.Dataset, settings: Retrieve
) -> Iterator[xr.Dataset]:
    """Retrieve soil moisture and VOD of a year in blocks of 31 days.

    Args:
        tb40: a year of `tb40`, lazy.
        surfaces: by overpass, `t_surface`, `t_deep`, `t_air`, K, `snow`, kg m-2 (time, cell).
        domain: `clay`, land cover, and maps of topography, water, urban area and ice (cell).
        settings: of the stage.

    Yields:
        `soil_moisture`, `vod`, their errors, `tb_rmse`, `scene_flags`, `processing_flags` (time,
        cell, overpass). Frozen ground and open water, also where unknown, have flags but no values.

    Raises:
        GlabError: for files of other cells or days, or without a variable.
    """
    surfaces = match_surfaces(tb40, surfaces)
    water = mask_open_water(domain, settings.mask).values
    # The mask of water joins the static fields, so that it is cut to the same cells.
    static = static_ground(domain).assign(open_water=("cell", water))
    inputs = YearInputs(tb40, surfaces, static)
    statistics = _year_statistics(inputs, settings)
    constant_flags, counts = static_scene_flags(domain, settings), UnknownGround()
    flag_masks = np.array(list(PROCESSING.values()), np.int16)
    attributes = {"flag_masks": flag_masks, "flag_meanings": " ".join(PROCESSING)}
    for days in time_blocks(tb40["time"].values):
        block = _retrieve_days(inputs, days, statistics, settings)
        for number, surface in enumerate(surfaces.values()):
            frozen = mask_frozen_ground(surface.isel(time=days), settings.mask, counts).values
            block["scene_flags"][..., number] = constant_flags | np.where(frozen, FROZEN, 0)
        yield xr.Dataset(
            {name: (DIMS, values) for name, values in block.items()},
            {"time": tb40["time"][days], "cell": domain["cell"], "overpass": list(surfaces)},
        ).assign(processing_flags=(DIMS, block["processing_flags"], attributes))
    counts.log()


def _year_statistics(inputs: YearInputs, settings: Retrieve) -> YearStatistics:
    """Return prior and negative medians of every cell: the first pass."""
    shape = (inputs.tb40.sizes["cell"], len(inputs.surfaces))
    year = PriorFields(np.empty(shape), np.empty(shape), np.empty(shape, bool))
    negative = {name: np.zeros(shape, bool) for name in ZERO_BITS}
    for cells in cell_blocks(shape[0]):
        for number, overpass in enumerate(inputs.surfaces):
            selection = inputs.read(overpass, slice(None), cells)
            first = first_run(selection, settings)
            vod = _trusted_vod(selection, first, settings)
            prior = prior_of_year(vod, settings)
            year.mean[cells, number] = prior.mean
            year.sigma[cells, number] = prior.sigma
            year.is_first[cells, number] = prior.is_first
            if settings.prior == "ten_days":
                prior = prior_of_days(vod, prior, settings)
            second = invert_selection(selection, prior, settings, first)
            for name, is_negative in negative.items():
                is_negative[cells, number] = has_negative_median(second[name])
    return YearStatistics(year, negative)


def _retrieve_days(
    inputs: YearInputs, days: slice, statistics: YearStatistics, settings: Retrieve
) -> Fields:
    """Return the layers of some days, (time, cell, overpass), without `scene_flags`."""
    shape = (days.stop - days.start, inputs.tb40.sizes["cell"], len(inputs.surfaces))
    layers: Fields = {name: np.empty(shape, np.float32) for name in (*VALUES, "tb_rmse")}
    layers |= {name: np.zeros(shape, np.int16) for name in ("scene_flags", "processing_flags")}
    # The prior of the first days needs the days before the block.
    lead = settings.prior_days if settings.prior == "ten_days" else 0
    start = max(0, days.start - lead)
    year = statistics.prior
    for cells in cell_blocks(shape[1]):
        for number, overpass in enumerate(inputs.surfaces):
            selection = inputs.read(overpass, slice(start, days.stop), cells)
            here = (cells, number)
            prior = PriorFields(year.mean[here], year.sigma[here], year.is_first[here])
            first = first_run(selection, settings)
            if settings.prior == "ten_days":
                prior = prior_of_days(_trusted_vod(selection, first, settings), prior, settings)
            second = invert_selection(selection, prior, settings, first)
            negative = {name: values[here] for name, values in statistics.negative.items()}
            finished = _zero_clip_and_flag(second, prior, negative)
            finished["tb_rmse"] = selection.seen["tb_rmse"].values
            for name, values in finished.items():
                layers[name][:, cells, number] = values[days.start - start :]
    return layers


def first_run(selection: YearSlice, settings: Retrieve) -> Fields:
    """Invert all scenes of a selection with the prior of run 1, the same everywhere."""
    # Scalars, which `invert_selection` broadcasts to all days and cells.
    prior = PriorFields(np.array(settings.vod_prior), np.array(settings.vod_sigma), np.array(True))
    return invert_selection(selection, prior, settings)


def invert_selection(
    selection: YearSlice, prior: PriorFields, settings: Retrieve, first: Fields | None = None
) -> Fields:
    """Invert all scenes of a selection once.

    Args:
        selection: days and cells.
        prior: of VOD, broadcast to (time, cell).
        settings: of the stage.
        first: results of run 1, for run 2.

    Returns:
        `VALUES`, float32 with NaN, and `converged`, (time, cell).
    """
    tb, error = (selection.seen[name].values for name in ("tb", "tb_error"))
    shape = tb.shape[:2]
    frozen = mask_frozen_ground(selection.surface, settings.mask).values
    usable = np.isfinite(tb).all(axis=-1) & ~(frozen | selection.static["open_water"].values)
    scenes = np.argwhere(usable)
    mean, sigma = (np.broadcast_to(values, shape) for values in (prior.mean, prior.sigma))
    fields: Fields = {name: np.full(shape, np.nan, np.float32) for name in VALUES}
    fields["converged"] = np.ones(shape, bool)  # no scene, no flag
    wetness = first["soil_moisture"] if first and settings.temperature_at == "first_run" else None
    for block in blocks(len(scenes), SCENES_AT_ONCE):
        day, cell = scenes[block].T
        retrieval = retrieve(
            tb[day, cell].astype(np.float64),
            error[day, cell].astype(np.float64),
            ground_of(selection.static, selection.surface, day, cell),
            mean[day, cell],
            sigma[day, cell],
            settings,
            None if wetness is None else wetness[day, cell].astype(np.float64),
        )
        for name, values in fields.items():
            values[day, cell] = getattr(retrieval, name)
    return fields


def _trusted_vod(selection: YearSlice, first: Fields, settings: Retrieve) -> Floats:
    """Return VOD of run 1 for priors, (time, cell), without scenes whose fit over angles is poor.

    A source of one angle has no TB-RMSE, so all its values count.
    """
    poor = selection.seen["tb_rmse"].values > settings.prior_tb_rmse_max_k
    return np.where(poor, np.nan, first["vod"])


def has_negative_median(values: Floats) -> Booleans:
    """Return whether the median over `time` is negative; False where there is no value.

    Args:
        values: shape (time, …), NaN where missing.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.nanmedian(values, axis=0) < 0


def _zero_clip_and_flag(second: Fields, prior: PriorFields, negative: Fields) -> Fields:
    """Return values set to zero and clipped, with their processing flags, (time, cell)."""
    fields = {name: second[name] for name in VALUES}
    retrieved = np.isfinite(second["vod"])
    flags = np.where(retrieved & prior.is_first, FIRST_PRIOR, 0)
    flags |= np.where(retrieved & ~second["converged"], NOT_CONVERGED, 0)
    for name, bit in ZERO_BITS.items():
        fields[name] = zero_and_clip(second[name], negative[name], UPPER_LIMITS[name])
        flags |= np.where(retrieved & negative[name], bit, 0)
    return fields | {"processing_flags": flags.astype(np.int16)}


def zero_and_clip(values: Floats, to_zero: Booleans, upper: float) -> Floats:
    """Set the values of some cells to 0 and limit all to 0…`upper`; NaN stays."""
    return np.clip(np.where(to_zero & np.isfinite(values), 0.0, values), 0.0, upper)
