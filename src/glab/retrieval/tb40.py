"""Fit L-MEB to the angle bins of an overpass and evaluate it at 40°, in blocks of days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float64s, Floats, Int16s, blocks
from glab.calendar import time_blocks
from glab.config import Tb40
from glab.errors import GlabError
from glab.lmeb import EmissionParameters, brightness_temperature, invert
from glab.retrieval.angles import bin_weights, select_bins
from glab.retrieval.scene import (
    TARGET_DEG,
    Ground,
    cell_blocks,
    emission_parameters,
    ground_of,
    match_surfaces,
    remove_atmosphere,
    sky_tb,
    static_ground,
)

Forward = Callable[[Float64s, Float64s], Float64s]
"""The model at the angles of some scenes: soil moisture and VOD (scene,) → TB, K."""

STEP = 1e-4
"""Difference of soil moisture, m3 m-3, and of VOD, 1, for slopes of the model: small against its
curvature, large against rounding."""

WEIGHT_SUM_MIN = 1e-30
"""Avoids 0/0 for scenes without a usable bin; their result is NaN."""


@dataclass(frozen=True)
class Views:
    """Angle bins of scenes as they were observed.

    Attributes:
        tb_k: brightness temperature, K, shape (scene, angle, channel [h, v]); NaN where missing.
        accuracy_k: radiometric accuracy, K, the same shape.
        incidence_deg: mean incidence of each bin, degrees, shape (scene, angle).
        centre_deg: centres of the bins, degrees, shape (angle,).
    """

    tb_k: Float64s
    accuracy_k: Float64s
    incidence_deg: Float64s
    centre_deg: Floats


@dataclass(frozen=True)
class Bins:
    """Angle bins of scenes as the fit uses them.

    Attributes:
        tb_k: TB at the ground, K, shape (scene, angle, channel); NaN where a bin is not used.
        incidence_deg: degrees, shape (scene, angle), always finite.
        sky_k: downwelling sky temperature at the bins and, last, at 40°, shape (scene, angle + 1).
        weight: inverse variance in the fit, K-2, 0 where a bin is not used, shape (scene, angle).
        noise_k: standard error of each bin, K, shape (scene, angle, channel).
    """

    tb_k: Float64s
    incidence_deg: Float64s
    sky_k: Float64s
    weight: Float64s
    noise_k: Float64s


@dataclass(frozen=True)
class Estimate:
    """40° TB of scenes; NaN where too few bins are usable.

    Attributes:
        tb_k, error_k: brightness temperature and its standard error, K, shape (scene, channel).
        rmse_k: TB-RMSE, root mean square of observed minus modelled TB over the bins, K, (scene,).
        angles: number of bins used, shape (scene,).
    """

    tb_k: Float64s
    error_k: Float64s
    rmse_k: Float64s
    angles: Int16s


def estimate_tb40(views: Views, ground: Ground, settings: Tb40) -> Estimate:
    """Estimate the 40° TB of scenes, its error and TB-RMSE.

    Soil moisture and VOD are fitted to all usable bins of both polarisations. The form `model` is
    L-MEB with the fitted values at 40°. The form `observation` is the mean over the bins, weighted
    by inverse variance, of TB(θ) + model(40°) − model(θ), so that the model only corrects for the
    difference in angle.

    Args:
        views: the bins; a bin is used if both polarisations have a value.
        ground: the scenes; NaN in any of their properties gives NaN.
        settings: of the stage.

    Reference: L-MEB: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014; docs/science.md,
    section 4.3.
    """
    bins = prepare_bins(views, ground, settings)
    emission = emission_parameters(ground, settings.lmeb, settings.sm_prior)
    used = bins.weight > 0
    fit = invert(
        bins.tb_k[..., 0],
        bins.tb_k[..., 1],
        incidence_deg=bins.incidence_deg,
        t_sky_k=bins.sky_k[:, :-1],
        tb_sigma_k=np.where(used, bins.weight, 1.0) ** -0.5,
        sm_prior=settings.sm_prior,
        sm_sigma=settings.sm_sigma,
        vod_prior=settings.vod_prior,
        vod_sigma=settings.vod_sigma,
        sm_bounds=settings.sm_bounds,
        vod_bounds=settings.vod_bounds,
        **emission,
    )
    forward = forward_model(bins, emission)
    tb, error = evaluate_at_40(forward, fit.sm, fit.vod, bins, settings)
    angles = np.where(np.isfinite(fit.sm), used.sum(axis=-1), 0).astype(np.int16)
    return Estimate(tb, error, fit.tb_rmse_k, angles)


def prepare_bins(views: Views, ground: Ground, settings: Tb40) -> Bins:
    """Convert bins to TB at the ground and weight them."""
    # A bin without one polarisation is not used, so that H and V rest on the same angles.
    valid = np.isfinite(views.tb_k).all(axis=-1) & np.isfinite(views.incidence_deg)
    fraction = bin_weights(valid, views.centre_deg, settings)
    incidence = np.where(valid, views.incidence_deg, views.centre_deg)
    tb = views.tb_k
    if settings.atmosphere:
        tb = remove_atmosphere(tb, ground, settings.lmeb, incidence)
    # Bins differ by more than their radiometric accuracy, so a lower bound limits their weight.
    least = settings.tb_sigma_min_k
    accuracy = np.where(np.isfinite(views.accuracy_k), views.accuracy_k, least)
    sigma = np.maximum(np.sqrt(np.square(accuracy).mean(axis=-1)), least)
    return Bins(
        tb_k=np.where(fraction[..., np.newaxis] > 0, tb, np.nan),
        incidence_deg=incidence,
        sky_k=sky_tb(ground, settings.lmeb, _append_target(incidence)),
        weight=fraction / sigma**2,
        noise_k=accuracy / np.sqrt(np.where(fraction > 0, fraction, 1.0))[..., np.newaxis],
    )


def _append_target(incidence_deg: Float64s) -> Float64s:
    """Return the angles of the bins and, last, 40°, shape (scene, angle + 1)."""
    return np.pad(incidence_deg, ((0, 0), (0, 1)), constant_values=TARGET_DEG)


def forward_model(bins: Bins, emission: EmissionParameters) -> Forward:
    """Return L-MEB at the bins and, last, at 40°, shape (scene, angle + 1, channel), in K."""
    angles = _append_target(bins.incidence_deg)
    by_scene = {
        name: value[:, np.newaxis] if isinstance(value, np.ndarray) else value
        for name, value in emission.items()
    }

    def forward(sm: Float64s, vod: Float64s) -> Float64s:
        modelled = brightness_temperature(
            sm[:, np.newaxis],
            vod[:, np.newaxis],
            incidence_deg=angles,
            t_sky_k=bins.sky_k,
            **cast(EmissionParameters, by_scene),
        )
        return np.stack(modelled, axis=-1)

    return forward


def evaluate_at_40(
    forward: Forward, sm: Float64s, vod: Float64s, bins: Bins, settings: Tb40
) -> tuple[Float64s, Float64s]:
    """Return the 40° TB and its standard error, K, each of shape (scene, channel).

    Both forms are model(40°) + Σ w (TB − model) over the bins; w is 0 in the form `model`.
    """
    modelled = forward(sm, vod)
    # Differences of the public forward model: exact slopes exist only in compiled, scalar form.
    by_sm = (forward(sm + STEP, vod) - modelled) / STEP
    by_vod = (forward(sm, vod + STEP) - modelled) / STEP
    weight = np.zeros_like(bins.weight)
    if settings.form == "observation":
        weight = bins.weight / np.maximum(bins.weight.sum(axis=1, keepdims=True), WEIGHT_SUM_MIN)
    difference = np.where(bins.weight[..., np.newaxis] > 0, bins.tb_k - modelled[:, :-1], 0.0)
    tb = modelled[:, -1] + sum_over_angles(weight, difference)
    return tb, propagate_error(weight, by_sm, by_vod, bins, settings)


def propagate_error(
    observation_weight: Float64s, by_sm: Float64s, by_vod: Float64s, bins: Bins, settings: Tb40
) -> Float64s:
    """Return the standard error of the 40° TB, K, shape (scene, channel).

    To first order, a change δTB of the bins changes the fit by H⁻¹ Jᵀ W δTB. The 40° TB is then a
    linear function of the bins. Its coefficients propagate the noise of the bins, and an error
    that is common to all bins of a polarisation.

    Args:
        observation_weight: weight of TB − model of each bin in the 40° TB, shape (scene, angle).
        by_sm, by_vod: slopes at the bins and, last, at 40°, shape (scene, angle + 1, channel).
        bins: their weights and noise.
        settings: standard deviations of the priors, and the common error.
    """
    sm, vod, weight = by_sm[:, :-1], by_vod[:, :-1], bins.weight
    # Half the Hessian of the cost, of two variables: [[ss, sv], [sv, vv]].
    ss = sum_over_angles(weight, sm * sm).sum(axis=1) + settings.sm_sigma**-2.0
    sv = sum_over_angles(weight, sm * vod).sum(axis=1)
    vv = sum_over_angles(weight, vod * vod).sum(axis=1) + settings.vod_sigma**-2.0
    over = (1.0 / (ss * vv - sv * sv))[:, np.newaxis]
    ss, sv, vv = ss[:, np.newaxis], sv[:, np.newaxis], vv[:, np.newaxis]
    # Slopes of the 40° TB by soil moisture and VOD, and by the right-hand side of the fit.
    to_sm = by_sm[:, -1] - sum_over_angles(observation_weight, sm)
    to_vod = by_vod[:, -1] - sum_over_angles(observation_weight, vod)
    pull_sm = over * (vv * to_sm - sv * to_vod)
    pull_vod = over * (ss * to_vod - sv * to_sm)
    variance = np.zeros_like(to_sm)
    for channel in range(variance.shape[1]):
        gain = sm * pull_sm[:, channel, None, None] + vod * pull_vod[:, channel, None, None]
        gain *= weight[..., np.newaxis]
        gain[..., channel] += observation_weight
        noise = np.square(gain * bins.noise_k).sum(axis=(1, 2))
        common = np.square(gain.sum(axis=1) * settings.common_error_k).sum(axis=1)
        variance[:, channel] = noise + common
    return np.sqrt(variance)


def sum_over_angles(weight: Float64s, values: Float64s) -> Float64s:
    """Return Σ over angles of weight (scene, angle) × values (scene, angle, channel)."""
    return (weight[..., np.newaxis] * values).sum(axis=1)


# --- a year ------------------------------------------------------------------------------------

NEEDED = ("tb", "tb_accuracy", "incidence")
CHANNELS = ("h", "v")
DIMS = ("time", "cell", "overpass")

SCENES_AT_ONCE = 32768
"""Scenes that are fitted at once; an array of all their bins and channels has 4 MB."""

Layers = dict[str, NDArray]


def year_blocks(
    smos: xr.Dataset, surfaces: Mapping[str, xr.Dataset], domain: xr.Dataset, settings: Tb40
) -> Iterator[xr.Dataset]:
    """Compute the 40° TB of a source-year in blocks of 31 days.

    Args:
        smos: `tb`, `tb_accuracy`, K, (time, cell, overpass, angle, channel) and `incidence`,
            degrees, without channel; quality-controlled, lazy.
        surfaces: by overpass, `t_surface`, `t_deep`, `t_air` (time, cell), K.
        domain: `clay`, land cover and, where known, `altitude` (cell).
        settings: of the stage.

    Yields:
        `tb`, `tb_error` (time, cell, overpass, channel), `tb_rmse`, K, and `angle_count` (time,
        cell, overpass), of the overpasses that have a surface.

    Raises:
        GlabError: for files of other cells or days, or without a variable.
    """
    for name in NEEDED:
        if name not in smos:
            raise GlabError(
                "the multi-angular source lacks a variable",
                path=smos.encoding.get("source"),
                variable=name,
                found=", ".join(map(str, smos.data_vars)),
            )
    surfaces = match_surfaces(smos, surfaces)
    static = static_ground(domain)
    bins = select_bins(smos["angle"].values, settings)
    # Files are read as slices: a contiguous range of angles costs one read.
    angles = slice(bins[0], bins[-1] + 1)
    chosen = smos[list(NEEDED)].isel(angle=angles).sel(overpass=list(surfaces))
    for days in time_blocks(smos["time"].values):
        ground = {name: surface.isel(time=days).load() for name, surface in surfaces.items()}
        yield _estimate_block(chosen.isel(time=days), ground, static, settings).assign_coords(
            cell=domain["cell"]
        )


def _empty_layers(shape: tuple[int, ...]) -> Layers:
    """Return the layers of a block without values; `shape` has no channel."""
    by_channel = (*shape, len(CHANNELS))
    return {
        "tb": np.full(by_channel, np.nan, np.float32),
        "tb_error": np.full(by_channel, np.nan, np.float32),
        "tb_rmse": np.full(shape, np.nan, np.float32),
        "angle_count": np.zeros(shape, np.int16),
    }


def _estimate_block(
    smos: xr.Dataset, surfaces: Mapping[str, xr.Dataset], static: xr.Dataset, settings: Tb40
) -> xr.Dataset:
    """Estimate the 40° TB of some days of all cells."""
    layers = _empty_layers(tuple(smos.sizes[dim] for dim in DIMS))
    for cells in cell_blocks(smos.sizes["cell"]):
        block = smos.isel(cell=cells).load()
        for number, (name, surface) in enumerate(surfaces.items()):
            here = (surface.isel(cell=cells), static.isel(cell=cells))
            estimated = _estimate_overpass(block.sel(overpass=name), *here, settings)
            for layer, values in estimated.items():
                layers[layer][:, cells, number] = values
    return xr.Dataset(
        {
            name: (DIMS if values.ndim == len(DIMS) else (*DIMS, "channel"), values)
            for name, values in layers.items()
        },
        {"time": smos["time"], "overpass": smos["overpass"], "channel": list(CHANNELS)},
    )


def _estimate_overpass(
    smos: xr.Dataset, surface: xr.Dataset, static: xr.Dataset, settings: Tb40
) -> Layers:
    """Return layers (time, cell) of one overpass, from the scenes with at least two bins."""
    bins = select_bins(smos["angle"].values, settings)
    smos = smos.isel(angle=bins).sel(channel=list(CHANNELS)).transpose("time", "cell", "angle", ...)
    tb, accuracy, incidence = (smos[name].values for name in NEEDED)
    layers = _empty_layers(tb.shape[:2])
    scenes = np.argwhere(np.isfinite(tb).all(axis=-1).sum(axis=-1) > 1)
    for block in blocks(len(scenes), SCENES_AT_ONCE):
        day, cell = scenes[block].T
        views = Views(
            tb[day, cell].astype(np.float64),
            accuracy[day, cell].astype(np.float64),
            incidence[day, cell].astype(np.float64),
            smos["angle"].values,
        )
        estimate = estimate_tb40(views, ground_of(static, surface, day, cell), settings)
        layers["tb"][day, cell] = estimate.tb_k
        layers["tb_error"][day, cell] = estimate.error_k
        layers["tb_rmse"][day, cell] = estimate.rmse_k
        layers["angle_count"][day, cell] = estimate.angles
    return layers
