"""Other years as reference: slow change learnt from the differences between years.

A residual tells how far a value is from its baseline. Within the few years that a link is trained
on these distances are small where change is slow, and a network that minimises its error takes
them for noise. So some of the samples of each epoch are told relative to another year of their
cell: the mean of that year is taken from the residuals of inputs and target alike and added to
their seasonal cycles, which is what a baseline of that year would have done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.calendar import year_of

Array = NDArray[np.float32]
Floats = NDArray[np.floating]

NAME = re.compile(
    r"(?P<target>target_)?(?P<label>.+)_(?:(?P<cycle>climatology)|residual|mean\d+(?:_past|_future)?)"
)
"""Names of features that another baseline would change: residuals, running means and cycles."""

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
    residuals = _residuals(samples)
    means = {
        name: (np.bincount(place, values, minlength=len(count)) / count)[usable]
        for name, values in residuals.items()
    }
    names = samples["feature"].values.astype(str).tolist()
    features = _shifts(names, means, int(usable.sum()))
    target = np.stack([means[f"target_{name}"] for name in samples["target_name"].values], -1)
    _, owner = np.unique(groups[:2], axis=1, return_inverse=True)
    number = np.bincount(owner[usable], minlength=owner.max(initial=-1) + 1)
    first = np.cumsum(number) - number
    mine = owner[place]
    return References(_with_none(features), _with_none(target), first[mine], number[mine])


def _residuals(samples: xr.Dataset) -> dict[str, Array]:
    """Residuals by label: of each input, or where it has none its shortest mean, and of targets."""
    features, target = samples["features"].values, samples["target"].values
    found = {f"target_{name}": target[:, i] for i, name in enumerate(samples["target_name"].values)}
    for column, name in enumerate(samples["feature"].values.astype(str)):
        match = NAME.fullmatch(name)
        if match and not match["target"] and not match["cycle"]:
            found.setdefault(match["label"], features[:, column])
    return found


def _shifts(names: Sequence[str], means: Mapping[str, Floats], size: int) -> Floats:
    """What a reference takes from each feature, (reference, feature): from residuals its mean,
    from cycles the same with the other sign, from anything else nothing."""
    columns = []
    for name in names:
        match = NAME.fullmatch(name)
        label = f"{match['target'] or ''}{match['label']}" if match else ""
        mean = means.get(label, np.zeros(size))
        columns.append(-mean if match and match["cycle"] else mean)
    return np.stack(columns, -1)


def _with_none(means: Floats) -> Array:
    """Means with a row of zeros behind them, for samples that keep their reference."""
    return np.concatenate([means, np.zeros((1, means.shape[1]))]).astype(np.float32)
