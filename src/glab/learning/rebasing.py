"""Express training samples relative to other years and other cells.

Residuals are anomalies from a short baseline. Within it, slow change is smaller than noise, so a
network trained on mean squared error damps it, and a change that no training cell experienced,
such as clearing of dense forest, cannot be learned. We therefore express some samples relative to

* another year of their cell: the mean of that year is subtracted from the residuals of inputs and
  target and added to their seasonal cycles, as if that year had been the baseline;
* a year of another cell: the difference between the two seasonal cycles is moved as well. Cells
  differ by more than years do, and in other properties too (soil, roughness, scattering), so this
  is done in the first epochs only.

The sum of residual and seasonal cycle of a sample does not change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from glab.arrays import Float32s, Floats, Indices
from glab.calendar import Days, day_of_year, year_of
from glab.config import Network

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
class RebasePool:
    """Means of the years of each place (a cell in a sensor), and the seasonal cycles of places.

    Attributes:
        features: what a year takes from the features, float32 (reference, feature); the last row
            is 0.
        target: what it takes from the targets, float32 (reference, target); the last row is 0.
        owner: place of each reference but the last, int (reference,).
        first: the first reference of each place, int (place,).
        number: how many it has, int (place,).
        peers: the first reference of its sensor, and the one behind its last, int (place, 2).
        cycle_features: the same of seasonal cycles, float32 (place, season, feature), 0 where a
            place has no sample in a season.
        cycle_target: float32 (place, season, target).
        known: where it has one, bool (place, season).
        place: of each sample, int (sample,).
        season: of each sample, int (sample,).
    """

    features: Float32s
    target: Float32s
    owner: Indices
    first: Indices
    number: Indices
    peers: Indices
    cycle_features: Float32s
    cycle_target: Float32s
    known: NDArray[np.bool_]
    place: Indices
    season: Indices

    def draw(
        self, years_fraction: float, places_fraction: float, rng: np.random.Generator
    ) -> tuple[Indices, Indices]:
        """A reference for each sample.

        Args:
            years_fraction: of the samples, that are told relative to a year of their own place.
            places_fraction: of the samples, that are told relative to a year of any place of their
                sensor instead, where that has a seasonal cycle at the sample's time of the year.
            rng: draws them.

        Returns:
            row of `features` and `target`, and its place, int (sample,).
        """
        size, none = len(self.place), len(self.owner)
        number = self.number[self.place]
        some = (rng.random(size) < years_fraction) & (number > 0)
        own = self.first[self.place] + (rng.random(size) * number).astype(np.int64)
        row, place = np.where(some, own, none), self.place
        if places_fraction > 0 and none:
            first, end = self.peers[self.place].T
            other = np.minimum(
                first + (rng.random(size) * (end - first)).astype(np.int64), none - 1
            )
            there = self.owner[other]
            moves = (rng.random(size) < places_fraction) & (end > first)
            moves &= self.known[there, self.season]
            row, place = np.where(moves, other, row), np.where(moves, there, place)
        return row, place


def rebase_fractions(settings: Network, epoch: int) -> tuple[float, float]:
    """Shares of an epoch's samples that are told relative to other years and to other cells."""
    first = epoch < settings.places_epochs * settings.epochs
    return settings.rebased_fraction, settings.places_fraction if first else 0.0


