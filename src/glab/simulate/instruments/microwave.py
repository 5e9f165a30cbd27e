"""TB at the frequencies of AMSR, at the top of the atmosphere.

The emission model is simple, but it has the properties that matter to a network: a canopy that
saturates, snow that scatters, and an atmosphere that hides more of the ground at higher
frequencies. Its parameters are reasoned guesses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.arrays import Floats
from glab.lmeb import fresnel_reflectivity, permittivity_mironov2009, rough_reflectivity
from glab.simulate.world import Patches, TrueMaps, World, liquid_fraction

INCIDENCE_DEG = 55.0
"""Of both instruments at the ground."""

PATH = 1.0 / np.cos(np.deg2rad(INCIDENCE_DEG))
"""Slant path through canopy and atmosphere, relative to the vertical."""

AIR_EMITS_COLDER_K = 14.0
"""Air temperature near the ground minus the effective temperature of the emitting air."""

COSMIC_K = 2.7

WATER_WARMER_K = 2.0
"""Water minus surface temperature, as at L-band."""


@dataclass(frozen=True)
class FrequencyBand:
    """Properties of the ground and the atmosphere at one frequency.

    Attributes:
        ghz: frequency.
        leaf_herb, leaf_tree, wood: optical depth per unit of L-band VOD of leaves (in herbaceous
            and in woody cover) and of wood.
        albedo: scattering albedo of a leafy canopy; wood lowers it.
        roughness: H relative to L-band.
        mixing: of polarisations by roughness (Q).
        dry, vapour, rain: zenith opacity of dry air, per mm of vapour, per mm of rain a day.
        snow: scattering by snow, K per kg m⁻².
        water: permittivity of open water.
    """

    ghz: float
    leaf_herb: float
    leaf_tree: float
    wood: float
    albedo: float
    roughness: float
    mixing: float
    dry: float
    vapour: float
    rain: float
    snow: float
    water: complex


BANDS = (
    FrequencyBand(10.65, 2.4, 2.0, 1.00, 0.060, 1.2, 0.10, 0.011, 0.0001, 0.0006, 0.05, 58 + 36j),
    FrequencyBand(18.7, 3.4, 2.8, 0.85, 0.065, 1.5, 0.16, 0.013, 0.0015, 0.0025, 0.20, 35 + 36j),
    FrequencyBand(36.5, 4.6, 3.6, 0.70, 0.070, 2.0, 0.24, 0.050, 0.0010, 0.0080, 0.60, 15 + 25j),
)

CHANNELS = ("10h", "10v", "18h", "18v", "36h", "36v")

TREE_CLASSES = [0, 1, 2, 3, 4, 7]
"""Columns of the IGBP classes with woody cover: forests and woody savanna."""


@dataclass(frozen=True)
class Air:
    """The atmosphere at an overpass.

    Attributes:
        opacity: along the path to the instrument.
        temperature_k: effective temperature, K.
    """

    opacity: Floats
    temperature_k: Floats


def atmosphere(band: FrequencyBand, air_k: Floats, humidity: Floats, rain: Floats) -> Air:
    """Return opacity and effective temperature of the atmosphere.

    Args:
        band: frequency.
        air_k: air temperature near the ground, K.
        humidity: moisture of the air relative to that usual at its temperature, about 1.
        rain: mm per day at the hour of the overpass.
    """
    # Vapour doubles every 12 K, as saturation pressure does; 7 mm at the freezing point.
    vapour_mm = np.minimum(7.0 * np.exp((air_k - 273.15) / 17.0) * humidity, 65.0)
    zenith = band.dry + band.vapour * vapour_mm + band.rain * rain
    return Air(zenith * np.float32(PATH), air_k - np.float32(AIR_EMITS_COLDER_K))


def top_of_atmosphere_tb(ground_tb: Floats, surface_k: Floats, air: Air) -> Floats:
    """Return the TB above the atmosphere, K: attenuated TB of the ground, plus emission of the air.

    The air emits upwards, and downwards to be reflected by the ground with the cosmic background.
    """
    transmissivity = np.exp(-air.opacity)
    reflectivity = np.clip(1.0 - ground_tb / surface_k, 0.0, 1.0)
    down = air.temperature_k * (1.0 - transmissivity) + COSMIC_K * transmissivity
    return air.temperature_k * (1.0 - transmissivity) + transmissivity * (
        ground_tb + reflectivity * down
    )


def canopy_depth(band: FrequencyBand, maps: TrueMaps, wood: Floats, leaf: Floats) -> Floats:
    """Return the optical depth of the canopy at a frequency, of which leaves and wood differ."""
    trees = maps.igbp[:, TREE_CLASSES].sum(axis=1)
    per_leaf = band.leaf_herb + (band.leaf_tree - band.leaf_herb) * trees
    return per_leaf.astype(np.float32) * leaf + np.float32(band.wood) * wood


def ground_tb(
    band: FrequencyBand, world: World, block: slice, surface_k: Floats, canopy_warmer_k: float
) -> Floats:
    """Return the TB of whole cells above the canopy, K, shape (2 [h, v], day, cell).

    Args:
        band: frequency.
        world: a year of the truth.
        block: days of the year.
        surface_k: surface temperature at the overpass, K, shape (day, cell).
        canopy_warmer_k: canopy minus surface temperature.
    """
    daily = {name: field[block] for name, field in world.daily.items()}
    patches = world.patches
    depth = canopy_depth(band, world.maps, daily["vod_wood"], daily["vod_leaf"])
    depth = depth * daily["canopy_opacity"]
    wood_fraction = daily["vod_wood"] / (daily["vod"] + np.float32(0.02))
    omega = (band.albedo * (1.25 - 0.5 * wood_fraction)).astype(np.float32)
    canopy = surface_k + np.float32(canopy_warmer_k)
    land: Floats = np.zeros(())
    for patch in range(2):
        liquid = liquid_fraction(surface_k)
        moisture = np.clip(daily["skin_moisture"] + patches.sm_offset[patch], 0.01, 0.55) * liquid
        r = soil_reflectivity(band, moisture, patches, patch)
        gamma = np.exp(-PATH * depth * patches.vod_factor[patch])
        emitted = (1.0 - omega) * (1.0 - gamma) * (1.0 + gamma * r) * canopy
        land = land + patches.fraction[patch] * (emitted + (1.0 - r) * gamma * surface_k)
    land = land - snow_signal(band, daily["snow"])
    lake = 1.0 - np.stack(fresnel_reflectivity(band.water, INCIDENCE_DEG))
    water = daily["water_fraction"]
    return land * (1.0 - water) + lake[:, None, None] * (surface_k + WATER_WARMER_K) * water


def soil_reflectivity(
    band: FrequencyBand, moisture: Floats, patches: Patches, patch: int
) -> Floats:
    """Return the rough reflectivity of soil, shape (2 [h, v], …, cell)."""
    permittivity = permittivity_mironov2009(moisture, patches.clay[patch], band.ghz * 1e9)
    smooth = fresnel_reflectivity(permittivity, INCIDENCE_DEG)
    rough = rough_reflectivity(
        *smooth,
        INCIDENCE_DEG,
        0.1 + band.roughness * patches.h_r[patch],
        band.mixing,
        n_rh=0.0,
        n_rv=0.0,
    )
    return np.stack(rough).astype(np.float32)


def snow_signal(band: FrequencyBand, snow: Floats) -> Floats:
    """Return the lowering of TB by scattering in snow, K, shape (2 [h, v], …).

    It levels off at 60 K: deep snow hides the snow below.
    """
    lower = 60.0 * (1.0 - np.exp(-band.snow * snow / 60.0))
    return np.stack([1.2 * lower, lower])
