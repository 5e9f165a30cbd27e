"""Data of a page, and the maps and cells that its figures take from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from glab.arrays import Booleans, Float32s, Floats, finite_mean
from glab.config import Report
from glab.evaluation.records import CHANGES, ProductAndTruth, split_masks
from glab.grids import M25
from glab.report.figures.style import image

EXAMPLES = (
    ("cleared", "held_out"),
    ("browned", "held_out"),
    ("greened", "trained"),
    ("cleared", "trained"),
    ("unchanged", "held_out"),
    ("unchanged", "trained"),
)
"""Change and split of the example cells, in order of preference."""

SPLIT_NAMES = {"held_out": "held out", "trained": "trained"}

Tables = tuple[pd.DataFrame, pd.DataFrame]
"""Skill and breaks."""

Comparison = tuple[pd.DataFrame, xr.Dataset]
"""Table of a validation set, and its series (stations) or fields (grids)."""


@dataclass(frozen=True)
class Material:
    """All data of a page.

    Attributes:
        settings: title, example cells, resolution, validation sets, sensors, splits.
        summaries: by product, one summary a year, in order (see `summarise_year`).
        pairs: by variable, the record and its truths, on the cells of `fields`.
        fields: fields of cells from `evaluate`, with `row`, `col`, `split`.
        skill, breaks: tables from `evaluate`.
        curves: by link, a training curve of each member.
        provenance: by product, attributes of one of its files.
        against: by validation set, its table and its series or fields.
        beside: by method, the tables of skill and breaks of other runs on the same world.
    """

    settings: Report
    summaries: Mapping[str, Sequence[xr.Dataset]]
    pairs: Mapping[str, ProductAndTruth]
    fields: xr.Dataset
    skill: pd.DataFrame
    breaks: pd.DataFrame
    curves: Mapping[str, Sequence[pd.DataFrame]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    against: Mapping[str, Comparison] = field(default_factory=dict)
    beside: Mapping[str, Tables] = field(default_factory=dict)

    @property
    def extent(self) -> xr.Dataset:
        """Coordinates of the extent of the products."""
        return next(iter(self.summaries.values()))[0][["y", "x", "lat", "lon"]]

    def image(self, figure: Figure) -> str:
        """Return a figure of maps or densities as an image of the page's resolution."""
        return image(figure, "png", self.settings.dots_per_inch)

    def splits(self) -> dict[str, Booleans]:
        """Return the trained and the held-out cells."""
        return split_masks(self.fields["split"].values)

    def changes(self) -> dict[str, Booleans]:
        """Return the cells of each kind of long-term change; empty where it is not known."""
        if "change_kind" not in self.fields:
            return {}
        kind = self.fields["change_kind"].values
        return {name: kind == number for number, name in enumerate(CHANGES.values())}

    def has_truth(self, variable: str) -> bool:
        """Return whether a variable is a part of the run and its truth is known."""
        return variable in self.pairs and self.pairs[variable].truth is not None

    def to_map(self, values: Floats, cells: xr.Dataset | None = None) -> Float32s:
        """Return values of cells (…, cell) on the extent of the products, (…, y, x).

        Args:
            values: NaN where missing.
            cells: `row` and `col` of the cells; None: those of `fields`.
        """
        rows, cols = self._axes()
        shape = (*values.shape[:-1], len(rows), len(cols))
        field = np.full(shape, np.nan, np.float32)
        cells = self.fields if cells is None else cells
        row, col = cells["row"].values, cells["col"].values
        field[..., np.searchsorted(rows, row), np.searchsorted(cols, col)] = values
        return field

    def row_means(self, values: Floats) -> Float32s:
        """Average values (time, cell) over the cells of each row, (time, y)."""
        rows, _ = self._axes()
        row = np.searchsorted(rows, self.fields["row"].values)
        # A product of matrices: a loop over rows would take minutes for the globe.
        pick = (row == np.arange(len(rows))[:, None]).astype(np.float32)
        present = np.isfinite(values)
        count = present.astype(np.float32) @ pick.T
        total = np.where(present, values, 0.0).astype(np.float32) @ pick.T
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of the 25 km grid that the extent covers."""
        lat, lon = self.extent["lat"].values, self.extent["lon"].values
        return M25.index(lat, lon[:1])[0], M25.index(lat[:1], lon)[1]

    def mean_map(self, product: str, name: str) -> Float32s:
        """Average a variable over all years of a product, weighted by its values, (y, x)."""
        years = self.summaries[product]
        weight = np.stack([year[f"{name}_present"].values for year in years])
        means = np.stack([year[f"{name}_mean"].values for year in years])
        present = np.isfinite(means)
        weight = np.where(present, weight, 0.0)
        total, count = np.where(present, means * weight, 0.0).sum(axis=0), weight.sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1e-9), np.nan).astype(np.float32)


def example_cells(material: Material, variable: str) -> list[tuple[int, str]]:
    """Choose cells whose time series are shown: neither the best nor the worst of their kind.

    Of each kind in `EXAMPLES` the cell with the median correlation is taken, among the half with
    the larger mean values (deserts have little signal). Without a truth the cells are spread evenly
    over the domain.

    Returns:
        index and description of each cell.
    """
    count = material.settings.example_cells
    pair = material.pairs.get(variable)
    if pair is None or count == 0:
        return []
    mean = finite_mean(pair.value, 0)
    mean = np.where(np.isfinite(mean), mean, -np.inf)
    skill = _correlation(material, variable, pair)
    splits, changes, chosen = material.splits(), material.changes(), dict[int, str]()
    for change, split in EXAMPLES:
        inside = changes.get(change, np.zeros(mean.shape, bool)) & splits[split]
        inside &= np.isfinite(skill)
        if inside.any():
            # In deserts product and truth are both almost zero, and the figure would be empty.
            inside &= mean >= np.median(mean[inside])
            order = np.flatnonzero(inside)[np.argsort(skill[inside], kind="stable")]
            cell = int(order[len(order) // 2])
            chosen.setdefault(cell, _describe(material, cell, change, split))
    if not chosen:
        present = np.flatnonzero(np.isfinite(mean))
        even = present[np.linspace(0, len(present) - 1, min(count, len(present))).astype(int)]
        chosen = {int(cell): _describe(material, int(cell), "", "") for cell in even}
    return list(chosen.items())[:count]


def _correlation(material: Material, variable: str, pair: ProductAndTruth) -> Floats:
    """Return the R of anomalies of each cell, NaN where it was not computed."""
    name, product = f"{variable}_r", pair.record.attrs["product"]
    none = np.full(pair.value.shape[1], np.nan)
    if name not in material.fields or product not in material.fields["product"].values:
        return none
    # The footprint is what the target can observe, so it comes first.
    kinds = [k for k in ("footprint", "cell") if k in material.fields["truth"].values]
    return material.fields[name].sel(product=product, truth=kinds[0]).values if kinds else none


def _describe(material: Material, cell: int, change: str, split: str) -> str:
    """Describe a cell: its change, its split, its coordinates and its biome."""
    lat, lon = (float(material.fields[name].values[cell]) for name in ("lat", "lon"))
    at = f"{abs(lat):.1f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.1f}° {'E' if lon >= 0 else 'W'}"
    words = [change.capitalize(), SPLIT_NAMES.get(split, ""), at]
    if "biome" in material.fields:
        flags = material.fields["biome"]
        names = str(flags.attrs.get("flag_meanings", "")).split()
        number = int(flags.values[cell])
        words.append(names[number].replace("_", " ") if number < len(names) else "")
    return ", ".join(word for word in words if word)
