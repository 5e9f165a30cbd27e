"""SMOS: multi-angular L-band TB with swath gaps, interference, and errors of every scale.

The simulated SMOS observes from below the atmosphere: TB is that of the ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glab.arrays import Array, Float32s, Floats
from glab.simulate.instruments import orbits
from glab.simulate.world import (
    Footprint,
    Mixer,
    World,
    footprint,
    lband_tb,
    mixer,
    normal,
    scene_at,
    stream,
)

ANGLES_DEG = np.array(
    [2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 40.0, 42.5, 47.5, 52.5, 57.5, 62.5]
)
"""Centres of the angle bins (docs/science.md, section 6.1)."""

NODES_DEG = np.array([2.5, 17.5, 30.0, 40.0, 50.0, 62.5])
"""Angles at which TB is computed, 6 instead of 14; the bins are interpolated."""

SHARED_BIN = 8
"""Index of the 40° bin, which contains snapshots of its neighbours."""

FWHM_KM = {False: 43.0, True: 48.0}
"""Footprint, by whether the view is oblique."""

OBLIQUE_DEG = 45.0

BIN_NOISE_K = 3.5
"""Noise of a bin of six views near the track. Over the whole swath and with the common errors, the
noise of a bin is 4.0 K, that of SMOS (docs/science.md, section 1)."""

COMMISSIONING_NOISE = 1.3
"""Factor on the noise of the months before routine operation."""

CELL_NOISE_K, PASS_NOISE_K, NEAR_NOISE_K = 0.8, 0.4, 0.6
"""Errors that all angles of a cell, all cells of a pass, and the cells of a region have in common;
reasoned guesses."""

DAYS_AT_ONCE = 31
"""Days of TB in memory at once."""


@dataclass(frozen=True)
class Overflight:
    """The box as SMOS observes it on one day and overpass; NaN where nothing is seen.

    Attributes:
        day: day of the year, from 0.
        overpass: "A" or "D".
        tb_k: K, shape (2 [h, v], angle, cell).
        accuracy_k, spread_k: radiometric accuracy and standard deviation in the bin, same shape.
        incidence_deg: mean incidence of each bin, shape (angle, cell).
        views, rfi_views: number of snapshots, and of those with a flag, shape (angle, cell).
        hour: UTC hour of the observation, shape (cell,).
    """

    day: int
    overpass: str
    tb_k: Floats
    accuracy_k: Floats
    spread_k: Floats
    incidence_deg: Floats
    views: Floats
    rfi_views: Floats
    hour: Floats


@dataclass(frozen=True)
class ErrorPatterns:
    """Patterns of the errors that are the same on all days.

    Attributes:
        near: mixer of the errors that neighbours have in common.
        rfi_rate: fraction of passes with interference, shape (cell,).
    """

    near: Mixer
    rfi_rate: Floats


@dataclass(frozen=True)
class PassGeometry:
    """Geometry of one day and overpass, arrays of shape (cell,).

    Attributes:
        day: day of the year, from 0.
        overpass: "A" or "D".
        away_km: distance from the track, inf where no pass.
        number: revolution.
        hour: UTC hour.
        noise: factor on the noise of the bins.
    """

    day: int
    overpass: str
    away_km: Floats
    number: Array
    hour: Floats
    noise: float


def overflights(world: World, overpass: str) -> Iterator[Overflight]:
    """Observe the box day by day; days on which no cell is seen are left out."""
    land, days = world.land, len(world.days)
    nearest = orbits.nearest_passes(orbits.SMOS, overpass, world.year, days, land.lat, land.lon)
    nearest.away_km[~orbits.is_working("smos", world.days)] = np.inf
    feet = {oblique: footprint(land, land.lat, land.lon, f) for oblique, f in FWHM_KM.items()}
    transmitters = world.random.map("rfi", length_cells=2.5)
    rfi_rate = np.clip(0.006 + 0.25 * np.maximum(transmitters - 1.7, 0.0), 0.0, 0.8)
    patterns = ErrorPatterns(mixer(land.row, land.col, 4.0), rfi_rate)
    early = np.where(world.days <= orbits.COMMISSIONING_END, COMMISSIONING_NOISE, 1.0)
    for first in range(0, days, DAYS_AT_ONCE):
        block = slice(first, min(first + DAYS_AT_ONCE, days))
        clean = clean_tb(world, overpass, block, feet)
        for day in range(block.start, block.stop):
            away_km, number, hour = nearest.away_km[day], nearest.number[day], nearest.hour[day]
            geometry = PassGeometry(day, overpass, away_km, number, hour, float(early[day]))
            if np.isfinite(away_km).any():
                generator = stream(world.settings.seed, "smos", overpass, str(world.days[day]))
                yield _observe(geometry, clean[:, :, day - first], patterns, generator)


def clean_tb(world: World, overpass: str, block: slice, feet: dict[bool, Footprint]) -> Floats:
    """Return the TB of the angle bins without errors, K, shape (2 [h, v], angle, day, cell).

    Args:
        world: a year of the truth.
        overpass: "A" or "D".
        block: days of the year.
        feet: footprints, by whether the view is oblique.
    """
    daily = {name: field[block] for name, field in world.daily.items()}
    surface = world.surface_k(orbits.SMOS.local_hour[overpass])[block]
    scene = scene_at(daily, surface, overpass)
    nodes = [
        feet[bool(angle > OBLIQUE_DEG)](lband_tb(scene, world.patches, float(angle)))
        for angle in NODES_DEG
    ]
    weights = _lagrange(NODES_DEG, ANGLES_DEG)
    return np.einsum("an,npdc->padc", weights, np.stack(nodes), optimize=True)


def _lagrange(nodes: Floats, points: Floats) -> Float32s:
    """Return the weights of polynomial interpolation, shape (point, node)."""
    weights = np.ones((len(points), len(nodes)))
    for i, here in enumerate(nodes):
        for other in np.delete(nodes, i):
            weights[:, i] *= (points - other) / (here - other)
    return weights.astype(np.float32)


def _observe(
    geometry: PassGeometry,
    clean: Floats,
    patterns: ErrorPatterns,
    generator: np.random.Generator,
) -> Overflight:
    """Add geometry, errors and interference to the clean TB of one day, (2 [h, v], angle, cell)."""
    cells = clean.shape[-1]
    away_km = np.where(np.isfinite(geometry.away_km), geometry.away_km, 1e4)
    edge = away_km / orbits.SMOS.half_swath_km  # 0 at the track, 1 at the edge of the swath
    # Near the track all angles are seen; towards the edge they narrow to 40…53 degrees.
    lowest, highest = 40.0 * edge**1.2, 65.0 - 12.0 * edge**2
    angle = ANGLES_DEG[:, None]
    covered = (angle + 2.5 > lowest) & (angle - 2.5 < highest) & (edge <= 1.0)
    shift = np.clip(0.5 * normal(generator, len(ANGLES_DEG), cells), -2, 2)
    shift += np.clip(
        lowest - angle, 0.0, 2.0
    )  # a bin cut by the lowest angle lies above its centre
    views = np.rint(np.clip(9.0 - 4.0 * edge, 2, 12) + normal(generator, len(ANGLES_DEG), cells))
    views = np.clip(views, 1, 15)
    sigma = geometry.noise * BIN_NOISE_K * (1.0 + 0.5 * edge**2) * np.sqrt(7.0 / (views + 1.0))
    sigma = np.minimum(sigma, 12.0)
    tb = clean + np.gradient(clean, ANGLES_DEG, axis=1) * shift
    tb = tb + _bin_noise(generator, cells) * sigma + _common_noise(geometry, patterns, generator)
    accuracy = np.broadcast_to(0.95 * sigma, tb.shape)
    spread = accuracy * np.sqrt(generator.chisquare(6, tb.shape) / 6.0)
    tb, spread, flagged = _interfere(tb, spread, views, patterns.rfi_rate, generator)
    blank = np.where(covered, 0.0, np.nan).astype(np.float32)
    return Overflight(
        day=geometry.day,
        overpass=geometry.overpass,
        tb_k=tb + blank,
        accuracy_k=accuracy + blank,
        spread_k=spread + blank,
        incidence_deg=angle + shift + blank,
        views=views + blank,
        rfi_views=flagged + blank,
        hour=np.where(covered.any(axis=0), geometry.hour, np.nan),
    )


def _common_noise(
    geometry: PassGeometry, patterns: ErrorPatterns, generator: np.random.Generator
) -> Floats:
    """Draw the errors common to all angles of a cell, region and pass, K, shape (2, 1, cell)."""
    cells = len(geometry.number)
    revolutions, revolution = np.unique(geometry.number, return_inverse=True)
    by_pass = normal(generator, 2, 1, len(revolutions))[:, :, revolution]
    by_cell = normal(generator, 2, 1, cells)
    by_region = patterns.near(normal(generator, 2, 1, patterns.near.nodes))
    return CELL_NOISE_K * by_cell + NEAR_NOISE_K * by_region + PASS_NOISE_K * by_pass


def _bin_noise(generator: np.random.Generator, cells: int) -> Float32s:
    """Draw unit errors of the bins, shape (2, angle, cell).

    A bin of 5° consists of two halves. The bin of 40 ± 2.5° consists of the upper half of the bin
    at 37.5° and the lower half of that at 42.5°, so it has their errors.
    """
    halves = normal(generator, 2, len(ANGLES_DEG), 2, cells)
    noise = halves.sum(axis=2) / np.float32(np.sqrt(2.0))
    upper, lower = halves[:, SHARED_BIN - 1, 1], halves[:, SHARED_BIN + 1, 0]
    noise[:, SHARED_BIN] = (upper + lower) / np.float32(np.sqrt(2.0))
    return noise


def _interfere(
    tb: Floats,
    spread: Floats,
    views: Floats,
    rfi_rate: Floats,
    generator: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """Add radio-frequency interference: warmer TB and larger spread, in most cases flagged.

    Args:
        tb, spread: K, shape (2 [h, v], angle, cell).
        views: number of snapshots, shape (angle, cell).
        rfi_rate: fraction of passes with interference, shape (cell,).
        generator: of the day and overpass.

    Returns:
        TB and spread, K, and the number of snapshots with a flag, shape (angle, cell).
    """
    cells = len(rfi_rate)
    hit = generator.random(cells) < rfi_rate
    bins = hit & (generator.random((len(ANGLES_DEG), cells)) < 0.7)
    strength = generator.exponential(18.0, (2, len(ANGLES_DEG), cells)) * bins
    caught = bins & (generator.random(bins.shape) < 0.85)
    false_alarm = generator.random(bins.shape) < 0.01
    fraction = np.where(caught, generator.uniform(0.3, 1.0, bins.shape), 0.15 * false_alarm)
    tb = np.minimum(tb + strength, 390.0)
    return tb, spread + 0.4 * strength, np.rint(fraction * views)
