"""Random fields that are correlated in space and in time.

In space, independent random numbers on a lattice are mixed by a Gaussian kernel. In time, a value
depends on that of the day before. Each random stream depends on its purpose, never on the order in
which jobs run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from glab.arrays import Array, Float32s, Float64s, Floats, Indices
from glab.seeds import seed_of

NODE_SPACING = 1.4
"""Distance of the lattice nodes in standard deviations of the kernel; a reasoned guess. The weights
of each cell are scaled to unit variance, so the lattice leaves no trace in it."""

REACH = 3.0
"""Radius of the kernel in standard deviations, where its weight is 1 per cent."""


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random generator of one purpose.

    Args:
        seed: seed of the world.
        *purpose: names and numbers that distinguish this stream from all others, for example
            ("smos_l3", "A", "2012-05-01"). A changed purpose is another world: see
            `glab.seeds.seed_of`.
    """
    # SFC64 is the fastest of NumPy's bit generators; a world needs many numbers.
    return np.random.Generator(np.random.SFC64(seed_of(seed, "world", *purpose)))


def normal(generator: np.random.Generator, *shape: int) -> Float32s:
    """Draw standard normal numbers, float32."""
    return generator.standard_normal(shape, dtype=np.float32)


@dataclass(frozen=True)
class Mixer:
    """Mix independent nodes into a field of unit variance that is correlated over a length.

    Attributes:
        weights: sparse, shape (cell, node); the squares of a row add up to one.
    """

    weights: sparse.csr_array

    @property
    def nodes(self) -> int:
        """Number of independent nodes."""
        return int(self.weights.shape[1])

    def __call__(self, noise: Float32s) -> Float32s:
        """Mix node values, shape (…, node), into cell values, shape (…, cell)."""
        mixed = self.weights @ noise.reshape(-1, self.nodes).T
        return np.ascontiguousarray(mixed.T).reshape(*noise.shape[:-1], -1)


def mixer(row: Array, col: Array, length_cells: float) -> Mixer:
    """Return the mixer of a process convolution: white nodes, spread by a Gaussian kernel.

    Args:
        row, col: position of the cells on the grid, in cells, shape (cell,).
        length_cells: distance at which the correlation has fallen to 1/e, in cells.

    Reference: Higdon 2002, doi:10.1007/978-1-4471-0657-9_2.
    """
    sigma = length_cells / 2.0  # two kernels convolved: correlation exp(-d² / (4 σ²)), 1/e at 2 σ
    row_node, row_weight, _ = _stencil(row, sigma)
    col_node, col_weight, columns = _stencil(col, sigma)
    node = row_node[:, :, None] * columns + col_node[:, None, :]
    weight = row_weight[:, :, None] * col_weight[:, None, :]
    weight /= np.sqrt((weight**2).sum(axis=(1, 2), keepdims=True))
    used, column = np.unique(node, return_inverse=True)
    starts = np.arange(len(row) + 1) * node[0].size
    values = weight.ravel().astype(np.float32)
    matrix = sparse.csr_array((values, column.ravel(), starts), shape=(len(row), len(used)))
    return Mixer(matrix)


def _stencil(coordinate: Array, sigma: float) -> tuple[Indices, Float64s, int]:
    """Return the lattice nodes near each coordinate of one axis, their weights, their number."""
    spacing = NODE_SPACING * sigma
    reach = int(np.ceil(REACH / NODE_SPACING))
    position = (coordinate - coordinate.min()) / spacing + reach
    node = np.rint(position).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    weight = np.exp(-0.5 * ((position[:, None] - node) * NODE_SPACING) ** 2)
    return node, weight, int(node.max()) + 1


def add_memory(noise: Float32s, e_folding_days: float) -> Float32s:
    """Turn white noise into a first-order autoregressive series, in place.

    Args:
        noise: white noise of unit variance, shape (time, …), one value a day. The variance stays
            one.
        e_folding_days: lag at which the autocorrelation has fallen to 1/e.
    """
    keep = np.float32(np.exp(-1.0 / e_folding_days))
    fresh = np.float32(np.sqrt(1.0 - keep**2))
    for day in range(1, len(noise)):
        noise[day] = keep * noise[day - 1] + fresh * noise[day]
    return noise


@dataclass(frozen=True)
class RandomFields:
    """Draw the random fields of a world on its cells.

    Attributes:
        seed: seed of the world.
        row, col: position of the cells on the grid, shape (cell,).
        days: number of days.
    """

    seed: int
    row: Array
    col: Array
    days: int

    def series(self, name: str, *, length_cells: float, memory_days: float) -> Float32s:
        """Draw a standard normal field, correlated in space and time, shape (time, cell).

        Args:
            name: of the random stream; another name gives an independent field.
            length_cells: distance at which the correlation has fallen to 1/e, in cells.
            memory_days: lag at which the autocorrelation has fallen to 1/e.
        """
        mix = mixer(self.row, self.col, length_cells)
        noise = normal(stream(self.seed, "series", name), self.days, mix.nodes)
        return mix(add_memory(noise, memory_days))

    def map(self, name: str, *, length_cells: float) -> Float32s:
        """Draw a standard normal field that does not change with time, shape (cell,)."""
        mix = mixer(self.row, self.col, length_cells)
        return mix(normal(stream(self.seed, "map", name), mix.nodes))


def detrend(series: Floats) -> Floats:
    """Remove mean and straight line along the first axis, (time, …).

    Without lines in the anomalies, the declared trends are the only ones of a world.
    """
    time = np.linspace(-1.0, 1.0, len(series), dtype=np.float32)
    slope = time @ series / (time @ time)
    return series - series.mean(axis=0) - time[:, None] * slope
