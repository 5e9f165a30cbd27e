"""What is compared with what: records, the truth as each could see it, controls, cells, periods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab import io
from glab.arrays import Booleans, Floats, Indices, positions
from glab.calendar import Days, year_of
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
"""Variable and channel of the truth that a product's variable should show."""

SEEN_AS_IS = ("tb",)
"""Variables whose truth is given as the instrument sees them: at its footprint."""

CHANGES = {"none": "unchanged", "browning": "browned", "greening": "greened", "clearing": "cleared"}
"""Names of the groups of cells by what befell them."""


# --- records ----------------------------------------------------------------------------------


LAYERS = ("", "_residual", "_std_total", "_error")
"""What is read of a variable: itself, its anomaly, and what it says of its error."""


def to_record(cells: xr.Dataset, variable: str, product: str) -> xr.Dataset:
    """One variable of a product on (time, cell): `value`, and `std`, `climatology` if it has them.

    Args:
        cells: a product's layers on (time, cell), see `gridded.select_cells`.
        variable: one of its main variables, for example "VOD".
        product: its name, kept as an attribute.
    """
    parts = {"value": cells[variable]}
    spread = [f"{variable}{suffix}" for suffix in ("_std_total", "_error")]
    parts |= dict([("std", cells[name]) for name in spread if name in cells][:1])
    if f"{variable}_residual" in cells:
        parts["climatology"] = cells[variable] - cells[f"{variable}_residual"]
    made = xr.Dataset({name: array.drop_attrs() for name, array in parts.items()})
    times = made["time"].values.astype("datetime64[D]")
    days = 1 if len(times) < 2 else int(np.median(np.diff(times)).astype(int))
    return made.assign_attrs(product=product, variable=variable, window_days=days)


def climatology_controls(judged: xr.Dataset, truth: Floats) -> list[xr.Dataset]:
    """What a record must beat: its climatology alone, and (in windows) last year's truth again.

    Args:
        judged: a record.
        truth: at the record's times and cells, shape (time, cell).
    """
    days = judged["time"].values.astype("datetime64[D]")
    made = {name: judged[name] for name in ("climatology",) if name in judged}
    if made and judged.attrs["window_days"] > 1:
        made["persistence"] = judged["value"].copy(data=_last_year(truth, days))
    rest = judged.drop_vars(["std"], errors="ignore")
    name = judged.attrs["product"]
    return [
        rest.assign(value=made[kind]).assign_attrs(product=f"{name}: {kind}")
        for kind in sorted(made)
    ]


