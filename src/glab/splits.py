"""What is held out of training: whole years and spatial blocks, with a buffer around them.

The blocks held out depend on the run's seed and the domain alone, so that every link, and whoever
judges them, holds out the same cells.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from glab.config import Splits
from glab.grids import M25
from glab.seeds import generator

Labels = NDArray[np.int16]

TRAIN, VALIDATION, HELD_OUT_YEARS, HELD_OUT_BLOCKS, HELD_OUT_BOTH = range(5)
"""Meaning of a sample's `split`, in the order of its declaration."""

BUFFER = -1
"""Label of cells in no set at all."""

HELD_OUT = (HELD_OUT_YEARS, HELD_OUT_BLOCKS, HELD_OUT_BOTH)


def cell_labels(domain: xr.Dataset, splits: Splits, seed: int) -> Labels:
    """Label of every cell: TRAIN, VALIDATION, HELD_OUT_BLOCKS or BUFFER.

    Args:
        domain: `block`, `row` and `col` of each cell.
        splits: shares of held-out and validation blocks, width of the buffer.
        seed: seed of the run.

    Returns:
        shape (cell,). Within `buffer_cells` of a held-out cell (rows and columns, across the
        date line too) there is none of TRAIN and VALIDATION; around a validation cell none of
        TRAIN.
    """
    blocks = domain["block"].values
    held = chosen_blocks(blocks, splits.held_out_fraction, seed, "held_out")
    rest = blocks[~np.isin(blocks, held)]
    validation = chosen_blocks(rest, splits.validation_fraction, seed, "validation")
    labels = np.full(blocks.shape, TRAIN, np.int16)
    for chosen, label in ((validation, VALIDATION), (held, HELD_OUT_BLOCKS)):
        inside = np.isin(blocks, chosen)
        labels[_near(inside, domain, splits.buffer_cells)] = BUFFER
        labels[inside] = label
    return labels


def chosen_blocks(
    blocks: NDArray[np.integer], share: float, seed: int, *purpose: str | int
) -> NDArray[np.integer]:
    """A share of the blocks, drawn by a seed; at least one, and never all.

    Args:
        blocks: block of each cell (or sample).
        share: of the different blocks; 0 gives none.
        seed: seed of the run.
        *purpose: what they are drawn for.
    """
    names = np.unique(blocks)
    number = round(share * len(names)) if share > 0 else 0
    number = min(max(number, int(share > 0)), max(len(names) - 1, 0))
    return np.sort(generator(seed, "splits", *purpose).permutation(names)[:number])


def sample_labels(cells: Labels, held_out_year: NDArray[np.bool_]) -> Labels:
    """Labels of (time, cell) from those of cells and from which times lie in held-out years.

    Held-out years label even validation cells; the buffer stays in no set.
    """
    inside = np.broadcast_to(cells, (len(held_out_year), len(cells))).copy()
    of_held_year = np.where(cells == HELD_OUT_BLOCKS, HELD_OUT_BOTH, HELD_OUT_YEARS)
    inside[held_out_year] = np.where(cells == BUFFER, BUFFER, of_held_year)
    return inside


def _near(inside: NDArray[np.bool_], domain: xr.Dataset, width: int) -> NDArray[np.bool_]:
    """Cells within `width` rows and columns of those that are inside."""
    rows, cols = domain["row"].values, domain["col"].values
    field = np.zeros(M25.shape, np.uint8)
    field[rows[inside], cols[inside]] = 1
    wide = maximum_filter(field, size=2 * width + 1, mode=("constant", "wrap"))
    return wide[rows, cols].astype(bool)
