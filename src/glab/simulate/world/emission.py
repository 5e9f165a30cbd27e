"""L-band brightness temperature of a cell: mixed patches and open water, by the L-MEB physics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.lmeb import brightness_temperature, effective_temperature, fresnel_reflectivity
from glab.simulate.world.surface import Patches

WATER_PERMITTIVITY = 79.0 + 8.0j
FREEZING_K = 273.15
FROZEN_SOIL_MOISTURE = 0.03


@dataclass(frozen=True)
class TrueScene:
    """The state at an overpass, each of shape (…, cell).

    Attributes:
        vod: VOD of the cell.
        soil_moisture: m3 m-3.
        t_surface_k, t_deep_k: soil temperatures.
        water: open-water fraction.
        overpass: "A" (06:00) or "D" (18:00).
    """

    vod: np.ndarray
    soil_moisture: np.ndarray
    t_surface_k: np.ndarray
    t_deep_k: np.ndarray
    water: np.ndarray
    overpass: str = "A"


def thawed(t_surface_k: np.ndarray) -> np.ndarray:
    """Share of soil water that is liquid, 0…1."""
    return 1.0 / (1.0 + np.exp(-(t_surface_k - FREEZING_K + 0.8) / 0.5))


def lband_tb(scene: TrueScene, patches: Patches, incidence_deg: float) -> np.ndarray:
    """TB of whole cells at one angle, K, shape (2 [h, v], …, cell), float32."""
    land = sum(_patch_tb(scene, patches, patch, incidence_deg) for patch in range(2))
    reflectivity = np.stack(fresnel_reflectivity(WATER_PERMITTIVITY, incidence_deg))
    emissivity = (1.0 - reflectivity).reshape(2, *[1] * scene.vod.ndim)
    lake = emissivity * (scene.t_surface_k + 2.0)
    return (land * (1.0 - scene.water) + lake * scene.water).astype(np.float32)


def _patch_tb(scene: TrueScene, patches: Patches, patch: int, incidence_deg: float) -> np.ndarray:
    physics = patches.physics
    liquid = thawed(scene.t_surface_k)
    moisture = np.clip(scene.soil_moisture + patches.sm_offset[patch], 0.005, 0.6)
    moisture = FROZEN_SOIL_MOISTURE + liquid * (moisture - FROZEN_SOIL_MOISTURE)
    ground = effective_temperature(
        scene.t_surface_k, scene.t_deep_k, moisture, w0=physics.w0, b0=physics.b0
    )
    shared = {
        "incidence_deg": incidence_deg,
        "clay": patches.clay[patch],
        "t_ground_k": ground,
        "t_canopy_k": scene.t_surface_k + physics.canopy_warmer_k[scene.overpass],
        "h_r": patches.h_r[patch],
        "n_rh": patches.n_h[patch],
        "n_rv": patches.n_v[patch],
        "tt_h": patches.tt_h[patch],
        "tt_v": patches.tt_v[patch],
        "dielectric": physics.dielectric,
    }
    vod = scene.vod * patches.vod_factor[patch]
    tb_h, _ = brightness_temperature(moisture, vod, omega=patches.omega_h[patch], **shared)
    _, tb_v = brightness_temperature(moisture, vod, omega=patches.omega_v[patch], **shared)
    return np.stack([tb_h, tb_v]) * patches.share[patch]
