"""What a page is made of, and the fields and cells that its figures take from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Booleans, Floats
from glab.calendar import Days
from glab.config import Report
from glab.evaluation.records import CHANGES
from glab.grids import M25
from glab.splits import BUFFER, HELD_OUT_BLOCKS

WANTED = (
    ("cleared", "held_out"),
    ("browned", "held_out"),
    ("greened", "trained"),
    ("cleared", "trained"),
    ("unchanged", "held_out"),
    ("unchanged", "trained"),
)
"""Change and split of the example cells, in the order in which they are looked for."""

SPLIT_NAMES = {"held_out": "held out", "trained": "trained", "buffer": "in no set"}


@dataclass(frozen=True)
class ProductAndTruth:
    """One variable's record, and the truth as each could see it (empty where none is known)."""

    record: xr.Dataset
    truths: Mapping[str, Floats]

    @property
    def days(self) -> Days:
        """Dates, shape (time,)."""
        return self.record["time"].values.astype("datetime64[D]")

    @property
    def value(self) -> Floats:
        """The product, shape (time, cell)."""
        return self.record["value"].values

    @property
    def std(self) -> Floats | None:
        """Its total uncertainty, if it tells one."""
        return self.record["std"].values if "std" in self.record else None

    @property
    def cycle(self) -> Floats:
        """Its seasonal cycle; zero if it has none."""
        empty = np.zeros(self.value.shape, np.float32)
        return self.record["climatology"].values if "climatology" in self.record else empty

    @property
    def truth(self) -> Floats | None:
        """The truth at the target's footprint, else of the cells, else None."""
        return self.truths.get("footprint", self.truths.get("cell"))


Tables = tuple[pd.DataFrame, pd.DataFrame]
"""Skill and breaks."""


