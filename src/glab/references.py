"""Other years as reference: slow change learnt from the differences between years.

A residual tells how far a value is from its baseline. Within the few years that a link is trained
on these distances are small where change is slow, and a network that minimises its error takes
them for noise. So some of the samples of each epoch are told relative to another year of their
cell: the mean of that year is taken from inputs and target alike, which is what another baseline
would have done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.calendar import year_of

Array = NDArray[np.float32]

RESIDUAL = re.compile(r"(.+)_(?:residual|mean\d+(?:_past|_future)?)")
"""Names of features that are residuals or running means of them; the label is the first group."""

SAMPLES_MIN = 5
"""Samples of a cell in a year, that its mean needs."""


@dataclass(frozen=True)
class References:
    """Means of cell-years, and which of them may serve each sample.

    Attributes:
        features: what is taken from the features, float32 (reference, feature); the last row is 0.
        target: what is taken from the targets, float32 (reference, target); the last row is 0.
        first: the first reference of each sample's cell and record, int (sample,).
        number: how many there are, int (sample,).
    """

    features: Array
    target: Array
    first: NDArray[np.int64]
    number: NDArray[np.int64]

    def drawn(self, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """A reference for each sample: for a share of them one of its cell's, for the rest none.

        Returns:
            row of `features` and `target`, int (sample,).
        """
        some = (rng.random(len(self.first)) < share) & (self.number > 0)
        chosen = self.first + (rng.random(len(self.first)) * self.number).astype(np.int64)
        return np.where(some, chosen, len(self.features) - 1)


def references(samples: xr.Dataset) -> References:
    """The years of each cell and record, from training samples alone.

    Args:
        samples: training samples of `glab.samples.draw`.
    """
    cell_year = np.stack(
        [
            samples["record"].values.astype(np.int64),
            samples["sample_cell"].values.astype(np.int64),
            year_of(samples["sample_day"].values.astype("datetime64[D]")),
        ]
    )
    groups, place, count = np.unique(cell_year, axis=1, return_inverse=True, return_counts=True)
    usable = count >= SAMPLES_MIN
    names = samples["feature"].values.astype(str).tolist()
    features = _means(samples["features"].values, _residual_columns(names), place, count)[usable]
    targets = range(samples.sizes["target_name"])
    target = _means(samples["target"].values, targets, place, count)[usable]
    _, owner = np.unique(groups[:2], axis=1, return_inverse=True)
    number = np.bincount(owner[usable], minlength=owner.max(initial=-1) + 1)
    first = np.cumsum(number) - number
    mine = owner[place]
    return References(_with_none(features), _with_none(target), first[mine], number[mine])


def _residual_columns(names: list[str]) -> list[int | None]:
    """For each feature the column of the residual that it is, or is a running mean of."""
    found: list[int | None] = []
    for column, name in enumerate(names):
        match = RESIDUAL.fullmatch(name)
        own = f"{match[1]}_residual" if match else None
        found.append(names.index(own) if own in names else column if match else None)
    return found


def _means(values: Array, columns: Sequence[int | None], place: NDArray, count: NDArray) -> Array:
    """Mean of each group, (group, column), of the given columns; 0 for None."""
    means = {
        column: np.bincount(place, values[:, column], minlength=len(count)) / count
        for column in set(columns) - {None}
    }
    nothing = np.zeros(len(count))
    return np.stack([means.get(column, nothing) for column in columns], -1).astype(np.float32)


def _with_none(means: Array) -> Array:
    """Means with a row of zeros behind them, for samples that keep their reference."""
    return np.concatenate([means, np.zeros((1, means.shape[1]), np.float32)])
