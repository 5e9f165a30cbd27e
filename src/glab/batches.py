"""Batches of samples held in memory, some of them told relative to another year."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glab.references import References

Pair = tuple[Tensor, Tensor]

Moved = tuple[Pair, Tensor]
"""References (features and targets), and the one of each sample."""


class Batches:
    """Slices of tensors held in memory, in the order of `rows`.

    Args:
        tensors: features (sample, feature) and target (sample, target).
        rows: samples of an epoch, in order.
        batch_size: samples at a time.
        moved: what is taken from features and target, and which of it from each sample.
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
                (less_features, less_target), reference = self.moved
                own = reference[rows]
                yield features[rows] - less_features[own], target[rows] - less_target[own]


def moved(found: References, share: float, seed: int, device: torch.device) -> Moved:
    """References of one epoch, drawn by a seed."""
    drawn: NDArray[np.int64] = found.drawn(share, np.random.default_rng(seed))
    parts = (torch.from_numpy(part).to(device) for part in (found.features, found.target, drawn))
    features, target, reference = parts
    return (features, target), reference