@dataclass(frozen=True)
class Material:
    """All that a page shows.

    Attributes:
        settings: title, example cells, resolution, sensors, splits.
        digests: by product, one digest a year, in order.
        judged: by variable, the record and its truths, on the cells of `fields`.
        fields: `evaluate`'s fields of cells, with `row`, `col`, `split`.
        skill, breaks: `evaluate`'s tables.
        curves: by link, a training curve of each member.
        provenance: by product, attributes of one of its files.
        stations: `evaluate`'s series of stations and their table, if there are any.
        beside: by method, the tables of skill and breaks of other runs on the same world.
    """

    settings: Report
    digests: Mapping[str, Sequence[xr.Dataset]]
    judged: Mapping[str, ProductAndTruth]
    fields: xr.Dataset
    skill: pd.DataFrame
    breaks: pd.DataFrame
    curves: Mapping[str, Sequence[pd.DataFrame]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stations: tuple[xr.Dataset, pd.DataFrame] | None = None
    beside: Mapping[str, Tables] = field(default_factory=dict)

    @property
    def place(self) -> xr.Dataset:
        """Coordinates of the product's window."""
        return next(iter(self.digests.values()))[0][["y", "x", "lat", "lon"]]

    def splits(self) -> dict[str, Booleans]:
        """Trained and held-out cells."""
        label = self.fields["split"].values
        held = label == HELD_OUT_BLOCKS
        return {"trained": ~held & (label != BUFFER), "held_out": held}

    def changes(self) -> dict[str, Booleans]:
        """Cells by what befell them; empty where nobody knows."""
        if "change_kind" not in self.fields:
            return {}
        kind = self.fields["change_kind"].values
        return {name: kind == number for number, name in enumerate(CHANGES.values())}

    def laid(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Values (…, cell) on the product's window, (…, y, x)."""
        place = self.place
        rows = M25.index(place["lat"].values, place["lon"].values[:1])[0]
        cols = M25.index(place["lat"].values[:1], place["lon"].values)[1]
        shape = (*values.shape[:-1], place.sizes["y"], place.sizes["x"])
        whole = np.full(shape, np.nan, np.float32)
        row, col = self.fields["row"].values, self.fields["col"].values
        whole[..., np.searchsorted(rows, row), np.searchsorted(cols, col)] = values
        return whole

    def by_row(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Mean of values (time, cell) over the cells of each row, (time, y)."""
        place = self.place
        rows = M25.index(place["lat"].values, place["lon"].values[:1])[0]
        row = np.searchsorted(rows, self.fields["row"].values)
        pick = (row == np.arange(len(rows))[:, None]).astype(np.float32)
        present = np.isfinite(values)
        count = present.astype(np.float32) @ pick.T
        total = np.where(present, values, 0.0).astype(np.float32) @ pick.T
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)

    def mean_map(self, product: str, name: str) -> NDArray[np.float32]:
        """Mean over all years of a product, (y, x)."""
        years = self.digests[product]
        weight = np.stack([year[f"{name}_present"].values for year in years])
        total = np.stack([year[f"{name}_mean"].values for year in years])
        present = np.isfinite(total)
        weight = np.where(present, weight, 0.0)
        share = weight.sum(axis=0)
        summed = np.where(present, total * weight, 0.0).sum(axis=0)
        return np.where(share > 0, summed / np.maximum(share, 1e-9), np.nan).astype(np.float32)


def example_cells(material: Material, variable: str) -> list[tuple[int, str]]:
    """Cells whose course is shown: neither the best nor the worst of their kind.

    Of each kind in `WANTED` the cell with the median correlation is taken, of those with the
    larger half of mean values (deserts show little); without a truth, cells evenly along the
    domain.

    Returns:
        index of the cell and what it is.
    """
    number = material.settings.example_cells
    judged = material.judged.get(variable)
    if judged is None or number == 0:
        return []
    counts = np.isfinite(judged.value).sum(axis=0)
    mean = np.where(counts > 0, np.nansum(judged.value, axis=0) / np.maximum(counts, 1), -np.inf)
    skill = _correlation(material, variable, judged)
    splits, changes, chosen = material.splits(), material.changes(), dict[int, str]()
    for change, split in WANTED:
        inside = changes.get(change, np.zeros(mean.shape, bool)) & splits[split]
        inside &= np.isfinite(skill)
        if inside.any():
            inside &= mean >= np.median(mean[inside])
            order = np.flatnonzero(inside)[np.argsort(skill[inside], kind="stable")]
            cell = int(order[len(order) // 2])
            chosen.setdefault(cell, _told(material, cell, change, split))
    if not chosen:
        there = np.flatnonzero(np.isfinite(mean))
        spread = there[np.linspace(0, len(there) - 1, min(number, len(there))).astype(int)]
        chosen = {int(cell): _told(material, int(cell), "", "") for cell in spread}
    return list(chosen.items())[:number]


def _correlation(material: Material, variable: str, judged: ProductAndTruth) -> Floats:
    """Deseasonalised R of each cell with the truth; NaN where none is told."""
    name, product = f"{variable}_r", judged.record.attrs["product"]
    none = np.full(judged.value.shape[1], np.nan)
    if name not in material.fields or product not in material.fields["product"].values:
        return none
    kinds = [k for k in ("footprint", "cell") if k in material.fields["truth"].values]
    return material.fields[name].sel(product=product, truth=kinds[0]).values if kinds else none


def _told(material: Material, cell: int, change: str, split: str) -> str:
    """A cell in words: what befell it, its split, where it is."""
    lat, lon = (float(material.fields[name].values[cell]) for name in ("lat", "lon"))
    place = (
        f"{abs(lat):.1f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.1f}° {'E' if lon >= 0 else 'W'}"
    )
    words = [change.capitalize(), SPLIT_NAMES.get(split, ""), place]
    if "biome" in material.fields:
        flags = material.fields["biome"]
        names = str(flags.attrs.get("flag_meanings", "")).split()
        number = int(flags.values[cell])
        words.append(names[number].replace("_", " ") if number < len(names) else "")
    return ", ".join(word for word in words if word)