def build_rebase_pool(samples: xr.Dataset) -> RebasePool:
    """The years of each place and their seasonal cycles, from training samples alone.

    Args:
        samples: training samples of `glab.learning.samples.draw`.
    """
    when = samples["sample_day"].values.astype("datetime64[D]")
    cell_year = np.stack([samples["sensor"].values, samples["sample_cell"].values, year_of(when)])
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
    return RebasePool(
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


def _ranges(sensors: Indices, wanted: Indices) -> Indices:
    """Where each wanted sensor begins and ends among ascending ones, (wanted, 2)."""
    sides = (np.searchsorted(sensors, wanted, side) for side in ("left", "right"))
    return np.stack([*sides], axis=-1)


def _season(days: Days) -> Indices:
    """Stretch of the year that each day lies in."""
    return np.minimum((day_of_year(days) - 1) // SEASON_DAYS, SEASONS - 1)


def _residuals(samples: xr.Dataset) -> dict[str, Float32s]:
    """Residuals by label: of each input, or where it has none its shortest mean, and of targets."""
    features, target = samples["features"].values, samples["target"].values
    found = {f"target_{name}": target[:, i] for i, name in enumerate(samples["target_name"].values)}
    for column, name in enumerate(samples["feature"].values.astype(str)):
        match = NAME.fullmatch(name)
        if match and not match["target"] and not match["cycle"]:
            found.setdefault(match["label"], features[:, column])
    return found


def _cycles(samples: xr.Dataset) -> dict[str, Float32s]:
    """Seasonal cycles by label: of inputs that show theirs, and of targets."""
    features, target = samples["features"].values, samples["target_climatology"].values
    found = {f"target_{name}": target[:, i] for i, name in enumerate(samples["target_name"].values)}
    for column, name in enumerate(samples["feature"].values.astype(str)):
        match = NAME.fullmatch(name)
        if match and match["cycle"] and not match["target"]:
            found[match["label"]] = features[:, column]
    return found


def _by_season(values: Float32s, place: Indices, season: Indices, places: int) -> Floats:
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


def _shifts(names: Sequence[str], rebase: Callable[[str, int], Floats]) -> Float32s:
    """What a reference takes from each feature, (…, feature): from a residual or a running mean
    of so many days what its label moves by, from a cycle the same with the other sign."""
    columns = []
    for name in names:
        match = NAME.fullmatch(name)
        label = f"{match['target'] or ''}{match['label']}" if match else ""
        shift = rebase(label, int(match["days"] or 0) if match else 0)
        columns.append(-shift if match and match["cycle"] else shift)
    return np.stack(columns, axis=-1).astype(np.float32)


def _with_none(means: Float32s) -> Float32s:
    """Means with a row of zeros behind them, for samples that keep their reference."""
    return np.concatenate([means, np.zeros((1, means.shape[1]), np.float32)])


TensorPair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Rebased:
    """What is taken from each sample of an epoch, features and target alike.

    Attributes:
        years: of each reference, (reference, …).
        cycles: of each place and season, (place, season, …).
        reference, place: those drawn for each sample.
        own, season: the sample's own place, and its time of the year.
    """

    years: TensorPair
    cycles: TensorPair
    reference: Tensor
    place: Tensor
    own: Tensor
    season: Tensor

    def of(self, rows: Tensor) -> TensorPair:
        """What is taken from some samples."""
        reference, season = self.reference[rows], self.season[rows]
        there, here = self.place[rows], self.own[rows]
        features, target = (
            year[reference] + cycle[there, season] - cycle[here, season]
            for year, cycle in zip(self.years, self.cycles)
        )
        return features, target


class Batches:
    """Slices of tensors held in memory, in the order of `rows`.

    Args:
        tensors: features (sample, feature) and target (sample, target).
        rows: samples of an epoch, in order.
        batch_size: samples at a time.
        moved: what is taken from them; None for nothing.
    """

    def __init__(
        self, tensors: TensorPair, rows: Tensor, batch_size: int, rebase: Rebased | None = None
    ) -> None:
        self.tensors, self.rows, self.batch_size, self.moved = tensors, rows, batch_size, rebase

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[TensorPair]:
        features, target = self.tensors
        for rows in self.rows.split(self.batch_size):
            if self.moved is None:
                yield features[rows], target[rows]
            else:
                less_features, less_target = self.moved.of(rows)
                yield features[rows] - less_features, target[rows] - less_target


def rebase(
    found: RebasePool, fractions: tuple[float, float], seed: int, device: torch.device
) -> Rebased:
    """References of one epoch, drawn by a seed: shares of other years and of other cells."""
    reference, place = found.draw(*fractions, np.random.default_rng(seed))

    def here(*arrays: np.ndarray) -> TensorPair:
        first, second = (torch.from_numpy(array).to(device) for array in arrays)
        return first, second

    return Rebased(
        here(found.features, found.target),
        here(found.cycle_features, found.cycle_target),
        *here(reference, place),
        *here(found.place, found.season),
    )
