"""SMOS: multi-angular L-band TB with swath gaps, RFI, and errors at every scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glab.simulate.instruments import orbits
from glab.simulate.instruments.missions import COMMISSIONING_END, has_smos
from glab.simulate.world.emission import lband_tb
from glab.simulate.world.fields import Mixer, mixer, normal, stream
from glab.simulate.world.footprint import Footprint, footprint
from glab.simulate.world.truth import scene_at
from glab.simulate.world.world import World

ANGLES_DEG = np.array(
    [2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 40.0, 42.5, 47.5, 52.5, 57.5, 62.5]
)
NODES_DEG = np.array([2.5, 17.5, 30.0, 40.0, 50.0, 62.5])
SHARED_BIN = 8
FWHM_KM = {False: 43.0, True: 48.0}  # by whether the view is oblique
OBLIQUE_DEG = 45.0
BIN_NOISE_K = 3.5
COMMISSIONING_NOISE = 1.3
"""Factor on the noise of the months before routine operation."""
CELL_NOISE_K, PASS_NOISE_K, NEAR_NOISE_K = 0.8, 0.4, 0.6
LOCAL_HOUR = {"A": 6.0, "D": 18.0}
DAYS_AT_ONCE = 31


@dataclass(frozen=True)
class Overflight:
    """What SMOS delivers of the box on one day and overpass; NaN where nothing is seen.

    Attributes:
        day: day of the year from 0. overpass: "A" or "D".
        tb_k: shape (2 [h, v], angle, cell).
        accuracy_k, spread_k: radiometric accuracy and in-bin standard deviation, same shape.
        incidence_deg: mean incidence of each bin, shape (angle, cell).
        views, rfi_views: number of snapshots, and of those flagged, shape (angle, cell).
        hour: UTC hour of the observation, shape (cell,).
    """

    day: int
    overpass: str
    tb_k: np.ndarray
    accuracy_k: np.ndarray
    spread_k: np.ndarray
    incidence_deg: np.ndarray
    views: np.ndarray
    rfi_views: np.ndarray
    hour: np.ndarray


@dataclass(frozen=True)
class Surroundings:
    """What errors depend on, beside the geometry: neighbourhood and transmitters of the cells."""

    near: Mixer
    rfi_rate: np.ndarray


@dataclass(frozen=True)
class Look:
    """Geometry of one day and overpass, arrays of shape (cell,).

    Attributes:
        day: day of the year from 0. overpass: "A" or "D".
        away_km: distance from the track, inf where no pass. number: revolution. hour: UTC.
        noise: factor on the noise of the bins.
    """

    day: int
    overpass: str
    away_km: np.ndarray
    number: np.ndarray
    hour: np.ndarray
    noise: float


def overflights(world: World, overpass: str) -> Iterator[Overflight]:
    """The year's overflights, day by day; days on which the box is not seen are left out."""
    land, days = world.land, len(world.days)
    view = orbits.nearest_views(orbits.SMOS, overpass, world.year, days, land.lat, land.lon)
    view.away_km[~has_smos(world.days)] = np.inf
    seen_by = {oblique: footprint(land, land.lat, land.lon, f) for oblique, f in FWHM_KM.items()}
    around = Surroundings(mixer(land.row, land.col, 4.0), _rfi_rate(world))
    early = np.where(world.days <= COMMISSIONING_END, COMMISSIONING_NOISE, 1.0)
    for first in range(0, days, DAYS_AT_ONCE):
        block = slice(first, min(first + DAYS_AT_ONCE, days))
        clean = _clean_tb(world, overpass, block, seen_by)
        for day in range(block.start, block.stop):
            geometry = (view.away_km[day], view.number[day], view.hour[day])
            look = Look(day, overpass, *geometry, float(early[day]))
            if np.isfinite(look.away_km).any():
                generator = stream(world.settings.seed, "smos", overpass, str(world.days[day]))
                yield _observe(look, clean[:, :, day - first], around, generator)


def _clean_tb(
    world: World, overpass: str, block: slice, seen_by: dict[bool, Footprint]
) -> np.ndarray:
    """Noise-free TB at the angle bins, shape (2, angle, day, cell), by interpolation in angle."""
    daily = {name: field[block] for name, field in world.daily.items()}
    hour = LOCAL_HOUR[overpass]
    scene = scene_at(daily, world.surface_k(hour)[block], overpass)
    nodes = [
        seen_by[bool(angle > OBLIQUE_DEG)](lband_tb(scene, world.patches, float(angle)))
        for angle in NODES_DEG
    ]
    weights = _lagrange(NODES_DEG, ANGLES_DEG)
    return np.einsum("an,npdc->padc", weights, np.stack(nodes), optimize=True)


