"""Vegetation: VOD of wood and leaves, their season and anomalies, and long-term change.

Long-term change is browning, greening, clearing with regrowth, warming, and droughts. It is the
only trend of a world: anomalies have none. The numbers of this module are choices of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.arrays import Float32s, Floats, Indices, Int16s
from glab.calendar import DAYS_PER_YEAR, Days
from glab.simulate.world.fields import RandomFields, detrend, stream
from glab.simulate.world.maps import TrueMaps
from glab.simulate.world.weather import SlowAnomalies

CLASSES = {
    "ENF": (0.44, 0.12, 0.25),
    "EBF": (0.72, 0.18, 0.14),
    "DNF": (0.40, 0.12, 0.50),
    "DBF": (0.46, 0.16, 0.60),
    "MF": (0.45, 0.14, 0.45),
    "CSH": (0.14, 0.10, 0.40),
    "OSH": (0.03, 0.05, 0.40),
    "WSA": (0.34, 0.18, 0.60),
    "SAV": (0.14, 0.16, 0.75),
    "GRA": (0.02, 0.12, 0.80),
    "WET": (0.12, 0.14, 0.60),
    "CRO": (0.02, 0.15, 1.00),
    "URB": (0.04, 0.06, 0.50),
    "MOS": (0.10, 0.16, 0.80),
    "ICE": (0.0, 0.0, 0.0),
    "BAR": (0.0, 0.01, 0.50),
}
"""Mean VOD of wood, mean VOD of leaves, and relative seasonal swing of leaves by IGBP class."""

WOOD, LEAF, SWING = (np.array(column) for column in zip(*CLASSES.values()))

KINDS = ("none", "browning", "greening", "clearing")

CLEARED_FRACTION = 0.09
"""Fraction of the vegetated cells that is cleared within `CLEARING_YEARS`."""

CLEARING_YEARS = (2003, 2018)
"""Clearings need years of data on both sides, so that a drop can be measured."""

WARMING_K_PER_YEAR = 0.03
"""Mean rise of temperature, a reasoned guess."""


@dataclass(frozen=True)
class MeanVod:
    """Mean state of vegetation, each of shape (cell,), float32.

    Attributes:
        wood, leaf: VOD.
        swing: seasonal swing of leaves, relative to their mean.
    """

    wood: Float32s
    leaf: Float32s
    swing: Float32s


def mean_vod(random: RandomFields, maps: TrueMaps) -> MeanVod:
    """Return the mean VOD by land cover, with differences within a class."""
    wood = maps.igbp @ WOOD * np.exp(0.15 * random.map("wood", length_cells=3))
    leaf = maps.igbp @ LEAF * np.exp(0.12 * random.map("leaf", length_cells=3))
    swing = maps.igbp @ SWING
    return MeanVod(*(field.astype(np.float32) for field in (wood, leaf, swing)))


def greenness(random: RandomFields, maps: TrueMaps, phase: Floats) -> Floats:
    """Return the season of leaves, (time, cell): mean about 0, −0.5…1, more peaked than a sine."""
    shift = 0.08 * detrend(random.series("onset", length_cells=8, memory_days=200))
    angle = phase[:, None].astype(np.float32) - maps.green_phase.astype(np.float32) + shift
    skewed = angle + 0.35 * np.sin(angle)  # leaves come faster than they go
    peaked = np.exp(1.1 * (np.cos(skewed) - 1.0))
    return 1.6 * (peaked - 0.46)


def daily_vod(
    random: RandomFields,
    maps: TrueMaps,
    mean: MeanVod,
    phase: Floats,
    slow: SlowAnomalies,
    factors: tuple[Floats, Floats],
) -> tuple[Floats, Floats]:
    """Return the daily VOD of wood and of leaves, each of shape (time, cell).

    Args:
        random: random fields on the cells.
        maps: static maps.
        mean: mean state.
        phase: phase of the year of each day, radians, shape (time,).
        slow: slow anomalies that vegetation and water have in common.
        factors: of long-term change on wood and on leaves, each of shape (time, cell).
    """
    yearly = detrend(random.series("leaf years", length_cells=4, memory_days=200))
    quick = random.series("leaf weeks", length_cells=3, memory_days=20)
    hydration = detrend(random.series("wood years", length_cells=5, memory_days=300))
    green = greenness(random, maps, phase)
    dry = (1.3 - maps.wetness).astype(np.float32)
    leaf_anomaly = dry * (0.12 * slow.common + 0.14 * yearly + 0.07 * quick - 0.35 * slow.drought)
    wood_anomaly = 0.06 * hydration + 0.02 * slow.common + 0.015 * quick - 0.06 * slow.drought
    leaf = mean.leaf * (1.0 + mean.swing * green) * np.exp(leaf_anomaly)
    season = np.float32(0.05) * np.roll(green, 20, axis=0)  # water of wood lags leaves by 20 days
    wood = mean.wood * (1.0 + season) * np.exp(wood_anomaly)
    return remove_line(wood) * factors[0], remove_line(leaf) * factors[1]


def remove_line(vod: Floats) -> Floats:
    """Remove the straight line that anomalies happen to have, so that only known change remains."""
    return np.maximum(detrend(vod) + vod.mean(axis=0), np.float32(0.2) * vod)


# --- long-term change ---------------------------------------------------------------------------


@dataclass(frozen=True)
class LongTermChange:
    """Long-term change of vegetation and temperature, each of shape (cell,).

    Attributes:
        trend_per_year: relative change of wood per year.
        leaf_ratio: change of leaves relative to that of wood.
        clearing_day: number of the day, from 0, on which a cell is cleared; −1 for never.
        clearing_drop: fraction of VOD that is lost on that day.
        regrowth_years: e-folding time of the regrowth of wood.
        warming_k_per_year: rise of temperature.
    """

    trend_per_year: Floats
    leaf_ratio: Floats
    clearing_day: Indices
    clearing_drop: Floats
    regrowth_years: Floats
    warming_k_per_year: Floats

    @property
    def kind(self) -> Int16s:
        """Number of the kind of change, of `KINDS`."""
        slow = np.where(self.trend_per_year < 0, 1, np.where(self.trend_per_year > 0, 2, 0))
        return np.where(self.clearing_day >= 0, 3, slow).astype(np.int16)


def no_change(cells: int) -> LongTermChange:
    """Return the change of a world in which nothing changes in the long run."""
    zero = np.zeros(cells)
    return LongTermChange(zero, zero, np.full(cells, -1), zero, np.full(cells, 10.0), zero)


def draw_change(random: RandomFields, days: Days, vod_mean: Floats) -> LongTermChange:
    """Draw trends in patches and clearings in clusters.

    Args:
        random: random fields on the cells.
        days: the days of the world, datetime64.
        vod_mean: mean VOD of the cells; cells without vegetation do not change.
    """
    patches = random.map("trend", length_cells=6)
    # About a third of the cells has no trend; no trend is above 1.8 per cent per year.
    trend = np.sign(patches) * np.maximum(abs(patches) - 0.4, 0.0) * 0.010
    trend = np.where(vod_mean > 0.08, np.clip(trend, -0.018, 0.018), 0.0)
    day, drop = _draw_clearings(random, days, vod_mean)
    regrowth = stream(random.seed, "regrowth").uniform(10.0, 30.0, len(trend))
    warming = WARMING_K_PER_YEAR * (1.0 - 60.0 * trend)  # browning soil heats up
    leaf_ratio = np.clip(0.6 + 0.35 * random.map("leaf trend", length_cells=6), 0.0, 1.4)
    return LongTermChange(trend, leaf_ratio, day, drop, regrowth, warming)


def _draw_clearings(random: RandomFields, days: Days, vod_mean: Floats) -> tuple[Indices, Floats]:
    """Draw clusters of cells that are cleared within weeks: day (−1: never) and fraction lost."""
    generator = stream(random.seed, "clearing")
    day, drop = np.full(len(vod_mean), -1), np.zeros(len(vod_mean))
    candidates = np.flatnonzero(vod_mean > 0.25)
    wanted = np.ceil(CLEARED_FRACTION * candidates.size)
    bounds = [
        np.datetime64(f"{CLEARING_YEARS[0]}-01-01"),
        np.datetime64(f"{CLEARING_YEARS[1]}-12-31"),
    ]
    first, last = (int((b - days[0]).astype("timedelta64[D]").astype(int)) for b in bounds)
    first, last = max(first, 365), min(last, len(days) - 365)
    while candidates.size and last > first and (day >= 0).sum() < wanted:
        centre = generator.choice(candidates)
        radius = generator.uniform(0.8, 2.6)
        distance = np.hypot(random.row - random.row[centre], random.col - random.col[centre])
        hit = (distance < radius) & (vod_mean > 0.2) & (day < 0)
        start = generator.integers(first, last)
        day[hit] = start + generator.integers(0, 45, hit.sum())
        drop[hit] = generator.uniform(0.3, 0.8)
        candidates = candidates[day[candidates] < 0]
    return day, drop


def change_factors(change: LongTermChange, days: int) -> tuple[Floats, Floats]:
    """Return the factors of trend, clearing and regrowth on wood and on leaves, (time, cell)."""
    years = years_from_middle(days)
    slope = change.trend_per_year.astype(np.float32)
    wood = 1.0 + years * slope
    leaf = 1.0 + years * slope * change.leaf_ratio.astype(np.float32)
    for cell in np.flatnonzero(change.clearing_day >= 0):
        start = change.clearing_day[cell]
        since = np.arange(days - start, dtype=np.float32) / np.float32(DAYS_PER_YEAR)
        drop = np.float32(change.clearing_drop[cell])
        regrown = 1.0 - np.exp(-since / np.float32(change.regrowth_years[cell]))
        wood[start:, cell] *= 1.0 - drop * (1.0 - regrown)
        leaf[start:, cell] *= 1.0 - drop * np.exp(-since / 3.0)  # leaves return within years
    return wood, leaf


def years_from_middle(days: int) -> Float32s:
    """Return the years of each day from the middle of the world, shape (time, 1)."""
    return (np.arange(days, dtype=np.float32) - days / 2)[:, None] / np.float32(DAYS_PER_YEAR)


def slow_anomalies(random: RandomFields, change: LongTermChange, days: int) -> SlowAnomalies:
    """Return the slow anomalies of a world, each of shape (time, cell)."""
    years = years_from_middle(days)
    return SlowAnomalies(
        common=detrend(random.series("slow", length_cells=7, memory_days=220)),
        drought=droughts(random, days),
        trend=years * change.trend_per_year.astype(np.float32),
        warming_k=years * change.warming_k_per_year.astype(np.float32),
    )


def droughts(random: RandomFields, days: int) -> Float32s:
    """Draw regional droughts: strength 0…1, shape (time, cell).

    A region of 90 cells has one drought of 120 to 420 days in four years.
    """
    generator = stream(random.seed, "drought")
    strength = np.zeros((days, len(random.row)), np.float32)
    centres = np.arange(len(random.row))
    for _ in range(int(np.ceil(len(centres) / 90 * days / 365 / 4)) + 1):
        centre, radius = generator.choice(centres), generator.uniform(4.0, 14.0)
        length, peak = int(generator.integers(120, 420)), generator.uniform(0.3, 1.0)
        start = int(generator.integers(-200, days))
        away = np.hypot(random.row - random.row[centre], random.col - random.col[centre])
        near = np.flatnonzero(away < 2 * radius)
        when = np.arange(max(start, 0), min(start + length, days))
        course = np.sin(np.pi * (when - start) / length).astype(np.float32) ** 2
        shape = peak * np.exp(-0.5 * (away[near] / radius) ** 2).astype(np.float32)
        block = np.ix_(when, near)
        strength[block] = np.maximum(strength[block], course[:, None] * shape)
    return strength
