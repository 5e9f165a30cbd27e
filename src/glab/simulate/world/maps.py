"""True static maps of a world: climate, land cover, soil, relief.

All numbers of this module are choices of ours: smooth functions that give each latitude a plausible
climate and land cover, disturbed by random fields so that neighbouring cells differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.arrays import Array, Floats, Int16s
from glab.calendar import DAYS_PER_YEAR
from glab.simulate.world.fields import RandomFields

IGBP = (
    *("ENF", "EBF", "DNF", "DBF", "MF", "CSH", "OSH", "WSA"),
    *("SAV", "GRA", "WET", "CRO", "URB", "MOS", "ICE", "BAR"),
)
"""IGBP classes 1…16: needleleaf evergreen, broadleaf evergreen, needleleaf deciduous, broadleaf
deciduous and mixed forest, closed shrub, open shrub, woody savanna, savanna, grass, wetland, crop,
urban, mosaic, snow and ice, barren. The names are keys of random streams."""

BIOMES = (
    *("desert", "shrub", "grass", "savanna", "crop"),
    *("temperate forest", "boreal forest", "tropical forest"),
)

BIOME_OF_CLASS = np.array([6, 7, 6, 5, 5, 1, 1, 3, 3, 2, 2, 4, 4, 4, 0, 0])
"""Number of the biome of each IGBP class."""

FREEZING_K = 273.15

WETNESS_LAT = [-35, -30, -24, -18, -12, -6, 0, 5, 10, 14, 17, 20, 27, 31, 36, 42, 50, 58, 70]
WETNESS = [
    *(0.42, 0.22, 0.22, 0.42, 0.66, 0.86, 0.97, 0.9, 0.62, 0.35),
    *(0.16, 0.05, 0.03, 0.13, 0.4, 0.52, 0.64, 0.72, 0.66),
]
"""Mean wetness by latitude, as on a transect of Africa and Europe: deserts, rain forest, taiga."""

GREEN_LAT = [-60, -36, -28, -10, -3, 3, 10, 20, 32, 42, 50, 70]
GREEN_DAY = [20, 270, 45, 60, 90, 240, 250, 250, 90, 150, 185, 205]
"""Day of the year on which leaves peak, by latitude: after the rains in the tropics, in winter and
spring where winters are wet, in summer elsewhere."""


@dataclass(frozen=True)
class TrueMaps:
    """True static maps, each of shape (cell,) unless stated.

    Attributes:
        lat: latitude, degrees.
        wetness: 0 (desert) … 1 (rain forest).
        t_mean_k, t_amplitude_k: annual mean and half range of air temperature.
        warm_phase: phase of the year when it is warmest, radians.
        green_phase: phase when leaves peak, radians.
        altitude_m: height above the sea.
        igbp: class fractions, shape (cell, 16).
        clay, water, urban, ice: fractions, 0…1.
        topography: 0 flat, 1 moderate, 2 strong.
    """

    lat: Floats
    wetness: Floats
    t_mean_k: Floats
    t_amplitude_k: Floats
    warm_phase: Floats
    green_phase: Floats
    altitude_m: Floats
    igbp: Floats
    clay: Floats
    water: Floats
    urban: Floats
    ice: Floats
    topography: Int16s

    @property
    def biome(self) -> Int16s:
        """Number of the biome (of `BIOMES`) with the largest fraction of a cell."""
        fraction = np.stack([self.igbp[:, b == BIOME_OF_CLASS].sum(axis=1) for b in range(8)])
        return fraction.argmax(axis=0).astype(np.int16)


def draw_maps(random: RandomFields, lat: Floats, land_fraction: Floats) -> TrueMaps:
    """Draw the true static maps of a world.

    Args:
        random: random fields on the cells.
        lat: latitude of the cells, degrees, shape (cell,).
        land_fraction: land fraction of the cells, 0…1; half of the rest counts as open water.
    """
    smooth, rough = (random.map(f"wet{n}", length_cells=n) for n in (8, 2))
    wetness = np.interp(lat, WETNESS_LAT, WETNESS) + 0.09 * smooth + 0.04 * rough
    wetness = np.clip(wetness, 0.01, 1.0)
    relief = random.map("relief", length_cells=4)
    altitude = np.minimum(350.0 * np.exp(0.8 * relief), 2200.0)
    # Cooler towards the poles and, by 5 K a kilometre, on mountains; warmer where it is dry.
    t_mean = 300.0 - 26.0 * (abs(lat) / 65.0) ** 1.8 + 3.0 * (1 - wetness) - 0.005 * altitude
    # The northern continents are larger, so their seasons are stronger.
    amplitude = np.where(lat > 0, 1.0 + 14.0 * (abs(lat) / 60.0) ** 1.2, 1.0 + 0.2 * abs(lat))
    igbp = _land_cover(random, lat, wetness, t_mean)
    lakes = np.maximum(random.map("lakes", length_cells=1.5) - 1.6, 0.0) * 0.12 * wetness
    water = np.clip(0.01 * wetness + lakes + 0.5 * (1.0 - land_fraction), 0.0, 0.5)
    ridges = altitude * np.exp(0.5 * random.map("ridges", length_cells=2))
    green = _phase(np.asarray(GREEN_DAY))
    # Phases are circular: cosine and sine are interpolated, not the day.
    along, across = (np.interp(lat, GREEN_LAT, f(green)) for f in (np.cos, np.sin))
    return TrueMaps(
        lat=lat,
        wetness=wetness,
        t_mean_k=t_mean,
        t_amplitude_k=amplitude,
        warm_phase=_phase(np.where(lat > 0, 200.0, 20.0)),
        green_phase=np.arctan2(across, along) + 0.2 * smooth,
        altitude_m=altitude,
        igbp=igbp,
        clay=np.clip(0.22 + 0.08 * random.map("clay", length_cells=4), 0.03, 0.6),
        water=water,
        urban=igbp[:, IGBP.index("URB")],
        ice=igbp[:, IGBP.index("ICE")],
        topography=np.digitize(ridges, [1400.0, 2600.0]).astype(np.int16),
    )


def _phase(day_of_year: Array) -> Floats:
    return 2.0 * np.pi * day_of_year / DAYS_PER_YEAR


def rising_step(value: Floats, middle: float, width: float) -> Floats:
    """Return a smooth step from 0 to 1 (logistic function)."""
    return 1.0 / (1.0 + np.exp(-(value - middle) / width))


def bell(value: Floats, middle: float, width: float) -> Floats:
    """Return a bell curve of height 1."""
    return np.exp(-0.5 * ((value - middle) / width) ** 2)


def _land_cover(random: RandomFields, lat: Floats, wetness: Floats, t_mean_k: Floats) -> Floats:
    """Return patchy IGBP class fractions from climate, shape (cell, 16); rows add up to one."""
    w, t = wetness, t_mean_k - FREEZING_K
    tropics, boreal = rising_step(-abs(lat), -23.0, 2.0), rising_step(-t, -5.0, 1.5)
    forest, people = rising_step(w, 0.62, 0.06), np.exp(random.map("people", length_cells=3))
    temperate = 1.0 - tropics
    tundra = rising_step(-t, 5.0, 1.5)
    score = np.stack(
        [
            1.3 * forest * boreal * (1 - tundra),  # ENF
            1.5 * tropics * rising_step(w, 0.75, 0.04),  # EBF
            0.0 * w,  # DNF
            0.8 * forest * temperate * (1 - boreal),  # DBF
            1.2 * forest * temperate * (1 - 0.5 * boreal),  # MF
            0.3 * bell(w, 0.28, 0.08),  # CSH
            bell(w, 0.18, 0.07) + tundra,  # OSH
            tropics * bell(w, 0.64, 0.09),  # WSA
            tropics * bell(w, 0.48, 0.10) + 0.3 * bell(w, 0.42, 0.08),  # SAV
            bell(w, 0.33, 0.10) + 0.4 * tundra,  # GRA
            0.04 * w,  # WET
            people * (0.25 + 0.75 * temperate) * bell(w, 0.52, 0.12) * (1 - tundra),  # CRO
            0.006 * people**2 * w,  # URB
            0.4 * people * bell(w, 0.58, 0.12) * (1 - tundra),  # MOS
            0.0 * w,  # ICE
            1.5 * rising_step(-w, -0.10, 0.03),  # BAR
        ],
        axis=1,
    )
    patchy = [np.exp(0.6 * random.map(f"patch {name}", length_cells=2)) for name in IGBP]
    score = score * np.stack(patchy, axis=1) + 1e-6
    fraction = score / score.sum(axis=1, keepdims=True)
    fraction = np.where(fraction < 0.02, 0.0, fraction)  # a cell has a few classes, not all
    return fraction / fraction.sum(axis=1, keepdims=True)
