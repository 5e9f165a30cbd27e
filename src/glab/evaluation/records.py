"""Pair product variables with the truth at the product's times and footprint.

This module reads products, predictions and single angle bins into records, averages the truth to
their times and footprint, and defines cell groups and periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.arrays import Booleans, Floats, Indices, Int16s, positions
from glab.calendar import Days, time_blocks, year_of
from glab.climatology.running import window_mean
from glab.config import Evaluate, Period
from glab.errors import GlabError
from glab.grids.cells import select_cells
from glab.products.attributes import PRODUCTS
from glab.products.product import quality_filter
from glab.regrid.footprint import footprint
from glab.splits import BUFFER, HELD_OUT_BLOCKS, cell_labels

TRUE_NAMES: dict[str, tuple[str, str | None]] = {
    "tb_h": ("tb", "h"),
    "tb_v": ("tb", "v"),
    "VOD": ("vod", None),
    "vod": ("vod", None),
    "soil_moisture": ("soil_moisture", None),
}
"""Variable and channel of the truth that a product's variable is compared with."""

SEEN_AS_IS = ("tb",)
"""Variables of the truth that are already averaged to the footprint of the instrument."""

LAYERS = ("", "_residual", "_std_total", "_error")
"""Suffixes of the layers of a variable that a record needs."""

QUALITY = ("scene_flags", "tb_rmse")
BINS_DEG, OVERPASS = (40.0, 42.5), "ascending"
"""Angle bins next to 40° and the overpass (06:00) that single bins are taken from."""


CHANGES = {"none": "unchanged", "browning": "browned", "greening": "greened", "clearing": "cleared"}
"""Names of the cell groups by kind of long-term change."""


@dataclass(frozen=True)
class ProductAndTruth:
    """A record, and the truth at its times and cells.

    Attributes:
        record: `value`, and `std` (total uncertainty) and `climatology` if the product has them,
            (time, cell); attributes `product`, `variable` and `window_days`.
        truths: by kind ("cell", "footprint"), (time, cell), NaN where missing; empty if no truth is
            known.
    """

    record: xr.Dataset
    truths: Mapping[str, Floats]

    @property
    def days(self) -> Days:
        """Dates, shape (time,)."""
        return record_days(self.record)

    @property
    def value(self) -> Floats:
        """Values of the product, shape (time, cell)."""
        return self.record["value"].values

    @property
    def std(self) -> Floats | None:
        """Total uncertainty of the product, None if it has none."""
        return self.record["std"].values if "std" in self.record else None

    @property
    def cycle(self) -> Floats:
        """Seasonal cycle of the product, zero if it has none."""
        empty = np.zeros(self.value.shape, np.float32)
        return self.record["climatology"].values if "climatology" in self.record else empty

    @property
    def truth(self) -> Floats | None:
        """Truth at the target's footprint, else of the cells, else None."""
        return self.truths.get("footprint", self.truths.get("cell"))


# --- files → records ------------------------------------------------------------------------------


def product_records(
    paths: Sequence[Path],
    cells: xr.Dataset,
    variables: Sequence[str] = tuple(TRUE_NAMES),
    layers: Sequence[str] = LAYERS,
) -> list[xr.Dataset]:
    """Read main variables of products at some cells and join all years.

    Retrievals of `smos_ib` are filtered as its users do (see `quality_filter`).

    Args:
        paths: yearly files of any products.
        cells: `row` and `col` on the 25 km grid, and `cell`, their numbers.
        variables: names of the variables; those that a product lacks are left out.
        layers: suffixes of the layers to read.

    Returns:
        one record for each product and variable, see `to_record`.

    Raises:
        GlabError: for a file that is not a product.
    """
    years: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths, key=lambda path: (path.name, path)):
        with io.read(path) as year:
            name = year.attrs.get("product", path.parent.name)
            if name not in PRODUCTS:
                raise GlabError(
                    "not a product file", path=path, found=name, expected=list(PRODUCTS)
                )
            main = [variable for variable in PRODUCTS[name].main if variable in variables]
            names = [f"{variable}{layer}" for variable in main for layer in layers]
            chosen = year[[layer for layer in [*names, *QUALITY] if layer in year]]
            # A global year of daily TB takes 1.2 GB for each layer.
            for month in time_blocks(year["time"].values):
                block = chosen.isel(time=month)
                block = select_cells(block, cells["row"].values, cells["col"].values)
                block = _filter_retrievals(block).drop_vars(QUALITY, errors="ignore")
                years.setdefault(name, []).append(block.assign_coords(cell=cells["cell"]))
    joined = {name: xr.concat(each, "time", combine_attrs="drop") for name, each in years.items()}
    return [
        to_record(whole, variable, name)
        for name, whole in joined.items()
        for variable in PRODUCTS[name].main
        if variable in whole
    ]


def _filter_retrievals(block: xr.Dataset) -> xr.Dataset:
    """Filter soil moisture and VOD of `smos_ib`; leave its TB and other products as they are."""
    if not set(QUALITY) <= set(block.variables):
        return block
    # The flags describe the inversion, and not the TB that it begins with.
    tb = [name for name in block.data_vars if str(name).startswith("tb_")]
    return quality_filter(block).assign({name: block[name] for name in tb})