def _lagrange(nodes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Weights of polynomial interpolation in the angle, shape (place, node), float32."""
    weights = np.ones((len(places), len(nodes)))
    for i, here in enumerate(nodes):
        for other in np.delete(nodes, i):
            weights[:, i] *= (places - other) / (here - other)
    return weights.astype(np.float32)


def _rfi_rate(world: World) -> np.ndarray:
    """Share of passes disturbed by ground transmitters, per cell."""
    sources = world.weather.map("rfi", length_cells=2.5)
    return np.clip(0.006 + 0.25 * np.maximum(sources - 1.7, 0.0), 0.0, 0.8)


def _observe(
    look: Look, clean: np.ndarray, around: Surroundings, generator: np.random.Generator
) -> Overflight:
    """Add geometry, errors and interference to one day's clean TB, shape (2, angle, cell)."""
    cells = clean.shape[-1]
    away_km = np.where(np.isfinite(look.away_km), look.away_km, 1e4)
    edge = away_km / orbits.SMOS.half_swath_km
    lowest, highest = 40.0 * edge**1.2, 65.0 - 12.0 * edge**2
    angle = ANGLES_DEG[:, None]
    covered = (angle + 2.5 > lowest) & (angle - 2.5 < highest) & (edge <= 1.0)
    shift = np.clip(0.5 * normal(generator, len(ANGLES_DEG), cells), -2, 2)
    shift += np.clip(lowest - angle, 0.0, 2.0)
    views = np.rint(np.clip(9.0 - 4.0 * edge, 2, 12) + normal(generator, len(ANGLES_DEG), cells))
    views = np.clip(views, 1, 15)
    sigma = look.noise * BIN_NOISE_K * (1.0 + 0.5 * edge**2) * np.sqrt(7.0 / (views + 1.0))
    sigma = np.minimum(sigma, 12.0)
    tb = clean + np.gradient(clean, ANGLES_DEG, axis=1) * shift
    tb = tb + _bin_noise(generator, cells) * sigma + _common_noise(look, around, generator)
    accuracy = np.broadcast_to(0.95 * sigma, tb.shape)
    spread = accuracy * np.sqrt(generator.chisquare(6, tb.shape) / 6.0)
    tb, spread, flagged = _interfere(tb, spread, views, around.rfi_rate, generator)
    blank = np.where(covered, 0.0, np.nan).astype(np.float32)
    return Overflight(
        day=look.day,
        overpass=look.overpass,
        tb_k=tb + blank,
        accuracy_k=accuracy + blank,
        spread_k=spread + blank,
        incidence_deg=angle + shift + blank,
        views=views + blank,
        rfi_views=flagged + blank,
        hour=np.where(covered.any(axis=0), look.hour, np.nan),
    )


def _common_noise(look: Look, around: Surroundings, generator: np.random.Generator) -> np.ndarray:
    """Errors that all angles of a cell, neighbours, and all cells of a pass share, (2, 1, cell)."""
    cells = len(look.number)
    known, place = np.unique(look.number, return_inverse=True)
    by_pass = normal(generator, 2, 1, len(known))[:, :, place]
    by_cell = normal(generator, 2, 1, cells)
    by_region = around.near(normal(generator, 2, 1, around.near.nodes))
    return CELL_NOISE_K * by_cell + NEAR_NOISE_K * by_region + PASS_NOISE_K * by_pass


def _bin_noise(generator: np.random.Generator, cells: int) -> np.ndarray:
    """Unit errors of the bins, shape (2, angle, cell); the 40° bin is made of its neighbours'.

    Bins of 5° hold two halves; 40 ± 2.5° is the upper half of 37.5° and the lower of 42.5°.
    """
    halves = normal(generator, 2, len(ANGLES_DEG), 2, cells)
    noise = halves.sum(axis=2) / np.float32(np.sqrt(2.0))
    upper, lower = halves[:, SHARED_BIN - 1, 1], halves[:, SHARED_BIN + 1, 0]
    noise[:, SHARED_BIN] = (upper + lower) / np.float32(np.sqrt(2.0))
    return noise


def _interfere(
    tb: np.ndarray,
    spread: np.ndarray,
    views: np.ndarray,
    rfi_rate: np.ndarray,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radio-frequency interference: warmer TB and spread, flagged mostly but not always."""
    cells = len(rfi_rate)
    hit = generator.random(cells) < rfi_rate
    bins = hit & (generator.random((len(ANGLES_DEG), cells)) < 0.7)
    strength = generator.exponential(18.0, (2, len(ANGLES_DEG), cells)) * bins
    caught = bins & (generator.random(bins.shape) < 0.85)
    false_alarm = generator.random(bins.shape) < 0.01
    share = np.where(caught, generator.uniform(0.3, 1.0, bins.shape), 0.15 * false_alarm)
    tb = np.minimum(tb + strength, 390.0)
    return tb, spread + 0.4 * strength, np.rint(share * views)
