"""Fit L-MEB to the angle bins of an overpass and evaluate it at 40°, in blocks of days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float64s
from glab.calendar import time_blocks
from glab.config import Tb40
from glab.errors import GlabError
from glab.lmeb import brightness_temperature, invert
from glab.retrieval.angles import TARGET_DEG, bin_weights, select_bins
from glab.retrieval.scene import (
    Ground,
    cell_blocks,
    check_overpasses,
    emission_arguments,
    ground_of,
    remove_atmosphere,
    sky_tb,
    static_ground,
)

Forward = Callable[[Float64s, Float64s], Float64s]

STEP = 1e-4
"""m3 m-3 and 1, over which slopes of the model are taken."""


@dataclass(frozen=True)
class Views:
    """Angle bins of scenes.

    Attributes:
        tb_k: brightness temperature, shape (scene, angle, channel [h, v]); NaN where missing.
        accuracy_k: radiometric accuracy, the same shape.
        incidence_deg: mean incidence of each bin, shape (scene, angle).
        centre_deg: centres of the bins, shape (angle,).
    """

    tb_k: Float64s
    accuracy_k: Float64s
    incidence_deg: Float64s
    centre_deg: NDArray[np.floating]


@dataclass(frozen=True)
class Bins:
    """The bins of scenes as the fit uses them.

    Attributes:
        tb_k: at the ground, shape (scene, angle, channel); NaN where a bin is not used.
        incidence_deg: shape (scene, angle), always finite.
        sky_k: downwelling sky temperature at the bins and, last, at 40°, shape (scene, angle + 1).
        weight: inverse variance in the fit, 0 where a bin is not used, shape (scene, angle).
        noise_k: standard error of each bin, shape (scene, angle, channel).
    """

    tb_k: Float64s
    incidence_deg: Float64s
    sky_k: Float64s
    weight: Float64s
    noise_k: Float64s


@dataclass(frozen=True)
class Estimate:
    """40° TB of scenes; NaN where the bins do not suffice.

    Attributes:
        tb_k, error_k: brightness temperature and its standard error, shape (scene, channel).
        rmse_k: root mean square of observed minus modelled TB over the bins, shape (scene,).
        angles: number of bins used, shape (scene,).
    """

    tb_k: Float64s
    error_k: Float64s
    rmse_k: Float64s
    angles: NDArray[np.int16]


def estimate_tb40(views: Views, ground: Ground, settings: Tb40) -> Estimate:
    """40° TB of scenes.

    Soil moisture and VOD are fitted to all usable bins of both polarisations. `model` is L-MEB
    with them at 40°; `observation` is the mean over the bins, weighted by inverse variance, of
    TB(θ) + model(40°) − model(θ), so that the model only bridges the angles.

    Args:
        views: the bins; one counts when both polarisations have a value.
        ground: the scenes; NaN in any of their properties gives NaN.
        settings: of the stage.

    Reference: L-MEB: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014.
    """
    bins = bins_of(views, ground, settings)
    emission = emission_arguments(ground, settings.lmeb, settings.sm_prior)
    used = bins.weight > 0
    fit = invert(
        bins.tb_k[..., 0],
        bins.tb_k[..., 1],
        incidence_deg=bins.incidence_deg,
        tb_sigma_k=np.where(used, bins.weight, 1.0) ** -0.5,
        t_sky_k=bins.sky_k[:, :-1],
        sm_prior=settings.sm_prior,
        sm_sigma=settings.sm_sigma,
        vod_prior=settings.vod_prior,
        vod_sigma=settings.vod_sigma,
        sm_bounds=settings.sm_bounds,
        vod_bounds=settings.vod_bounds,
        **emission,
    )
    found = np.isfinite(fit.sm)
    forward = forward_model(bins, emission)
    tb, error = tb_at_40(forward, fit.sm, fit.vod, bins, settings)
    angles = np.where(found, used.sum(axis=-1), 0).astype(np.int16)
    return Estimate(tb, error, fit.tb_rmse_k, angles)


def bins_of(views: Views, ground: Ground, settings: Tb40) -> Bins:
    """Bins brought to the ground, and what each of them weighs."""
    valid = np.isfinite(views.tb_k).all(axis=-1) & np.isfinite(views.incidence_deg)
    share = bin_weights(valid, views.centre_deg, settings)
    incidence = np.where(valid, views.incidence_deg, views.centre_deg)
    tb = views.tb_k
    if settings.atmosphere:
        tb = remove_atmosphere(tb, ground, settings.lmeb, incidence)
    least = settings.tb_sigma_min_k
    accuracy = np.where(np.isfinite(views.accuracy_k), views.accuracy_k, least)
    sigma = np.maximum(np.sqrt(np.square(accuracy).mean(axis=-1)), least)
    angles = np.pad(incidence, ((0, 0), (0, 1)), constant_values=TARGET_DEG)
    return Bins(
        tb_k=np.where(share[..., np.newaxis] > 0, tb, np.nan),
        incidence_deg=incidence,
        sky_k=sky_tb(ground, settings.lmeb, angles),
        weight=share / sigma**2,
        noise_k=accuracy / np.sqrt(np.where(share > 0, share, 1.0))[..., np.newaxis],
    )


def forward_model(bins: Bins, emission: Mapping[str, Any]) -> Forward:
    """The model at the bins and, last, at 40°: (sm, vod) → K, shape (scene, angle + 1, channel)."""
    angles = np.pad(bins.incidence_deg, ((0, 0), (0, 1)), constant_values=TARGET_DEG)
    by_scene: dict[str, Any] = {
        name: value[:, np.newaxis] if isinstance(value, np.ndarray) else value
        for name, value in emission.items()
    }

    def forward(sm: Float64s, vod: Float64s) -> Float64s:
        modelled = brightness_temperature(
            sm[:, np.newaxis],
            vod[:, np.newaxis],
            incidence_deg=angles,
            t_sky_k=bins.sky_k,
            **by_scene,
        )
        return np.stack(modelled, axis=-1)

    return forward


def tb_at_40(
    forward: Forward, sm: Float64s, vod: Float64s, bins: Bins, settings: Tb40
) -> tuple[Float64s, Float64s]:
    """40° TB and its standard error, K, each of shape (scene, channel).

    Both forms are model(40°) + Σ share·(TB − model), with shares of 0 for `model`.
    """
    modelled = forward(sm, vod)
    by_sm = (forward(sm + STEP, vod) - modelled) / STEP
    by_vod = (forward(sm, vod + STEP) - modelled) / STEP
    share = np.zeros_like(bins.weight)
    if settings.form == "observation":
        share = bins.weight / np.maximum(bins.weight.sum(axis=1, keepdims=True), 1e-30)
    rest = np.where(bins.weight[..., np.newaxis] > 0, bins.tb_k - modelled[:, :-1], 0.0)
    tb = modelled[:, -1] + _weighted(share, rest)
    return tb, propagate_error(share, by_sm, by_vod, bins, settings)


def propagate_error(
    share: Float64s, by_sm: Float64s, by_vod: Float64s, bins: Bins, settings: Tb40
) -> Float64s:
    """Standard error of the 40° TB, K, shape (scene, channel).

    To first order the fit moves by H⁻¹ Jᵀ W δTB, so that the 40° TB is a linear function of the
    bins. Its coefficients pass on the noise of the bins, and the error that all bins of a
    polarisation share.

    Args:
        share: weight of each bin's misfit, shape (scene, angle).
        by_sm, by_vod: slopes at the bins and, last, at 40°, shape (scene, angle + 1, channel).
        bins: their weights and noise.
        settings: spread of the priors, and the shared error.
    """
    sm, vod, weight = by_sm[:, :-1], by_vod[:, :-1], bins.weight
    ss = _weighted(weight, sm * sm).sum(axis=1) + settings.sm_sigma**-2.0
    sv = _weighted(weight, sm * vod).sum(axis=1)
    vv = _weighted(weight, vod * vod).sum(axis=1) + settings.vod_sigma**-2.0
    over = (1.0 / (ss * vv - sv * sv))[:, np.newaxis]
    ss, sv, vv = ss[:, np.newaxis], sv[:, np.newaxis], vv[:, np.newaxis]
    to_sm = by_sm[:, -1] - _weighted(share, sm)
    to_vod = by_vod[:, -1] - _weighted(share, vod)
    pull_sm = over * (vv * to_sm - sv * to_vod)
    pull_vod = over * (ss * to_vod - sv * to_sm)
    variance = np.zeros_like(to_sm)
    for out in range(variance.shape[1]):
        gain = sm * pull_sm[:, out, None, None] + vod * pull_vod[:, out, None, None]
        gain *= weight[..., np.newaxis]
        gain[..., out] += share
        noise = np.square(gain * bins.noise_k).sum(axis=(1, 2))
        common = np.square(gain.sum(axis=1) * settings.common_error_k).sum(axis=1)
        variance[:, out] = noise + common
    return np.sqrt(variance)


def _weighted(weight: Float64s, values: Float64s) -> Float64s:
    """Σ over angles of weight (scene, angle) × values (scene, angle, channel)."""
    return (weight[..., np.newaxis] * values).sum(axis=1)


NEEDED = ("tb", "tb_accuracy", "incidence")
CHANNELS = ("h", "v")
SCENES_AT_ONCE = 32768
DIMS = ("time", "cell", "overpass")
Layers = dict[str, NDArray]


def year_blocks(
    smos: xr.Dataset, surfaces: Mapping[str, xr.Dataset], domain: xr.Dataset, settings: Tb40
) -> Iterator[xr.Dataset]:
    """40° TB of a source-year, block by block of 31 days.

    Args:
        smos: `tb`, `tb_accuracy` (time, cell, overpass, angle, channel) and `incidence` without
            channel, quality-controlled, lazy.
        surfaces: by overpass, `t_surface`, `t_deep`, `t_air` (time, cell).
        domain: `clay`, land cover and, where known, `altitude` (cell).
        settings: of the stage.

    Yields:
        `tb`, `tb_error` (time, cell, overpass, channel), `tb_rmse`, `angle_count` (time, cell,
        overpass), of the overpasses that have a surface.

    Raises:
        GlabError: when files do not fit each other or lack a variable.
    """
    for name in NEEDED:
        if name not in smos:
            raise GlabError(
                "the multi-angular source lacks a variable",
                path=smos.encoding.get("source"),
                variable=name,
                found=", ".join(map(str, smos.data_vars)),
            )
    overpasses = check_overpasses(smos, surfaces)
    static = static_ground(domain)
    bins = select_bins(smos["angle"].values, settings)
    chosen = smos[list(NEEDED)].isel(angle=slice(bins[0], bins[-1] + 1)).sel(overpass=overpasses)
    for days in time_blocks(smos["time"].values):
        ground = {name: surfaces[name].isel(time=days).load() for name in overpasses}
        yield _block(chosen.isel(time=days), ground, static, settings).assign_coords(
            cell=domain["cell"]
        )


def _block(
    smos: xr.Dataset, surfaces: Mapping[str, xr.Dataset], static: xr.Dataset, settings: Tb40
) -> xr.Dataset:
    """Some days of all cells."""
    shape = tuple(smos.sizes[dim] for dim in DIMS)
    whole: Layers = {
        "tb": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_error": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_rmse": np.full(shape, np.nan, np.float32),
        "angle_count": np.zeros(shape, np.int16),
    }
    for cells in cell_blocks(smos.sizes["cell"]):
        part = smos.isel(cell=cells).load()
        for place, name in enumerate(part["overpass"].values.astype(str)):
            surface = surfaces[name].isel(cell=cells)
            seen = part.isel(overpass=place)
            for layer, values in _overpass(seen, surface, static.isel(cell=cells), settings):
                whole[layer][:, cells, place] = values
    dims = {
        name: DIMS if values.ndim == 3 else (*DIMS, "channel") for name, values in whole.items()
    }
    return xr.Dataset(
        {name: (dims[name], values) for name, values in whole.items()},
        {"time": smos["time"], "overpass": smos["overpass"], "channel": list(CHANNELS)},
    )


def _overpass(
    seen: xr.Dataset, surface: xr.Dataset, static: xr.Dataset, settings: Tb40
) -> Iterator[tuple[str, NDArray]]:
    """Layers of one overpass on (time, cell): scenes with a TB are worked on, piece by piece."""
    bins = select_bins(seen["angle"].values, settings)
    seen = seen.isel(angle=bins).sel(channel=list(CHANNELS)).transpose("time", "cell", "angle", ...)
    tb, accuracy, incidence = (seen[name].values for name in NEEDED)
    scenes = np.argwhere(np.isfinite(tb).all(axis=-1).sum(axis=-1) > 1)
    shape = tb.shape[:2]
    layers: Layers = {
        "tb": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_error": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_rmse": np.full(shape, np.nan, np.float32),
        "angle_count": np.zeros(shape, np.int16),
    }
    for first in range(0, len(scenes), SCENES_AT_ONCE):
        day, cell = scenes[first : first + SCENES_AT_ONCE].T
        views = Views(
            tb[day, cell].astype(np.float64),
            accuracy[day, cell].astype(np.float64),
            incidence[day, cell].astype(np.float64),
            seen["angle"].values,
        )
        found = estimate_tb40(views, ground_of(static, surface, day, cell), settings)
        layers["tb"][day, cell] = found.tb_k
        layers["tb_error"][day, cell] = found.error_k
        layers["tb_rmse"][day, cell] = found.rmse_k
        layers["angle_count"][day, cell] = found.angles
    yield from layers.items()
