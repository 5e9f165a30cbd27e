"""What lies inside a cell: two kinds of land and open water, with their own true parameters.

Deliberately not what the inversion assumes: mixed scenes, other albedo and roughness than the class
tables, other angular exponents, a canopy that differs with polarisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.lmeb.landcover import OMEGA as CLASS_OMEGA
from glab.lmeb.landcover import ROUGHNESS as CLASS_H_R
from glab.lmeb.landcover import weighted_mean
from glab.simulate.world.climate import Setting
from glab.simulate.world.fields import Weather

OMEGA = (
    *(0.065, 0.067, 0.065, 0.064, 0.064, 0.092, 0.085, 0.067),
    *(0.090, 0.090, 0.100, 0.110, 0.100, 0.110, 0.100, 0.110),
)
ROUGHNESS = (
    *(0.33, 0.28, 0.30, 0.32, 0.30, 0.24, 0.18, 0.27),
    *(0.21, 0.14, 0.20, 0.19, 0.25, 0.20, 0.12, 0.05),
)
VERTICAL = (
    *(0.00, 0.00, 0.00, 0.00, 0.00, 0.05, 0.08, 0.05),
    *(0.10, 0.18, 0.15, 0.22, 0.10, 0.15, 0.00, 0.10),
)
"""Per IGBP class: true albedo, true roughness, and the excess of the canopy's optical depth in V
polarisation at grazing angles."""


@dataclass(frozen=True)
class Physics:
    """What holds all over a world.

    Attributes:
        dielectric: model of the soil's permittivity.
        w0, b0: of the effective ground temperature.
        canopy_warmer_k: canopy minus surface temperature by overpass.
    """

    dielectric: str
    w0: float
    b0: float
    canopy_warmer_k: dict[str, float]


TRUE_PHYSICS = Physics("mironov2009", 0.35, 0.25, {"A": 0.4, "D": -0.6})
MATCHED_PHYSICS = Physics("mironov2013", 0.3, 0.3, {"A": 0.0, "D": 0.0})


@dataclass(frozen=True)
class Patches:
    """True parameters of the two kinds of land in a cell, each of shape (patch, cell).

    Attributes:
        share: area share among land, adds up to one over patches.
        vod_factor: VOD relative to the cell's mean; share-weighted mean 1.
        sm_offset: soil moisture minus the cell's mean, m3 m-3; share-weighted mean 0.
        omega_h, omega_v: effective scattering albedo.
        h_r, n_h, n_v: roughness and its angular exponents.
        tt_h, tt_v: angular parameters of the canopy.
        clay: clay fraction.
        physics: what holds all over the world.
    """

    share: np.ndarray
    vod_factor: np.ndarray
    sm_offset: np.ndarray
    omega_h: np.ndarray
    omega_v: np.ndarray
    h_r: np.ndarray
    n_h: np.ndarray
    n_v: np.ndarray
    tt_h: np.ndarray
    tt_v: np.ndarray
    clay: np.ndarray
    physics: Physics = TRUE_PHYSICS

    def mean(self, name: str) -> np.ndarray:
        """Share-weighted mean of a parameter, shape (cell,)."""
        return (self.share * getattr(self, name)).sum(axis=0)


def matched_patches(setting: Setting) -> Patches:
    """A world that is as the inversion takes it to be: uniform cells, parameters of the tables."""
    one = np.ones((2, len(setting.lat)))
    omega, h_r = (weighted_mean(setting.igbp, table) for table in (CLASS_OMEGA, CLASS_H_R))
    return Patches(
        share=0.5 * one,
        vod_factor=one,
        sm_offset=0.0 * one,
        omega_h=omega * one,
        omega_v=omega * one,
        h_r=h_r * one,
        n_h=-one,
        n_v=-one,
        tt_h=one,
        tt_v=one,
        clay=setting.clay * one,
        physics=MATCHED_PHYSICS,
    )


def patches_of(weather: Weather, setting: Setting, *, matched: bool) -> Patches:
    """Draw the true parameters of a world, or take those of the inversion (`matched`)."""
    if matched:
        return matched_patches(setting)

    def noise(name: str, size: float, length: float = 2.5) -> np.ndarray:
        maps = [weather.map(f"{name} {patch}", length_cells=length) for patch in range(2)]
        return size * np.stack(maps)

    dense = np.clip(0.5 + 0.15 * weather.map("dense share", length_cells=2), 0.15, 0.85)
    contrast = np.clip(0.25 + 0.15 * weather.map("contrast", length_cells=2), 0.0, 0.6)
    contrast = np.minimum(contrast, 0.9 * (1 - dense) / dense)
    wet = 0.015 * weather.map("wet contrast", length_cells=2)
    omega = setting.igbp @ OMEGA * np.exp(noise("omega", 0.10))
    split = noise("omega split", 0.05)
    return Patches(
        share=np.stack([dense, 1 - dense]),
        vod_factor=np.stack([1 + contrast, 1 - contrast * dense / (1 - dense)]),
        sm_offset=np.stack([wet, -wet * dense / (1 - dense)]),
        omega_h=omega * (1 - split),
        omega_v=omega * (1 + split),
        h_r=setting.igbp @ ROUGHNESS * np.exp(noise("roughness", 0.2)),
        n_h=-0.7 + noise("n_h", 0.3),
        n_v=-0.9 + noise("n_v", 0.3),
        tt_h=1.0 + noise("tt_h", 0.03),
        tt_v=1.0 + setting.igbp @ VERTICAL + noise("tt_v", 0.04),
        clay=np.clip(setting.clay + noise("clay", 0.02), 0.01, 0.7),
    )
