"""The setting of the world: what stays, from climate zones to land cover and soil."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.simulate.world.fields import Weather

IGBP = (
    "ENF",
    "EBF",
    "DNF",
    "DBF",
    "MF",
    "CSH",
    "OSH",
    "WSA",
    "SAV",
    "GRA",
    "WET",
    "CRO",
    "URB",
    "MOS",
    "ICE",
    "BAR",
)
BIOMES = (
    "desert",
    "shrub",
    "grass",
    "savanna",
    "crop",
    "temperate forest",
    "boreal forest",
    "tropical forest",
)
BIOME_OF_CLASS = np.array([6, 7, 6, 5, 5, 1, 1, 3, 3, 2, 2, 4, 4, 4, 0, 0])
WETNESS_LAT = [-35, -30, -24, -18, -12, -6, 0, 5, 10, 14, 17, 20, 27, 31, 36, 42, 50, 58, 70]
WETNESS = [
    0.42,
    0.22,
    0.22,
    0.42,
    0.66,
    0.86,
    0.97,
    0.9,
    0.62,
    0.35,
    0.16,
    0.05,
    0.03,
    0.13,
    0.4,
    0.52,
    0.64,
    0.72,
    0.66,
]


@dataclass(frozen=True)
class Setting:
    """Static maps, each of shape (cell,) unless said.

    Attributes:
        lat: latitude, degrees.
        wetness: 0 (desert) … 1 (rain forest).
        t_mean_k, t_amplitude_k: annual mean and half range of air temperature.
        warm_phase: phase of the year when it is warmest, radians.
        green_phase: phase when leaves peak, radians.
        altitude_m: height above the sea.
        igbp: class fractions, shape (cell, 16).
        clay, water, urban, ice: fractions.
        topography: 0 flat, 1 moderate, 2 strong.
    """

    lat: np.ndarray
    wetness: np.ndarray
    t_mean_k: np.ndarray
    t_amplitude_k: np.ndarray
    warm_phase: np.ndarray
    green_phase: np.ndarray
    altitude_m: np.ndarray
    igbp: np.ndarray
    clay: np.ndarray
    water: np.ndarray
    urban: np.ndarray
    ice: np.ndarray
    topography: np.ndarray

    @property
    def biome(self) -> np.ndarray:
        """Number of the biome (of `BIOMES`) that holds the largest share of a cell."""
        share = np.stack([self.igbp[:, b == BIOME_OF_CLASS].sum(axis=1) for b in range(8)])
        return share.argmax(axis=0).astype(np.int16)


def step_up(value: np.ndarray, middle: float, width: float) -> np.ndarray:
    """A smooth step from 0 to 1."""
    return 1.0 / (1.0 + np.exp(-(value - middle) / width))


def bump(value: np.ndarray, middle: float, width: float) -> np.ndarray:
    """A smooth hill of height 1."""
    return np.exp(-0.5 * ((value - middle) / width) ** 2)


def setting_of(weather: Weather, lat: np.ndarray, land_fraction: np.ndarray) -> Setting:
    """Draw the static maps of a world.

    Args:
        weather: source of random fields.
        lat: latitude of the cells, degrees, shape (cell,).
        land_fraction: share of land, 0…1; the rest is open water.
    """
    smooth, rough = (weather.map(f"wet{n}", length_cells=n) for n in (8, 2))
    wetness = np.interp(lat, WETNESS_LAT, WETNESS) + 0.09 * smooth + 0.04 * rough
    wetness = np.clip(wetness, 0.01, 1.0)
    relief = weather.map("relief", length_cells=4)
    altitude = np.minimum(350.0 * np.exp(0.8 * relief), 2200.0)
    t_mean = 300.0 - 26.0 * (abs(lat) / 65.0) ** 1.8 + 3.0 * (1 - wetness) - 0.005 * altitude
    amplitude = np.where(lat > 0, 1.0 + 14.0 * (abs(lat) / 60.0) ** 1.2, 1.0 + 0.2 * abs(lat))
    igbp = _land_cover(weather, lat, wetness, t_mean)
    water, urban = _water(weather, wetness, land_fraction), igbp[:, 12]
    ridges = altitude * np.exp(0.5 * weather.map("ridges", length_cells=2))
    return Setting(
        lat=lat,
        wetness=wetness,
        t_mean_k=t_mean,
        t_amplitude_k=amplitude,
        warm_phase=_phase(np.where(lat > 0, 200.0, 20.0)),
        green_phase=_green_phase(lat) + 0.2 * smooth,
        altitude_m=altitude,
        igbp=igbp,
        clay=np.clip(0.22 + 0.08 * weather.map("clay", length_cells=4), 0.03, 0.6),
        water=water,
        urban=urban,
        ice=igbp[:, 14],
        topography=np.digitize(ridges, [1400.0, 2600.0]).astype(np.int16),
    )


def _phase(day_of_year: np.ndarray) -> np.ndarray:
    return 2.0 * np.pi * day_of_year / 365.2425


GREEN_LAT = [-60, -36, -28, -10, -3, 3, 10, 20, 32, 42, 50, 70]
GREEN_DAY = [20, 270, 45, 60, 90, 240, 250, 250, 90, 150, 185, 205]


def _green_phase(lat: np.ndarray) -> np.ndarray:
    """Peak of leaves: after the rains in the tropics, summer outside, opposite hemispheres."""
    angle = _phase(np.asarray(GREEN_DAY))
    along, across = (np.interp(lat, GREEN_LAT, f(angle)) for f in (np.cos, np.sin))
    return np.arctan2(across, along)


def _water(weather: Weather, wetness: np.ndarray, land_fraction: np.ndarray) -> np.ndarray:
    lakes = np.maximum(weather.map("lakes", length_cells=1.5) - 1.6, 0.0) * 0.12 * wetness
    return np.clip(0.01 * wetness + lakes + 0.5 * (1.0 - land_fraction), 0.0, 0.5)


def _land_cover(
    weather: Weather, lat: np.ndarray, wetness: np.ndarray, t_mean_k: np.ndarray
) -> np.ndarray:
    """IGBP class fractions from climate, patchy, shape (cell, 16), rows adding up to one."""
    w, t = wetness, t_mean_k - 273.15
    tropics, boreal = step_up(-abs(lat), -23.0, 2.0), step_up(-t, -5.0, 1.5)
    forest, people = step_up(w, 0.62, 0.06), np.exp(weather.map("people", length_cells=3))
    temperate = 1.0 - tropics
    tundra = step_up(-t, 5.0, 1.5)
    score = np.stack(
        [
            1.3 * forest * boreal * (1 - tundra),  # ENF
            1.5 * tropics * step_up(w, 0.75, 0.04),  # EBF
            0.0 * w,  # DNF
            0.8 * forest * temperate * (1 - boreal),  # DBF
            1.2 * forest * temperate * (1 - 0.5 * boreal),  # MF
            0.3 * bump(w, 0.28, 0.08),  # CSH
            bump(w, 0.18, 0.07) + tundra,  # OSH
            tropics * bump(w, 0.64, 0.09),  # WSA
            tropics * bump(w, 0.48, 0.10) + 0.3 * bump(w, 0.42, 0.08),  # SAV
            bump(w, 0.33, 0.10) + 0.4 * tundra,  # GRA
            0.04 * w,  # WET
            people * (0.25 + 0.75 * temperate) * bump(w, 0.52, 0.12) * (1 - tundra),  # CRO
            0.006 * people**2 * w,  # URB
            0.4 * people * bump(w, 0.58, 0.12) * (1 - tundra),  # MOS
            0.0 * w,  # ICE
            1.5 * step_up(-w, -0.10, 0.03),  # BAR
        ],
        axis=1,
    )
    patchy = [np.exp(0.6 * weather.map(f"patch {name}", length_cells=2)) for name in IGBP]
    score = score * np.stack(patchy, axis=1) + 1e-6
    share = score / score.sum(axis=1, keepdims=True)
    share = np.where(share < 0.02, 0.0, share)
    return share / share.sum(axis=1, keepdims=True)
