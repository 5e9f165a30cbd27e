"""Other references: what a link learns from differences between years and between places.

A residual tells how far a value is from its baseline. Within the few years that a link is trained
on these distances are small, and a network that minimises its error takes slow change for noise
and knows nothing of a change larger than these years hold. So samples are told relative to

* another year of their cell: the mean of that year is taken from the residuals of inputs and
  target alike and added to their seasonal cycles, as if that year had been the baseline;
* a year of another cell: the distance between the two seasonal cycles as well, as if that cell's
  past had been this one's. Places differ by more than years do, in other things, too (soil,
  roughness, scattering), so that they serve the first epochs alone.

What a sample says stays the same: residual and seasonal cycle have the same sum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.calendar import Days, day_of_year, year_of
from glab.config import Network

Array = NDArray[np.float32]
Floats = NDArray[np.floating]
Integers = NDArray[np.int64]

NAME = re.compile(
    r"(?P<target>target_)?(?P<label>.+)_"
    r"(?:(?P<cycle>climatology)|residual|mean(?P<days>\d+)(?:_past|_future)?)"
)
"""Names of features that another baseline would change: residuals, running means and cycles."""

SAMPLES_MIN = 5
"""Samples of a cell in a year, that its mean needs."""

SEASON_DAYS, SEASONS = 18, 20
"""Seasonal cycles of places are compared in stretches of the year; the last is a little longer."""


@dataclass(frozen=True)
class References:
    """Means of the years of each place (a cell in a record), and the seasonal cycles of places.

    Attributes:
        features: what a year takes from the features, float32 (reference, feature); the last row
            is 0.
        target: what it takes from the targets, float32 (reference, target); the last row is 0.
        owner: place of each reference but the last, int (reference,).
        first: the first reference of each place, int (place,).
        number: how many it has, int (place,).
        peers: the first reference of its record, and the one behind its last, int (place, 2).
        cycle_features: the same of seasonal cycles, float32 (place, season, feature), 0 where a
            place has no sample in a season.
        cycle_target: float32 (place, season, target).
        known: where it has one, bool (place, season).
        place: of each sample, int (sample,).
        season: of each sample, int (sample,).
    """

    features: Array
    target: Array
    owner: Integers
    first: Integers
    number: Integers
    peers: Integers
    cycle_features: Array
    cycle_target: Array
    known: NDArray[np.bool_]
    place: Integers
    season: Integers

    def drawn(
        self, years_share: float, places_share: float, rng: np.random.Generator
    ) -> tuple[Integers, Integers]:
        """A reference for each sample.

        Args:
            years_share: of the samples, that are told relative to a year of their own place.
            places_share: of the samples, that are told relative to a year of any place of their
                record instead, where that has a seasonal cycle at the sample's time of the year.
            rng: draws them.

        Returns:
            row of `features` and `target`, and its place, int (sample,).
        """
        size, none = len(self.place), len(self.owner)
        number = self.number[self.place]
        some = (rng.random(size) < years_share) & (number > 0)
        own = self.first[self.place] + (rng.random(size) * number).astype(np.int64)
        row, place = np.where(some, own, none), self.place
        if places_share > 0 and none:
            first, end = self.peers[self.place].T
            other = np.minimum(
                first + (rng.random(size) * (end - first)).astype(np.int64), none - 1
            )
            there = self.owner[other]
            moves = (rng.random(size) < places_share) & (end > first)
            moves &= self.known[there, self.season]
            row, place = np.where(moves, other, row), np.where(moves, there, place)
        return row, place


def shares(settings: Network, epoch: int) -> tuple[float, float]:
    """Shares of an epoch's samples that are told relative to other years and to other cells."""
    first = epoch < settings.places_epochs * settings.epochs
    return settings.rebased_share, settings.places_share if first else 0.0


