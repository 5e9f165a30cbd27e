"""Regridding weights between rectilinear grids: W = W_lat ⊗ W_lon, two thin bands.

Longitude depends on the column alone and latitude on the row alone, so the area that a source and
a target cell share is the product of two 1-D overlaps: of longitude, and of the sine of authalic
latitude (area on the ellipsoid between two parallels is proportional to its difference).
Bilinear weights are products of 1-D linear interpolations for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glab.errors import unknown_name
from glab.grids import Grid, sin_authalic

Floats = NDArray[np.float64]
METHODS = ("conservative", "bilinear", "nearest")


@dataclass(frozen=True, eq=False)
class Band:
    """A banded matrix from n source to m target cells along one axis.

    Attributes:
        start: first source cell of each target cell, shape (m,).
        weight: weights of the source cells start, start + 1, … (around the end of the axis where
            it is periodic), zero beyond the last; shape (m, width), float32.
        count: source cells of each target cell, shape (m,).
        size: n.
    """

    start: NDArray[np.int64]
    weight: NDArray[np.float32]
    count: NDArray[np.int64]
    size: int

    def dense(self) -> Floats:
        """The whole matrix, shape (m, n); for tests and for other sparse libraries."""
        matrix = np.zeros((self.start.size, self.size))
        for k in range(self.weight.shape[1]):
            columns = (self.start + k) % self.size
            np.add.at(matrix, (np.arange(self.start.size), columns), self.weight[:, k])
        return matrix

    def in_runs(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The band as long runs of target cells, each from source cells at one distance.

        Returns:
            Runs (first target cell, end, first source cell), shape (runs, 3), and weights,
            shape (width, m), counted from a run's own source cells: target cell first + i takes
            source cells first source + i, first source + i + 1, … No runs where they would be
            shorter than 16 cells on average.
        """
        width = max(self.weight.shape[1], min(4, self.weight.shape[1] + 1))
        shift = self.start - np.arange(self.start.size)
        runs: list[tuple[int, int, int]] = []
        offset = np.zeros(self.start.size, np.int64)
        for i, (distance, count) in enumerate(zip(shift.tolist(), self.count.tolist())):
            drift = distance - shift[runs[-1][0]] if runs else -1
            if drift < 0 or drift + max(count, 1) > width:
                runs.append((i, i, int(self.start[i])))
                drift = 0
            offset[i] = drift
            runs[-1] = (runs[-1][0], i + 1, runs[-1][2])
        if len(runs) * 16 > self.start.size:
            return np.empty((0, 3), np.int64), np.ascontiguousarray(self.weight.T)
        shifted = np.zeros((width, self.start.size), np.float32)
        for k in range(self.weight.shape[1]):
            used = self.count > k
            shifted[offset[used] + k, np.flatnonzero(used)] = self.weight[used, k]
        return np.array(runs, np.int64), shifted


@dataclass(frozen=True, eq=False)
class SeparableWeights:
    """The weights of a regridding, one band for each axis; rows of `y` and `x` sum to the share
    of the target cell that the source grid covers."""

    y: Band
    x: Band


def separable_weights(source: Grid, target: Grid, method: str = "conservative") -> SeparableWeights:
    """Weights between two rectilinear grids, rows and columns in the order of each.

    Args:
        source: the grid of the values.
        target: the grid they shall be on.
        method: "conservative" (first order, by shared area), "bilinear" (between source centres;
            beyond the outermost centre its value), or "nearest" (the source cell that holds the
            target's centre).

    Raises:
        GlabError: for an unknown method.
    """
    if method == "conservative":
        lat_source, lat_target = sin_authalic(source.lat_bounds), sin_authalic(target.lat_bounds)
        return SeparableWeights(
            overlap_band(lat_source, lat_target),
            overlap_band(source.lon_bounds, target.lon_bounds, period=360.0),
        )
    if method == "bilinear":
        return SeparableWeights(
            linear_band(source.lat, source.lat_bounds, target.lat),
            linear_band(source.lon, source.lon_bounds, target.lon, period=360.0),
        )
    if method == "nearest":
        rows = source.index(target.lat, np.full(target.lat.size, source.lon[0]))[0]
        cols = source.index(np.full(target.lon.size, source.lat[0]), target.lon)[1]
        return SeparableWeights(
            _single_band(rows, source.lat.size), _single_band(cols, source.lon.size)
        )
    raise unknown_name("regridding method", method, METHODS)


