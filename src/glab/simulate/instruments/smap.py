"""SMAP: L-band TB at 40° on the 36 km grid, one value per cell and day from the morning pass.

The simulated SMAP observes the ground without sky and atmosphere, as the simulated SMOS does; the
files of the real one refer to the surface too. Open water stays in the TB, as for SMOS; the
processing of real files removes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glab.arrays import Booleans, Float32s, Floats
from glab.grids import M36
from glab.simulate.instruments import orbits
from glab.simulate.world import (
    SubGrid,
    World,
    footprint,
    lband_tb,
    normal,
    scene_at,
    stream,
    subgrid_of,
)

SMAP_FWHM_KM = 40.0
"""Footprint of SMAP."""

INCIDENCE_DEG = 40.0

OVERPASS = "D"
"""The descending pass at 06:00; its scene is that of the morning, "A" of SMOS."""

NOISE_K: Float32s = np.array([[1.09], [1.15]], np.float32)
"""Noise of H and V (docs/science.md, section 1)."""

SEEN_LAND_MIN = 0.4
"""Least fraction of the footprint on land of the box; real files leave out the sea."""

INTERFERENCE_FRACTION, INTERFERENCE_K = 0.01, 15.0
"""Fraction of the views with interference that the processing detects but does not remove, and the
mean of what it adds; reasoned guesses."""


@dataclass(frozen=True)
class SmapDay:
    """TB of one day on a window of the 36 km grid.

    Attributes:
        day: day of the year, from 0.
        tb_k: K, shape (2 [h, v], view), NaN where not seen.
        disturbed: True where interference was detected, shape (view,).
        hour: UTC hour of the observation, NaN where not seen, shape (view,).
    """

    day: int
    tb_k: Floats
    disturbed: Booleans
    hour: Floats


def smap_window(world: World) -> SubGrid:
    """Return the part of the 36 km grid that overlaps the box of a world."""
    return subgrid_of(M36, world.settings.box, overlapping=True)


def smap_passes(world: World, window: SubGrid) -> orbits.NearestPasses:
    """Find the nearest morning pass of each day; `away_km` is inf while SMAP does not work."""
    days = len(world.days)
    nearest = orbits.nearest_passes(orbits.SMAP, OVERPASS, world.year, days, *window.centres)
    nearest.away_km[~orbits.is_working("smap", world.days)] = np.inf
    return nearest


def smap_l3(world: World) -> Iterator[SmapDay]:
    """Observe the box day by day; days on which no view is seen are left out."""
    window = smap_window(world)
    nearest = smap_passes(world, window)
    foot = footprint(world.land, *window.centres, SMAP_FWHM_KM)
    scene = scene_at(world.daily, world.surface_k(orbits.SMAP.local_hour[OVERPASS]))
    clean = foot(lband_tb(scene, world.patches, INCIDENCE_DEG))
    seen = np.isfinite(nearest.away_km) & (foot.seen_land >= SEEN_LAND_MIN)
    for day in np.flatnonzero(seen.any(axis=1)):
        generator = stream(world.settings.seed, "smap_l3", str(world.days[day]))
        views = seen.shape[1]
        noise = NOISE_K * normal(generator, 2, views)
        disturbed = generator.random(views) < INTERFERENCE_FRACTION
        interference = generator.exponential(INTERFERENCE_K, views) * disturbed
        blank = np.where(seen[day], 0.0, np.nan)
        yield SmapDay(
            day=int(day),
            tb_k=clean[:, day] + noise + interference + blank,
            disturbed=disturbed & seen[day],
            hour=nearest.hour[day] + blank,
        )