def references(samples: xr.Dataset) -> References:
    """The years of each place and their seasonal cycles, from training samples alone.

    Args:
        samples: training samples of `glab.samples.draw`.
    """
    when = samples["sample_day"].values.astype("datetime64[D]")
    cell_year = np.stack([samples["record"].values, samples["sample_cell"].values, year_of(when)])
    groups, group, count = np.unique(cell_year, axis=1, return_inverse=True, return_counts=True)
    places, owner = np.unique(groups[:2], axis=1, return_inverse=True)
    usable = count >= SAMPLES_MIN
    means = {
        name: (np.bincount(group, values, minlength=len(count)) / count)[usable]
        for name, values in _residuals(samples).items()
    }
    place, season = owner[group], _season(when)
    cycles = {
        name: _by_season(values, place, season, places.shape[1])
        for name, values in _cycles(samples).items()
    }

    def of_year(label: str, days: int) -> Floats:
        return means.get(label, np.zeros(int(usable.sum())))

    def of_place(label: str, days: int) -> Floats:
        none = np.full((places.shape[1], SEASONS), np.nan)
        return _smoothed(cycles.get(label, none), days)

    names = samples["feature"].values.astype(str).tolist()
    targets = [f"target_{name}_residual" for name in samples["target_name"].values]
    number = np.bincount(owner[usable], minlength=places.shape[1])
    return References(
        features=_with_none(_shifts(names, of_year)),
        target=_with_none(_shifts(targets, of_year)),
        owner=owner[usable],
        first=np.cumsum(number) - number,
        number=number,
        peers=_ranges(places[0][owner[usable]], places[0]),
        cycle_features=_shifts(names, of_place),
        cycle_target=_shifts(targets, of_place),
        known=np.asarray(np.isfinite(np.stack([*cycles.values()])).all(axis=0)),
        place=place,
        season=season,
    )


def _ranges(records: Integers, wanted: Integers) -> Integers:
    """Where each wanted record begins and ends among ascending ones, (wanted, 2)."""
    sides = (np.searchsorted(records, wanted, side) for side in ("left", "right"))
    return np.stack([*sides], axis=-1)


def _season(days: Days) -> Integers:
    """Stretch of the year that each day lies in."""
    return np.minimum((day_of_year(days) - 1) // SEASON_DAYS, SEASONS - 1)


def _residuals(samples: xr.Dataset) -> dict[str, Array]:
    """Residuals by label: of each input, or where it has none its shortest mean, and of targets."""
    features, target = samples["features"].values, samples["target"].values
    found = {f"target_{name}": target[:, i] for i, name in enumerate(samples["target_name"].values)}
    for column, name in enumerate(samples["feature"].values.astype(str)):
        match = NAME.fullmatch(name)
        if match and not match["target"] and not match["cycle"]:
            found.setdefault(match["label"], features[:, column])
    return found


def _cycles(samples: xr.Dataset) -> dict[str, Array]:
    """Seasonal cycles by label: of inputs that show theirs, and of targets."""
    features, target = samples["features"].values, samples["target_climatology"].values
    found = {f"target_{name}": target[:, i] for i, name in enumerate(samples["target_name"].values)}
    for column, name in enumerate(samples["feature"].values.astype(str)):
        match = NAME.fullmatch(name)
        if match and match["cycle"] and not match["target"]:
            found[match["label"]] = features[:, column]
    return found


def _by_season(values: Array, place: Integers, season: Integers, places: int) -> Floats:
    """Mean of the samples of each place and season, (place, season); NaN where there is none."""
    cell, size = place * SEASONS + season, places * SEASONS
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, values, minlength=size)
    mean = np.divide(total, count, where=count > 0, out=np.full(size, np.nan))
    return mean.reshape(places, SEASONS)


def _smoothed(cycle: Floats, days: int) -> Floats:
    """Running mean of seasonal cycles (…, season) around the year, of the seasons there are."""
    half = min(days // SEASON_DAYS, SEASONS - 1) // 2
    around = np.stack([np.roll(cycle, step, axis=-1) for step in range(-half, half + 1)])
    there = np.isfinite(around)
    count = there.sum(axis=0)
    total = np.where(there, around, 0.0).sum(axis=0)
    return np.divide(total, count, where=count > 0, out=np.zeros(cycle.shape))


def _shifts(names: Sequence[str], moved: Callable[[str, int], Floats]) -> Array:
    """What a reference takes from each feature, (…, feature): from a residual or a running mean
    of so many days what its label moves by, from a cycle the same with the other sign."""
    columns = []
    for name in names:
        match = NAME.fullmatch(name)
        label = f"{match['target'] or ''}{match['label']}" if match else ""
        shift = moved(label, int(match["days"] or 0) if match else 0)
        columns.append(-shift if match and match["cycle"] else shift)
    return np.stack(columns, axis=-1).astype(np.float32)


def _with_none(means: Array) -> Array:
    """Means with a row of zeros behind them, for samples that keep their reference."""
    return np.concatenate([means, np.zeros((1, means.shape[1]), np.float32)])