def _last_year(truth: Floats, days: Days) -> Floats:
    """The truth 365 days before each time (of the nearest window), shape (time, cell)."""
    width = np.median(np.diff(days).astype(int)) if len(days) > 1 else 1
    wanted = days - np.timedelta64(365, "D")
    place = np.searchsorted(days, wanted - np.timedelta64(int(width // 2), "D"))
    place = np.minimum(place, len(days) - 1)
    close = np.abs((days[place] - wanted).astype(int)) <= width / 2
    return np.where(close[:, None], truth[place], np.nan)


# --- truth ------------------------------------------------------------------------------------


def truths(truth: xr.Dataset, judged: xr.Dataset, settings: Evaluate) -> dict[str, Floats]:
    """The truth at a record's times and cells: of the cells, and as the target could see it.

    Args:
        truth: the simulated Earth (time, cell), daily; `frozen` masks it where it has that.
        judged: a record whose cells are among the truth's.
        settings: footprint grid, and share of unfrozen days that a window needs.

    Returns:
        by kind: "cell" (M25) and "footprint"; brightness temperatures have the latter alone.

    Raises:
        GlabError: for a variable whose truth is not known or cells it does not hold.
    """
    variable = judged.attrs["variable"]
    if variable not in TRUE_NAMES:
        raise GlabError("no truth is known of this variable", variable=variable)
    name, channel = TRUE_NAMES[variable]
    daily = truth[name] if channel is None else truth[name].sel(channel=channel)
    values = daily.where(truth["frozen"] == 0) if "frozen" in truth else daily
    whole = _at_times(values, judged, settings.window_fraction_min)
    place = _position(truth["cell"].values, judged["cell"].values)
    if name in SEEN_AS_IS:
        return {"footprint": whole[:, place]}
    found = {"cell": whole[:, place]}
    if settings.footprint is not None:
        found["footprint"] = footprint(whole, truth["cell"].values, settings.footprint)[:, place]
    return found


def _at_times(daily: xr.DataArray, judged: xr.Dataset, fraction_min: float) -> Floats:
    """Mean of the truth over each window of a record; missing where too few days count."""
    days = daily["time"].values.astype("datetime64[D]")
    starts, width = judged["time"].values.astype("datetime64[D]"), judged.attrs["window_days"]
    inside = (starts >= days[0]) & (starts <= days[-1])
    mean = np.full((len(starts), daily.sizes["cell"]), np.nan, np.float32)
    ordered = daily.transpose("time", "cell").values
    values, count = window_mean(ordered, days, starts[inside], width)
    mean[inside] = np.where(count >= fraction_min * width, values, np.nan)
    return mean


def _position(known: NDArray[np.integer], wanted: NDArray[np.integer]) -> Indices:
    """Return the position of each wanted cell among those of the truth."""
    position = positions(wanted, known)
    if (position < 0).any():
        raise GlabError("the truth lacks cells of the record", found=f"{len(known)} cells")
    return position


def evaluation_cells(
    domain: xr.Dataset, truth: xr.Dataset | None, settings: Evaluate
) -> xr.Dataset:
    """The domain's cells that the truth holds (all without a truth), with their `split`.

    Splits are those of the whole domain, as the links had them.
    """
    labels = cell_labels(domain, settings.splits, settings.seed)
    cells = domain.assign(split=("cell", labels))
    if truth is None:
        return cells
    both = np.isin(domain["cell"].values, truth["cell"].values)
    if not both.any():
        raise GlabError("truth and domain share no cell", remedy="simulate the domain's box")
    return cells.isel(cell=np.flatnonzero(both))


# --- groups of cells, periods -------------------------------------------------------------------


def cell_groups(cells: xr.Dataset, truth: xr.Dataset, settings: Evaluate) -> dict[str, Booleans]:
    """Groups of cells that skill is told for: by split, by change, by mean VOD, by biome.

    Args:
        cells: from `evaluation_cells`.
        truth: static maps `change_kind`, `biome` (flags with meanings), and `vod`.
        settings: VOD classes.
    """
    label = cells["split"].values
    held = label == HELD_OUT_BLOCKS
    found = {"all": np.ones(label.shape, bool), "trained": ~held & (label != BUFFER)}
    found["held_out"] = held
    here = truth.isel(cell=_position(truth["cell"].values, cells["cell"].values))
    if "change_kind" in here:
        found |= _by_change(here["change_kind"], held)
    if "vod" in here:
        mean = here["vod"].mean("time").values
        found |= _by_class(mean, settings.vod_classes)
        found["sparse"] = mean < settings.sparse_vod_max
    if "biome" in here:
        found |= {f"biome {n}": m for n, m in _by_flag(here["biome"]).items()}
    return found


def _by_change(kind: xr.DataArray, held: Booleans) -> dict[str, Booleans]:
    """Cells by kind of change, all uncleared ones, and the held-out ones of both."""
    found = {CHANGES.get(name, name): mask for name, mask in _by_flag(kind).items()}
    cleared = found.get("cleared", np.zeros(held.shape, bool))
    return found | {
        "uncleared": ~cleared,
        "held_out cleared": held & cleared,
        "held_out uncleared": held & ~cleared,
    }


def _by_flag(flags: xr.DataArray) -> dict[str, Booleans]:
    """Cells of each value of a flag, by its meaning."""
    meanings = str(flags.attrs.get("flag_meanings", "")).split()
    values = np.unique(flags.values).astype(int)
    names = [meanings[v] if v < len(meanings) else str(v) for v in values]
    return {name: flags.values == value for name, value in zip(names, values)}


def _by_class(vod: Floats, bounds: list[float]) -> dict[str, Booleans]:
    edges = [-np.inf, *bounds, np.inf]
    found = {}
    for low, high in zip(edges, edges[1:]):
        left = f"{low:g} ≤ " if np.isfinite(low) else ""
        right = f" < {high:g}" if np.isfinite(high) else ""
        found[f"{left}VOD{right}"] = (vod >= low) & (vod < high)
    return found


def periods(days: Days, settings: Evaluate) -> dict[str, Booleans]:
    """Masks of a record's times: all, held-out and other years, and the configured periods."""
    held = np.isin(year_of(days), settings.splits.held_out_years)
    found = {"all": np.ones(len(days), bool), "held-out years": held, "other years": ~held}
    found |= {name: within(days, period) for name, period in settings.periods.items()}
    return {name: mask for name, mask in found.items() if mask.any()}


def within(days: Days, period: Period) -> Booleans:
    """Which days lie in a period."""
    end = days.max() if period.end is None else np.datetime64(period.end, "D")
    return (days >= np.datetime64(period.start, "D")) & (days <= end)


def select_masks(masks: Mapping[str, Booleans], names: tuple[str, ...]) -> dict[str, Booleans]:
    """Those masks that have one of the names, and any cell."""
    return {name: mask for name, mask in masks.items() if name in names and mask.any()}


# --- files --------------------------------------------------------------------------------------

QUALITY = ("scene_flags", "tb_rmse")
BINS_DEG = (40.0, 42.5)
OVERPASS = "ascending"


def product_records(paths: list[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """Main variables of every product at some cells, all years behind each other.

    Retrievals of `smos_ib` pass the filter that its users apply.
    """
    found: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths, key=lambda path: (path.name, path)):
        with io.read(path) as year:
            name = year.attrs.get("product", path.parent.name)
            if name not in PRODUCTS:
                raise GlabError(
                    "not a product file", path=path, found=name, expected=list(PRODUCTS)
                )
            wanted = [f"{main}{layer}" for main in PRODUCTS[name].main for layer in LAYERS]
            chosen = year[[layer for layer in [*wanted, *QUALITY] if layer in year]]
            part = select_cells(chosen, cells["row"].values, cells["col"].values).load()
            part = filter_retrievals(part).drop_vars(QUALITY, errors="ignore")
            found.setdefault(name, []).append(part.assign_coords(cell=cells["cell"]))
    return [
        to_record(xr.concat(years, "time", combine_attrs="drop"), variable, name)
        for name, years in found.items()
        for variable in PRODUCTS[name].main
        if variable in TRUE_NAMES
    ]


def filter_retrievals(part: xr.Dataset) -> xr.Dataset:
    """System B's retrievals as its users filter them; its TB and other products as they are."""
    if not set(QUALITY) <= set(part.variables):
        return part
    tb = [name for name in part.data_vars if str(name).startswith("tb_")]
    return quality_filter(part).assign({name: part[name] for name in tb})


def control_records(paths: list[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """VOD of links that feed no product, from their predictions."""
    found: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths):
        with io.read(path) as year:
            found.setdefault(path.parent.name, []).append(
                year.sel(cell=cells["cell"].values).load()
            )
    return [
        to_record(xr.concat(years, "time", combine_attrs="drop"), "vod", name).assign_attrs(
            variable="VOD"
        )
        for name, years in found.items()
        if all("vod" in year for year in years)
    ]


def bin_records(paths: list[Path], cells: xr.Dataset) -> list[xr.Dataset]:
    """Brightness temperature of single angle bins of SMOS, which `tb40` should be better than."""
    years: list[xr.DataArray] = []
    for path in sorted(paths):
        with io.read(path) as year:
            part = year["tb"].sel(cell=cells["cell"].values, overpass=OVERPASS)
            angles = [angle for angle in BINS_DEG if angle in year["angle"].values]
            years.append(part.sel(angle=angles).load())
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
