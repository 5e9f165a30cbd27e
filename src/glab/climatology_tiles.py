"""The tiles of a climatology as one, and what they must hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.climatology import NONE, variables_of
from glab.errors import GlabError


def joined(tiles: Sequence[xr.Dataset], cells: NDArray[np.int32]) -> xr.Dataset:
    """The tiles of a climatology as one, its cells in the domain's order.

    Args:
        tiles: climatologies of some cells each, in any order.
        cells: every cell of the domain.

    Raises:
        GlabError: for a missing tile, and for a baseline in which no cell of a variable has data.
    """
    whole = xr.concat(tiles, "cell", combine_attrs="override") if len(tiles) > 1 else tiles[0]
    order = np.argsort(whole["cell"].values, kind="stable")
    place = np.searchsorted(whole["cell"].values, cells, sorter=order)
    place = order[np.minimum(place, len(order) - 1)]
    absent = whole["cell"].values[place] != cells
    if absent.any():
        raise GlabError(
            "the tiles of a climatology do not cover the domain",
            path=tiles[0].encoding.get("source"),
            variable="cell",
            found=f"{absent.sum()} cells without a tile, first {cells[absent][:3]}",
            remedy="give every tile of that source and baseline",
        )
    whole = whole.isel(cell=place)
    check_has_data(whole)
    return whole


def named(climatology: xr.Dataset, source: str, baseline: str) -> xr.Dataset:
    """The same cycles, saying of which source and baseline they are."""
    whose = {"source_name": source, "baseline": baseline}
    for name in variables_of(climatology):
        climatology[f"{name}_coefficients"].attrs.update(whose)
    return climatology


def check_has_data(climatology: xr.Dataset) -> None:
    """Raise where no cell of a variable has a single value in the baseline."""
    for name in variables_of(climatology):
        if (climatology[f"{name}_fit"].values == NONE).all():
            attributes = climatology[f"{name}_coefficients"].attrs
            raise no_data(
                attributes.get("source_name", "?"),
                attributes.get("baseline", "?"),
                f"{attributes['first_year']}…{attributes['last_year']}",
                variable=name,
            )


def no_data(source: str, baseline: str, years: str, variable: str | None = None) -> GlabError:
    """The error for a baseline in which a source has no value."""
    return GlabError(
        f"source {source!r} has no data in the baseline {baseline!r} ({years})",
        variable=variable,
        found="not one value on any cell",
        expected="years in which the source was observing",
        remedy="change the baseline's dates, or loosen the source's quality rules and mask",
    )
