"""Long-term change of vegetation: browning, greening, clearing with regrowth, and droughts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.simulate.world.climate import Setting
from glab.simulate.world.fields import Weather, stream

KINDS = ("none", "browning", "greening", "clearing")
CLEARED_FRACTION = 0.09
CLEARING_YEARS = (2003, 2018)
WARMING_K_PER_YEAR = 0.03


@dataclass(frozen=True)
class Change:
    """What happens to vegetation in the long run, each of shape (cell,).

    Attributes:
        trend_per_year: relative change a year of wood.
        leaf_share: change of leaves relative to that of wood.
        clearing_day: day of the record on which a cell is cleared, -1 for never.
        clearing_drop: share of VOD that is lost that day.
        regrowth_years: e-folding time of the regrowth of wood.
        warming_k_per_year: rise of temperature.
    """

    trend_per_year: np.ndarray
    leaf_share: np.ndarray
    clearing_day: np.ndarray
    clearing_drop: np.ndarray
    regrowth_years: np.ndarray
    warming_k_per_year: np.ndarray

    @property
    def kind(self) -> np.ndarray:
        """Number of the kind of change, of `KINDS`."""
        slow = np.where(self.trend_per_year < 0, 1, np.where(self.trend_per_year > 0, 2, 0))
        return np.where(self.clearing_day >= 0, 3, slow).astype(np.int16)


def no_change(cells: int) -> Change:
    """A world that stays as it is."""
    zero = np.zeros(cells)
    return Change(zero, zero, np.full(cells, -1), zero, np.full(cells, 10.0), zero)


def draw_change(
    weather: Weather, setting: Setting, days: np.ndarray, vod_mean: np.ndarray
) -> Change:
    """Draw trends in patches and clearings in clusters.

    Args:
        weather: source of random fields, with the place of the cells.
        setting: static maps.
        days: the record's days, datetime64.
        vod_mean: mean VOD of the cells; deserts are neither cleared nor do they green.
    """
    patches = weather.map("trend", length_cells=6)
    trend = np.sign(patches) * np.maximum(abs(patches) - 0.4, 0.0) * 0.010
    trend = np.where(vod_mean > 0.08, np.clip(trend, -0.018, 0.018), 0.0)
    day, drop = _clearings(weather, days, vod_mean)
    regrowth = stream(weather.seed, "regrowth").uniform(10.0, 30.0, len(trend))
    warming = WARMING_K_PER_YEAR * (1.0 - 60.0 * trend)
    leaf_share = np.clip(0.6 + 0.35 * weather.map("leaf trend", length_cells=6), 0.0, 1.4)
    return Change(trend, leaf_share, day, drop, regrowth, warming)


def _clearings(
    weather: Weather, days: np.ndarray, vod_mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of cells cleared within weeks of each other: day (-1: none) and share lost."""
    generator = stream(weather.seed, "clearing")
    cells = len(vod_mean)
    day, drop = np.full(cells, -1), np.zeros(cells)
    candidates = np.flatnonzero(vod_mean > 0.25)
    wanted = np.ceil(CLEARED_FRACTION * candidates.size)
    first, last = _allowed_days(days)
    while candidates.size and last > first and (day >= 0).sum() < wanted:
        centre = generator.choice(candidates)
        radius = generator.uniform(0.8, 2.6)
        distance = np.hypot(weather.row - weather.row[centre], weather.col - weather.col[centre])
        hit = (distance < radius) & (vod_mean > 0.2) & (day < 0)
        start = generator.integers(first, last)
        day[hit] = start + generator.integers(0, 45, hit.sum())
        drop[hit] = generator.uniform(0.3, 0.8)
        candidates = candidates[day[candidates] < 0]
    return day, drop


def _allowed_days(days: np.ndarray) -> tuple[int, int]:
    """Days of the record on which clearings may begin: 2003–2018, a year from either end."""
    years = [
        np.datetime64(f"{CLEARING_YEARS[0]}-01-01"),
        np.datetime64(f"{CLEARING_YEARS[1]}-12-31"),
    ]
    first, last = ((y - days[0]).astype("timedelta64[D]").astype(int) for y in years)
    return max(int(first), 365), min(int(last), len(days) - 365)


def lasting_factors(change: Change, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors on wood and on leaf by trend, clearing and regrowth, each of shape (time, cell)."""
    years = (np.arange(days, dtype=np.float32) - days / 2)[:, None] / np.float32(365.2425)
    slope = change.trend_per_year.astype(np.float32)
    wood = 1.0 + years * slope
    leaf = 1.0 + years * slope * change.leaf_share.astype(np.float32)
    for cell in np.flatnonzero(change.clearing_day >= 0):
        start = change.clearing_day[cell]
        since = np.arange(days - start, dtype=np.float32) / np.float32(365.2425)
        drop = np.float32(change.clearing_drop[cell])
        regrown = 1.0 - np.exp(-since / np.float32(change.regrowth_years[cell]))
        wood[start:, cell] *= 1.0 - drop * (1.0 - regrown)
        leaf[start:, cell] *= 1.0 - drop * np.exp(-since / 3.0)
    return wood, leaf


def droughts(weather: Weather, days: int) -> np.ndarray:
    """Strength 0…1 of regional droughts, shape (time, cell), float32."""
    generator = stream(weather.seed, "drought")
    strength = np.zeros((days, len(weather.row)), np.float32)
    centres = np.arange(len(weather.row))
    for _ in range(int(np.ceil(len(centres) / 90 * days / 365 / 4)) + 1):
        centre, radius = generator.choice(centres), generator.uniform(4.0, 14.0)
        length, peak = int(generator.integers(120, 420)), generator.uniform(0.3, 1.0)
        start = int(generator.integers(-200, days))
        away = np.hypot(weather.row - weather.row[centre], weather.col - weather.col[centre])
        near = np.flatnonzero(away < 2 * radius)
        when = np.arange(max(start, 0), min(start + length, days))
        course = np.sin(np.pi * (when - start) / length).astype(np.float32) ** 2
        shape = peak * np.exp(-0.5 * (away[near] / radius) ** 2).astype(np.float32)
        block = np.ix_(when, near)
        strength[block] = np.maximum(strength[block], course[:, None] * shape)
    return strength
