"""The inside of a cell and its L-band TB: two patches of land and open water.

The parameters deliberately differ from those that the inversion assumes: cells are mixed, albedo
and roughness are not those of the class tables, the angular exponents are others, and the canopy
differs with polarisation. The emission itself is that of `glab.lmeb`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.arrays import Floats
from glab.lmeb import brightness_temperature, effective_temperature, fresnel_reflectivity
from glab.lmeb.landcover import OMEGA, ROUGHNESS, weighted_mean
from glab.simulate.world.fields import RandomFields
from glab.simulate.world.maps import FREEZING_K, TrueMaps

TRUE_OMEGA = (
    *(0.065, 0.067, 0.065, 0.064, 0.064, 0.092, 0.085, 0.067),
    *(0.090, 0.090, 0.100, 0.110, 0.100, 0.110, 0.100, 0.110),
)
"""True albedo of each IGBP class, within 0.01 of the table of the inversion."""

TRUE_ROUGHNESS = (
    *(0.33, 0.28, 0.30, 0.32, 0.30, 0.24, 0.18, 0.27),
    *(0.21, 0.14, 0.20, 0.19, 0.25, 0.20, 0.12, 0.05),
)
"""True H_R of each IGBP class, within 0.04 of the table of the inversion."""

TRUE_VERTICAL = (
    *(0.00, 0.00, 0.00, 0.00, 0.00, 0.05, 0.08, 0.05),
    *(0.10, 0.18, 0.15, 0.22, 0.10, 0.15, 0.00, 0.10),
)
"""Excess of tt_V over 1 for each IGBP class: stems of grass and crops are vertical, so their
optical depth is larger in V polarisation at grazing angles. A reasoned guess."""

WATER_PERMITTIVITY = 79.0 + 8.0j
"""Of fresh water at L-band, rounded."""

WATER_WARMER_K = 2.0
"""Water minus surface temperature of the land around it at the overpass; a reasoned guess."""

FROZEN_SOIL_MOISTURE = 0.03
"""Liquid water that remains in frozen soil, m³ m⁻³; a reasoned guess."""


@dataclass(frozen=True)
class Physics:
    """Choices of the emission model that are the same in all cells of a world.

    Attributes:
        dielectric: model of the permittivity of the soil.
        w0, b0: of the effective ground temperature (docs/science.md, section 3.5).
        canopy_warmer_k: canopy minus surface temperature by overpass.
    """

    dielectric: str
    w0: float
    b0: float
    canopy_warmer_k: dict[str, float]


TRUE_PHYSICS = Physics("mironov2009", 0.35, 0.25, {"A": 0.4, "D": -0.6})
MATCHED_PHYSICS = Physics("mironov2013", 0.3, 0.3, {"A": 0.0, "D": 0.0})
"""As the defaults of the inversion."""


@dataclass(frozen=True)
class Patches:
    """True parameters of the two patches of land in a cell, each of shape (patch, cell).

    Attributes:
        fraction: area fraction of the land; adds up to one over patches.
        vod_factor: VOD relative to the mean of the cell; its weighted mean is 1.
        sm_offset: soil moisture minus the mean of the cell, m³ m⁻³; its weighted mean is 0.
        omega_h, omega_v: effective scattering albedo.
        h_r, n_h, n_v: roughness and its angular exponents.
        tt_h, tt_v: angular parameters of the canopy.
        clay: clay fraction.
        physics: choices that are the same in all cells.
    """

    fraction: Floats
    vod_factor: Floats
    sm_offset: Floats
    omega_h: Floats
    omega_v: Floats
    h_r: Floats
    n_h: Floats
    n_v: Floats
    tt_h: Floats
    tt_v: Floats
    clay: Floats
    physics: Physics = TRUE_PHYSICS

    def mean(self, name: str) -> Floats:
        """Return the area-weighted mean of a parameter, shape (cell,)."""
        return (self.fraction * getattr(self, name)).sum(axis=0)


def matched_patches(maps: TrueMaps) -> Patches:
    """Return the parameters that the inversion assumes: uniform cells, values of its tables."""
    one = np.ones((2, len(maps.lat)))
    omega, h_r = (weighted_mean(maps.igbp, table) for table in (OMEGA, ROUGHNESS))
    return Patches(
        fraction=0.5 * one,
        vod_factor=one,
        sm_offset=0.0 * one,
        omega_h=omega * one,
        omega_v=omega * one,
        h_r=h_r * one,
        n_h=-one,
        n_v=-one,
        tt_h=one,
        tt_v=one,
        clay=maps.clay * one,
        physics=MATCHED_PHYSICS,
    )


def draw_patches(random: RandomFields, maps: TrueMaps, *, matched: bool) -> Patches:
    """Draw the true parameters of a world, or return those of the inversion (`matched`).

    The spreads below are reasoned guesses: a tenth to a fifth of a parameter's value.
    """
    if matched:
        return matched_patches(maps)

    def noise(name: str, size: float, length: float = 2.5) -> Floats:
        fields = [random.map(f"{name} {patch}", length_cells=length) for patch in range(2)]
        return size * np.stack(fields)

    # The words of these keys are part of the random streams: do not change them.
    dense = np.clip(0.5 + 0.15 * random.map("dense share", length_cells=2), 0.15, 0.85)
    contrast = np.clip(0.25 + 0.15 * random.map("contrast", length_cells=2), 0.0, 0.6)
    # Where the dense patch is large, the sparse one must keep a positive VOD.
    contrast = np.minimum(contrast, 0.9 * (1 - dense) / dense)
    wet = 0.015 * random.map("wet contrast", length_cells=2)
    omega = maps.igbp @ TRUE_OMEGA * np.exp(noise("omega", 0.10))
    split = noise("omega split", 0.05)
    return Patches(
        fraction=np.stack([dense, 1 - dense]),
        vod_factor=np.stack([1 + contrast, 1 - contrast * dense / (1 - dense)]),
        sm_offset=np.stack([wet, -wet * dense / (1 - dense)]),
        omega_h=omega * (1 - split),
        omega_v=omega * (1 + split),
        h_r=maps.igbp @ TRUE_ROUGHNESS * np.exp(noise("roughness", 0.2)),
        n_h=-0.7 + noise("n_h", 0.3),
        n_v=-0.9 + noise("n_v", 0.3),
        tt_h=1.0 + noise("tt_h", 0.03),
        tt_v=1.0 + maps.igbp @ TRUE_VERTICAL + noise("tt_v", 0.04),
        clay=np.clip(maps.clay + noise("clay", 0.02), 0.01, 0.7),
    )


@dataclass(frozen=True)
class TrueScene:
    """The state at an overpass, each of shape (…, cell).

    Attributes:
        vod: VOD of the cell.
        soil_moisture: m³ m⁻³.
        t_surface_k, t_deep_k: soil temperatures.
        water: open-water fraction.
        overpass: "A" (06:00) or "D" (18:00).
    """

    vod: Floats
    soil_moisture: Floats
    t_surface_k: Floats
    t_deep_k: Floats
    water: Floats
    overpass: str = "A"


def scene_at(daily: dict[str, Floats], t_surface_k: Floats, overpass: str = "A") -> TrueScene:
    """Return the scene of an overpass from daily fields and the surface temperature then."""
    return TrueScene(
        vod=daily["vod"],
        soil_moisture=daily["soil_moisture"],
        t_surface_k=t_surface_k,
        t_deep_k=daily["t_deep"],
        water=daily["water_fraction"],
        overpass=overpass,
    )


def liquid_fraction(t_surface_k: Floats) -> Floats:
    """Return the fraction of soil water that is liquid, 0…1; soil freezes between −3 and +1 °C."""
    return 1.0 / (1.0 + np.exp(-(t_surface_k - FREEZING_K + 0.8) / 0.5))


def lband_tb(scene: TrueScene, patches: Patches, incidence_deg: float) -> Floats:
    """Return the L-band TB of whole cells at one angle, K, below the atmosphere.

    Args:
        scene: state of the cells.
        patches: parameters of the cells.
        incidence_deg: angle at the ground.

    Returns:
        float32, shape (2 [h, v], …, cell).
    """
    land = sum(_patch_tb(scene, patches, patch, incidence_deg) for patch in range(2))
    reflectivity = np.stack(fresnel_reflectivity(WATER_PERMITTIVITY, incidence_deg))
    emissivity = (1.0 - reflectivity).reshape(2, *[1] * scene.vod.ndim)
    lake = emissivity * (scene.t_surface_k + WATER_WARMER_K)
    return (land * (1.0 - scene.water) + lake * scene.water).astype(np.float32)


def _patch_tb(scene: TrueScene, patches: Patches, patch: int, incidence_deg: float) -> Floats:
    """Return the TB of a patch times its area fraction, K, shape (2 [h, v], …, cell)."""
    physics = patches.physics
    liquid = liquid_fraction(scene.t_surface_k)
    moisture = np.clip(scene.soil_moisture + patches.sm_offset[patch], 0.005, 0.6)
    moisture = FROZEN_SOIL_MOISTURE + liquid * (moisture - FROZEN_SOIL_MOISTURE)
    ground = effective_temperature(
        scene.t_surface_k, scene.t_deep_k, moisture, w0=physics.w0, b0=physics.b0
    )
    common = {
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
    # L-MEB has one albedo for both polarisations, so it is called once for each.
    tb_h, _ = brightness_temperature(moisture, vod, omega=patches.omega_h[patch], **common)
    _, tb_v = brightness_temperature(moisture, vod, omega=patches.omega_v[patch], **common)
    return np.stack([tb_h, tb_v]) * patches.fraction[patch]