def to_record(cells: xr.Dataset, variable: str, product: str) -> xr.Dataset:
    """Return one variable of a product on (time, cell) as a record.

    Args:
        cells: layers of the product on (time, cell), see `glab.grids.cells.select_cells`.
        variable: one of its main variables, for example "VOD".
        product: its name, kept as an attribute.

    Returns:
        `value`, and `std` and `climatology` if the product has them; attributes `product`,
        `variable` and `window_days`, the median distance of its times.
    """
    layers = {"value": cells[variable]}
    spread = [f"{variable}{suffix}" for suffix in ("_std_total", "_error")]
    layers |= dict([("std", cells[name]) for name in spread if name in cells][:1])
    if f"{variable}_residual" in cells:
        layers["climatology"] = cells[variable] - cells[f"{variable}_residual"]
    record = xr.Dataset({name: array.drop_attrs() for name, array in layers.items()})
    times = record_days(record)
    # The median: a gap must not change the length of a window.
    days = 1 if len(times) < 2 else int(np.median(np.diff(times)).astype(int))
    return record.assign_attrs(product=product, variable=variable, window_days=days)


def record_days(record: xr.Dataset) -> Days:
    """Return the dates of a record, shape (time,)."""
    return record["time"].values.astype("datetime64[D]")


def control_records(paths: Sequence[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """Read the predicted VOD of links that feed no product, all years joined."""
    years: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths):
        with io.read(path) as year:
            block = year.sel(cell=cells["cell"].values).load()
            years.setdefault(path.parent.name, []).append(block)
    return [
        to_record(xr.concat(each, "time", combine_attrs="drop"), "vod", name).assign_attrs(
            variable="VOD"
        )
        for name, each in years.items()
        if all("vod" in year for year in each)
    ]


def bin_records(paths: Sequence[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """Read the TB of single SMOS angle bins, whose noise the 40° TB should be below."""
    years: list[xr.DataArray] = []
    for path in sorted(paths):
        with io.read(path) as year:
            tb = year["tb"].sel(cell=cells["cell"].values, overpass=OVERPASS)
            angles = [angle for angle in BINS_DEG if angle in year["angle"].values]
            years.append(tb.sel(angle=angles).load())
    if not years:
        return []
    tb = xr.concat(years, "time", combine_attrs="drop")
    return [
        to_record(
            xr.Dataset({f"tb_{pol}": tb.sel(angle=angle, channel=pol, drop=True)}),
            f"tb_{pol}",
            f"SMOS {angle:g}° bin",
        )
        for angle in tb["angle"].values
        for pol in ("h", "v")
    ]


# --- truth ----------------------------------------------------------------------------------------


def pair_with_truth(record: xr.Dataset, truth: xr.Dataset, settings: Evaluate) -> ProductAndTruth:
    """Pair a record with the truth of the cells, and with that at the footprint of the target.

    Args:
        record: its cells are among those of the truth.
        truth: the simulated Earth (time, cell), daily; `frozen` masks it if present.
        settings: footprint grid, and fraction of unfrozen days that a window needs.

    Returns:
        the record with truths "cell" (M25) and "footprint". TB has the latter alone.

    Raises:
        GlabError: for a variable whose truth is not known, or cells that the truth lacks.
    """
    variable = record.attrs["variable"]
    if variable not in TRUE_NAMES:
        raise GlabError("the truth of this variable is not known", variable=variable)
    name, channel = TRUE_NAMES[variable]
    daily = truth[name] if channel is None else truth[name].sel(channel=channel)
    # Products mask frozen ground, so the truth of such days must not enter a window.
    values = daily.where(truth["frozen"] == 0) if "frozen" in truth else daily
    whole = _at_times(values, record, settings.window_fraction_min)
    cells = truth_positions(truth, record["cell"].values)
    if name in SEEN_AS_IS:
        return ProductAndTruth(record, {"footprint": whole[:, cells]})
    truths = {"cell": whole[:, cells]}
    if settings.footprint is not None:
        # A footprint reaches beyond the cells of the record, so all cells of the truth enter it.
        wide = footprint(whole, truth["cell"].values, settings.footprint)
        truths["footprint"] = wide[:, cells]
    return ProductAndTruth(record, truths)


def _at_times(daily: xr.DataArray, record: xr.Dataset, fraction_min: float) -> Floats:
    """Average the truth over each window of a record; NaN where too few days are unfrozen."""
    days, starts = daily["time"].values.astype("datetime64[D]"), record_days(record)
    width = record.attrs["window_days"]
    inside = (starts >= days[0]) & (starts <= days[-1])
    mean = np.full((len(starts), daily.sizes["cell"]), np.nan, np.float32)
    ordered = daily.transpose("time", "cell").values
    values, count = window_mean(ordered, days, starts[inside], width)
    mean[inside] = np.where(count >= fraction_min * width, values, np.nan)
    return mean


def truth_positions(truth: xr.Dataset, cells: Indices) -> Indices:
    """Return the position of each cell among those of the truth.

    Raises:
        GlabError: for cells that the truth lacks.
    """
    position = positions(cells, truth["cell"].values)
    if (position < 0).any():
        raise GlabError("the truth lacks cells of the record", found=f"{truth.sizes['cell']} cells")
    return position


# --- cell groups and periods ----------------------------------------------------------------------


def evaluation_cells(
    domain: xr.Dataset, truth: xr.Dataset | None, settings: Evaluate
) -> xr.Dataset:
    """Return the domain's cells that the truth has (all without a truth), with their `split`.

    The splits are those of the whole domain, as the links use them.
    """
    # Blocks are drawn from the whole domain; a part of it would give other blocks.
    labels = cell_labels(domain, settings.splits, settings.seed)
    cells = domain.assign(split=("cell", labels))
    if truth is None:
        return cells
    both = np.isin(domain["cell"].values, truth["cell"].values)
    if not both.any():
        raise GlabError(
            "truth and domain have no cell in common", remedy="simulate the domain's box"
        )
    return cells.isel(cell=np.flatnonzero(both))


def split_masks(labels: Int16s) -> dict[str, Booleans]:
    """Return the trained and the held-out cells; those of buffers are in neither.

    Args:
        labels: `split` of each cell, see `glab.splits.cell_labels`.
    """
    held_out = labels == HELD_OUT_BLOCKS
    return {"trained": ~held_out & (labels != BUFFER), "held_out": held_out}


def cell_groups(cells: xr.Dataset, truth: xr.Dataset, settings: Evaluate) -> dict[str, Booleans]:
    """Return groups of cells: by split, by kind of change, by mean VOD and by biome.

    Args:
        cells: from `evaluation_cells`.
        truth: static maps `change_kind` and `biome` (flags with meanings), and `vod`.
        settings: VOD classes.
    """
    groups = {"all": np.ones(cells.sizes["cell"], bool), **split_masks(cells["split"].values)}
    here = truth.isel(cell=truth_positions(truth, cells["cell"].values))
    if "change_kind" in here:
        groups |= {CHANGES.get(n, n): m for n, m in _flag_masks(here["change_kind"]).items()}
        held_out = groups["held_out"]
        cleared = groups.get("cleared", np.zeros(held_out.shape, bool))
        groups |= {"uncleared": ~cleared, "held_out cleared": held_out & cleared}
        groups["held_out uncleared"] = held_out & ~cleared
    if "vod" in here:
        mean = here["vod"].mean("time").values
        edges = [-np.inf, *settings.vod_classes, np.inf]
        for low, high in zip(edges, edges[1:]):
            left = f"{low:g} ≤ " if np.isfinite(low) else ""
            right = f" < {high:g}" if np.isfinite(high) else ""
            groups[f"{left}VOD{right}"] = (mean >= low) & (mean < high)
        groups["sparse"] = mean < settings.sparse_vod_max
    if "biome" in here:
        groups |= {f"biome {n}": m for n, m in _flag_masks(here["biome"]).items()}
    return groups


def _flag_masks(flags: xr.DataArray) -> dict[str, Booleans]:
    """Return the cells of each value of a flag, by the meaning of the value."""
    meanings = str(flags.attrs.get("flag_meanings", "")).split()
    values = np.unique(flags.values).astype(int)
    names = [meanings[v] if v < len(meanings) else str(v) for v in values]
    return {name: flags.values == value for name, value in zip(names, values)}


def select_masks(masks: Mapping[str, Booleans], names: tuple[str, ...]) -> dict[str, Booleans]:
    """Return the masks that have one of the names and at least one cell."""
    return {name: mask for name, mask in masks.items() if name in names and mask.any()}


def clearing_days(cells: xr.Dataset) -> Days:
    """Return the day of clearing of each cell, NaT where it is never cleared.

    Args:
        cells: `clearing_day` as dates or as days since 2000-01-01 (negative: never), if present.
    """
    if "clearing_day" not in cells:
        return np.full(cells.sizes["cell"], np.datetime64("NaT"), "datetime64[D]")
    day, epoch = cells["clearing_day"].values, np.datetime64("2000-01-01", "D")
    if day.dtype.kind != "M":
        day = epoch + day.astype("timedelta64[D]")
    day = day.astype("datetime64[D]")
    return np.where(day >= epoch, day, np.datetime64("NaT"))


def periods(days: Days, settings: Evaluate) -> dict[str, Booleans]:
    """Return masks of days: all, held-out and other years, and the configured periods."""
    held_out = np.isin(year_of(days), settings.splits.held_out_years)
    masks = {"all": np.ones(len(days), bool), "held-out years": held_out, "other years": ~held_out}
    masks |= {name: within(days, period) for name, period in settings.periods.items()}
    return {name: mask for name, mask in masks.items() if mask.any()}


def within(days: Days, period: Period) -> Booleans:
    """Return which days lie in a period, both of its ends included."""
    end = days.max() if period.end is None else np.datetime64(period.end, "D")
    return (days >= np.datetime64(period.start, "D")) & (days <= end)
