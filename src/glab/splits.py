"""Hold whole years and spatial blocks out of training, with a buffer around the blocks.

The held-out blocks depend only on the seed of the run and on the domain, so that all links and the
evaluation use the same cells.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from glab.arrays import Booleans, Int16s
from glab.config import Splits
from glab.grids import M25
from glab.seeds import generator

TRAIN, VALIDATION, HELD_OUT_YEARS, HELD_OUT_BLOCKS, HELD_OUT_BOTH = range(5)
"""Values of `split`, in the order of its declaration in `glab.variables`."""

BUFFER = -1
"""Label of cells that belong to no split."""

HELD_OUT = (HELD_OUT_YEARS, HELD_OUT_BLOCKS, HELD_OUT_BOTH)


def cell_labels(domain: xr.Dataset, splits: Splits, seed: int) -> Int16s:
    """Return the label of every cell: TRAIN, VALIDATION, HELD_OUT_BLOCKS or BUFFER.

    Args:
        domain: `block`, `row` and `col` of each cell.
        splits: fractions of held-out and validation blocks, width of the buffer in cells.
        seed: seed of the run.

    Returns:
        shape (cell,). Within `buffer_cells` rows and columns of a held-out cell, also across the
        date line, no cell is TRAIN or VALIDATION; around a validation cell none is TRAIN.
    """
    blocks = domain["block"].values
    held_out = draw_blocks(blocks, splits.held_out_fraction, seed, "held_out")
    rest = blocks[~np.isin(blocks, held_out)]
    validation = draw_blocks(rest, splits.validation_fraction, seed, "validation")
    labels = np.full(blocks.shape, TRAIN, np.int16)
    # held-out blocks last: their buffer takes precedence over validation blocks
    for drawn, label in ((validation, VALIDATION), (held_out, HELD_OUT_BLOCKS)):
        inside = np.isin(blocks, drawn)
        labels[_widen(inside, domain, splits.buffer_cells)] = BUFFER
        labels[inside] = label
    return labels


def draw_blocks(
    blocks: NDArray[np.integer], fraction: float, seed: int, *purpose: str | int
) -> NDArray[np.integer]:
    """Draw a fraction of the blocks at random: at least one, and never all.

    Args:
        blocks: block of each cell (or sample).
        fraction: of the different blocks, 0…1; 0 draws none.
        seed: seed of the run.
        *purpose: words that make this draw independent of others with the same seed.

    Returns:
        numbers of the drawn blocks, ascending.
    """
    names = np.unique(blocks)
    number = round(fraction * len(names)) if fraction > 0 else 0
    number = min(max(number, int(fraction > 0)), max(len(names) - 1, 0))
    return np.sort(generator(seed, "splits", *purpose).permutation(names)[:number])


def sample_labels(cells: Int16s, held_out_year: Booleans) -> Int16s:
    """Return labels of (time, cell) from labels of cells and from the times in held-out years.

    Args:
        cells: from `cell_labels`, shape (cell,).
        held_out_year: whether each time lies in a held-out year, shape (time,).

    Returns:
        shape (time, cell). In held-out years training and validation cells are HELD_OUT_YEARS, and
        cells of held-out blocks HELD_OUT_BOTH; the buffer stays BUFFER.
    """
    labels = np.broadcast_to(cells, (len(held_out_year), len(cells))).copy()
    held_out = np.where(cells == HELD_OUT_BLOCKS, HELD_OUT_BOTH, HELD_OUT_YEARS)
    labels[held_out_year] = np.where(cells == BUFFER, BUFFER, held_out)
    return labels


def _widen(inside: Booleans, domain: xr.Dataset, width: int) -> Booleans:
    """Return the cells within `width` rows and columns of those that are inside."""
    rows, cols = domain["row"].values, domain["col"].values
    # on the whole grid, so that columns at the date line are neighbours
    field = np.zeros(M25.shape, np.uint8)
    field[rows[inside], cols[inside]] = 1
    wide = maximum_filter(field, size=2 * width + 1, mode=("constant", "wrap"))
    return wide[rows, cols].astype(bool)