def overlap_band(source: Floats, target: Floats, period: float | None = None) -> Band:
    """Shared length of target and source intervals, over the target's length.

    Args:
        source: lower and upper bound of each source cell, shape (n, 2), monotonic.
        target: the same for the target, shape (m, 2).
        period: length of the axis when it is periodic (360 for longitude).
    """
    flipped = source.shape[0] > 1 and source[0, 0] > source[-1, 0]
    low, high = (source[::-1] if flipped else source).T
    size = low.size
    if period is not None:
        turns = period * np.round((target.mean(axis=1) - (low[0] + high[-1]) / 2) / period)
        target = target - turns[:, None]
        low, high = (np.concatenate([v - period, v, v + period]) for v in (low, high))
    slack = 1e-9 * np.diff(target, axis=1)[:, 0]
    first = np.searchsorted(high, target[:, 0] + slack, side="right")
    count = np.maximum(np.searchsorted(low, target[:, 1] - slack, side="left") - first, 0)
    cell = np.minimum(first[:, None] + np.arange(max(int(count.max()), 1)), low.size - 1)
    shared = np.minimum(high[cell], target[:, 1:]) - np.maximum(low[cell], target[:, :1])
    inside = np.arange(cell.shape[1]) < count[:, None]
    weight = np.where(inside, np.maximum(shared, 0) / np.diff(target, axis=1), 0.0)
    if not flipped:
        return Band(first % size, weight.astype(np.float32), count, size)
    return _flip(first % size, weight, count, size)


def _flip(start: NDArray[np.int64], weight: Floats, count: NDArray[np.int64], size: int) -> Band:
    """The same band for a source axis numbered from its other end."""
    last = start + np.maximum(count, 1) - 1
    place = np.maximum(np.maximum(count, 1)[:, None] - 1 - np.arange(weight.shape[1]), 0)
    reverse = np.take_along_axis(weight, place, axis=1)
    reverse[np.arange(weight.shape[1]) >= count[:, None]] = 0.0
    return Band(size - 1 - last, reverse.astype(np.float32), count, size)


def linear_band(
    centres: Floats, bounds: Floats, points: Floats, period: float | None = None
) -> Band:
    """Linear interpolation between cell centres; constant out to the outer bounds, zero beyond.

    Args:
        centres: source centres, shape (n,), monotonic.
        bounds: their cells' bounds, shape (n, 2).
        points: where values are wanted, shape (m,).
        period: length of the axis when it is periodic (360 for longitude).
    """
    size, sign = centres.size, 1.0 if centres[-1] >= centres[0] else -1.0
    closed = period is not None and bounds.max() - bounds.min() > period - 1e-6
    if period is not None:
        points = points - period * np.floor((points - bounds.min()) / period)
    covered = (points >= bounds.min()) & (points <= bounds.max())
    if size == 1:
        return _single_band(np.where(covered, 0, -1), size)
    axis = sign * centres
    if closed and period is not None:
        axis = np.concatenate([axis[-1:] - period, axis, axis[:1] + period])
    place = np.clip(np.searchsorted(axis, sign * points, side="right") - 1, 0, axis.size - 2)
    share = np.clip((sign * points - axis[place]) / (axis[place + 1] - axis[place]), 0, 1)
    weight = np.stack([1 - share, share], axis=1) * covered[:, None]
    start = (place - 1) % size if closed else place
    return Band(start, weight.astype(np.float32), np.where(covered, 2, 0), size)


def _single_band(cells: NDArray[np.int64], size: int) -> Band:
    """Weight 1 on one source cell, none where the cell is −1."""
    known = cells >= 0
    return Band(
        np.maximum(cells, 0), known[:, None].astype(np.float32), known.astype(np.int64), size
    )
