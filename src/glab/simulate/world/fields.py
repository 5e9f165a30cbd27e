"""Random fields, smooth in space (mixed independent nodes) and in time (first-order memory).

Random streams depend on their purpose, never on the order in which jobs run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from glab.seeds import seed_of


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A fast generator of its own for each purpose (see `glab.seeds.seed_of`).

    Args:
        seed: seed of the world.
        *purpose: names and numbers that tell this stream from all others, for example
            ("smos_l3", "A", "2012-05-01").
    """
    return np.random.Generator(np.random.SFC64(seed_of(seed, "world", *purpose)))


def normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Standard normal numbers, float32."""
    return generator.standard_normal(shape, dtype=np.float32)


NODE_SPACING = 1.4  # of the mixing kernel's standard deviation
REACH = 3.0


@dataclass(frozen=True)
class Mixer:
    """Independent nodes → a field of unit variance, correlated over a length.

    Attributes:
        weights: sparse, shape (cell, node); squares of a row add up to one.
    """

    weights: sparse.csr_array

    @property
    def nodes(self) -> int:
        """Number of independent nodes."""
        return int(self.weights.shape[1])

    def __call__(self, noise: np.ndarray) -> np.ndarray:
        """Mix node values, shape (…, node), into cell values, shape (…, cell), float32."""
        mixed = self.weights @ noise.reshape(-1, self.nodes).T
        return np.ascontiguousarray(mixed.T).reshape(*noise.shape[:-1], -1)


def mixer(row: np.ndarray, col: np.ndarray, length_cells: float) -> Mixer:
    """A process convolution: white nodes on a lattice, spread by a Gaussian kernel.

    Args:
        row, col: place of the cells on the grid, shape (cell,).
        length_cells: distance at which the correlation has fallen to 1/e, in cells.

    Reference: Higdon 2002, doi:10.1007/978-1-4471-0657-9_2.
    """
    sigma = length_cells / 2.0
    row_node, row_weight, _ = _stencil(row, sigma)
    col_node, col_weight, columns = _stencil(col, sigma)
    node = row_node[:, :, None] * columns + col_node[:, None, :]
    weight = row_weight[:, :, None] * col_weight[:, None, :]
    weight /= np.sqrt((weight**2).sum(axis=(1, 2), keepdims=True))
    used, place = np.unique(node, return_inverse=True)
    starts = np.arange(len(row) + 1) * node[0].size
    values = weight.ravel().astype(np.float32)
    matrix = sparse.csr_array((values, place.ravel(), starts), shape=(len(row), len(used)))
    return Mixer(matrix)


def _stencil(place: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Lattice nodes within reach of each place along one axis, and their kernel weights."""
    spacing = NODE_SPACING * sigma
    reach = int(np.ceil(REACH / NODE_SPACING))
    position = (place - place.min()) / spacing + reach
    node = np.rint(position).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    weight = np.exp(-0.5 * ((position[:, None] - node) * NODE_SPACING) ** 2)
    return node, weight, int(node.max()) + 1


def add_memory(noise: np.ndarray, e_folding_days: float) -> np.ndarray:
    """First-order memory along the first axis, in place: unit variance stays unit variance.

    Args:
        noise: white noise of unit variance, shape (time, …), one value a day.
        e_folding_days: lag at which the autocorrelation has fallen to 1/e.
    """
    keep = np.float32(np.exp(-1.0 / e_folding_days))
    fresh = np.float32(np.sqrt(1.0 - keep**2))
    for day in range(1, len(noise)):
        noise[day] = keep * noise[day - 1] + fresh * noise[day]
    return noise


@dataclass(frozen=True)
class Weather:
    """Maker of daily random fields on the cells of a world.

    Attributes:
        seed: seed of the world.
        row, col: place of the cells, shape (cell,).
        days: number of days.
    """

    seed: int
    row: np.ndarray
    col: np.ndarray
    days: int

    def series(self, name: str, *, length_cells: float, memory_days: float) -> np.ndarray:
        """A standard normal field, correlated in space and time, shape (time, cell), float32."""
        mix = mixer(self.row, self.col, length_cells)
        noise = normal(stream(self.seed, "series", name), self.days, mix.nodes)
        return mix(add_memory(noise, memory_days))

    def map(self, name: str, *, length_cells: float) -> np.ndarray:
        """A standard normal field that stays, shape (cell,), float32."""
        mix = mixer(self.row, self.col, length_cells)
        return mix(normal(stream(self.seed, "map", name), mix.nodes))


def detrend(series: np.ndarray) -> np.ndarray:
    """Remove mean and straight line along the first axis, so that known trends are all trends."""
    time = np.linspace(-1.0, 1.0, len(series), dtype=np.float32)
    slope = time @ series / (time @ time)
    return series - series.mean(axis=0) - time[:, None] * slope
