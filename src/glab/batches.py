"""Batches of samples held in memory, some of them told relative to other years and places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glab.references import References

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Moved:
    """What is taken from each sample of an epoch, features and target alike.

    Attributes:
        years: of each reference, (reference, …).
        cycles: of each place and season, (place, season, …).
        reference, place: those drawn for each sample.
        own, season: the sample's own place, and its time of the year.
    """

    years: Pair
    cycles: Pair
    reference: Tensor
    place: Tensor
    own: Tensor
    season: Tensor

    def of(self, rows: Tensor) -> Pair:
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
        self, tensors: Pair, rows: Tensor, batch_size: int, moved: Moved | None = None
    ) -> None:
        self.tensors, self.rows, self.batch_size, self.moved = tensors, rows, batch_size, moved

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Pair]:
        features, target = self.tensors
        for rows in self.rows.split(self.batch_size):
            if self.moved is None:
                yield features[rows], target[rows]
            else:
                less_features, less_target = self.moved.of(rows)
                yield features[rows] - less_features, target[rows] - less_target


def moved(found: References, shares: tuple[float, float], seed: int, device: torch.device) -> Moved:
    """References of one epoch, drawn by a seed: shares of other years and of other cells."""
    reference, place = found.drawn(*shares, np.random.default_rng(seed))

    def here(*arrays: np.ndarray) -> Pair:
        first, second = (torch.from_numpy(array).to(device) for array in arrays)
        return first, second

    return Moved(
        here(found.features, found.target),
        here(found.cycle_features, found.cycle_target),
        *here(reference, place),
        *here(found.place, found.season),
    )
