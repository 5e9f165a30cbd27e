"""The step of `compose`: SMOS and the networks' TB → one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import xarray as xr

from glab import io
from glab.calendar import Days, days_of_year, time_blocks
from glab.climatology.series import series, surface_of
from glab.config import Compose, Series
from glab.mask import UnknownGround
from glab.products.compose import compose_tb


def compose(
    *,
    domain: Path,
    year: int,
    output: Path,
    settings: Compose,
    predictions: list[Path] | None = None,
    reference: Path | None = None,
    surface: list[Path] | None = None,
    truth: Path | None = None,
) -> None:
    """Join SMOS and the networks' TB of one year; from a truth, what a perfect record would be.

    Args:
        domain: the domain.
        year: which year.
        output: `tb`, its spread, and `origin`.
        settings: how they are joined.
        predictions: the links' files of that year, `…/<link>/<year>.nc`.
        reference: SMOS's year file, if it has that year.
        surface: year file that says where the ground is frozen, for the reference.
        truth: the simulated Earth, for the control that no product uses: its TB takes the place of
            the record.
    """
    land, days = io.read(domain).load(), days_of_year(year)
    if truth is not None:
        blocks = _true_blocks(io.read(truth), land, days)
        provenance = io.Provenance("compose", settings, [truth, domain])
        io.write_blocks(blocks, output, provenance, time=days)
        return
    links = {Path(path).parent.name: io.read(path) for path in predictions or []}
    order = {name: links[name] for name in settings.links if name in links}
    smos = None if reference is None else io.read(reference)
    ground = [io.read(path) for path in surface or []]
    blocks = _blocks(smos, order, ground, land, days, settings)
    inputs = [*(predictions or []), *([reference] if reference else []), *(surface or []), domain]
    io.write_blocks(blocks, output, io.Provenance("compose", settings, inputs), time=days)


def _blocks(
    smos: xr.Dataset | None,
    links: Mapping[str, xr.Dataset],
    ground: list[xr.Dataset],
    land: xr.Dataset,
    days: Days,
    settings: Compose,
) -> Iterator[xr.Dataset]:
    """The composed record, month by month."""
    spec = None if smos is None else _with_error(settings.series, smos)
    surface = None if smos is None else surface_of(smos, ground, settings.mask)
    counts = UnknownGround()
    for block in time_blocks(days):
        parts = {name: dataset.isel(time=block).load() for name, dataset in links.items()}
        seen = None
        if smos is not None and spec is not None:
            seen = series(smos.isel(time=block), surface, land, spec, settings.mask, counts)
        found = compose_tb(seen, parts, settings, settings.sensors)
        yield found.assign_coords(cell=land["cell"])
    counts.log()


def _true_blocks(truth: xr.Dataset, land: xr.Dataset, days: Days) -> Iterator[xr.Dataset]:
    """The truth's TB on the domain, month by month."""
    tb = truth[["tb"]].sel(cell=land["cell"].values, time=days.astype("datetime64[ns]"))
    for block in time_blocks(days):
        yield tb.isel(time=block).transpose("time", "cell", "channel").load()


def _with_error(spec: Series, smos: xr.Dataset) -> Series:
    """The reference's TB, and its standard error where it carries one."""
    error = ["tb_error"] if "tb_error" in smos else []
    return spec.model_copy(update={"variables": ["tb", *error]})
