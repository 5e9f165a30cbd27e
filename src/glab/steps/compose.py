"""The step of `compose`: TB of the L-band references and of the networks to one series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.arrays import Float64s
from glab.calendar import Days, days_of_year, time_blocks
from glab.climatology.series import series, surface_of
from glab.config import Compose, Series
from glab.errors import unknown_name
from glab.mask import UnknownGround
from glab.products.compose import CHANNELS, compose_tb, difference_sums


def compose(
    *,
    domain: Path,
    year: int,
    output: Path,
    settings: Compose,
    predictions: list[Path] | None = None,
    references: list[Path] | None = None,
    surface: list[Path] | None = None,
    truth: Path | None = None,
) -> None:
    """Compose the L-band TB of one year; with a truth, copy its TB instead.

    Args:
        domain: the domain.
        year: which year.
        output: `tb`, its uncertainties, and `origin`.
        settings: how references and networks are composed.
        predictions: the links' files of that year, `…/<link>/<year>.nc`.
        references: year files of those references that have that year, `…/<source>/<year>.nc`.
        surface: year file that says where the ground is frozen, for the references.
        truth: the simulated Earth, for the control that no product uses: its TB replaces the
            composed TB.
    """
    land, days = io.read(domain).load(), days_of_year(year)
    if truth is not None:
        blocks = _true_blocks(io.read(truth), land, days)
        provenance = io.Provenance("compose", settings, [truth, domain])
        io.write_blocks(blocks, output, provenance, time=days)
        return
    links = _open_by_name(predictions or [], settings.links, "link")
    sources = _open_by_name(references or [], settings.references, "reference")
    ground = [io.read(path) for path in surface or []]
    blocks = _blocks(sources, links, ground, land, days, settings)
    inputs = [*(predictions or []), *(references or []), *(surface or []), domain]
    io.write_blocks(blocks, output, io.Provenance("compose", settings, inputs), time=days)


def _open_by_name(paths: Sequence[Path], names: Sequence[str], kind: str) -> dict[str, xr.Dataset]:
    """Open year files, named by their folder, in the order of the settings.

    Raises:
        GlabError: for a folder that is no link or reference of the settings.
    """
    folders = {Path(path).parent.name: path for path in paths}
    for folder, path in folders.items():
        if folder not in names:
            raise unknown_name(kind, folder, names, path=path, variable="compose")
    return {name: io.read(folders[name]) for name in names if name in folders}


def _blocks(
    references: Mapping[str, xr.Dataset],
    links: Mapping[str, xr.Dataset],
    ground: list[xr.Dataset],
    land: xr.Dataset,
    days: Days,
    settings: Compose,
) -> Iterator[xr.Dataset]:
    """Compose month by month; print the mean differences between references at the end."""
    sums: dict[str, Float64s] = {}
    first, counts = next(iter(references), ""), UnknownGround()
    surface = {name: surface_of(each, ground, settings.mask) for name, each in references.items()}
    for block in time_blocks(days):
        predicted = {name: dataset.isel(time=block).load() for name, dataset in links.items()}
        observed = {
            name: series(
                dataset.isel(time=block),
                surface[name],
                land,
                _with_error(settings.series[name], dataset),
                settings.mask,
                counts if name == first else None,  # the ground is the same for all
            )
            for name, dataset in references.items()
        }
        for name, values in difference_sums(observed).items():
            sums[name] = sums.get(name, 0.0) + values
        composed = compose_tb(observed, predicted, settings)
        yield composed.assign_coords(cell=land["cell"])
    counts.log()
    for name, (total, number) in sums.items():
        print(f"tb of {name} minus {first}: {_means(total, number)}")


def _true_blocks(truth: xr.Dataset, land: xr.Dataset, days: Days) -> Iterator[xr.Dataset]:
    """Yield the truth's TB on the domain, month by month."""
    tb = truth[["tb"]].sel(cell=land["cell"].values, time=days.astype("datetime64[ns]"))
    for block in time_blocks(days):
        yield tb.isel(time=block).transpose("time", "cell", "channel").load()


def _with_error(spec: Series, reference: xr.Dataset) -> Series:
    """Return the series of a reference's TB, and of its standard error if the file has one."""
    error = ["tb_error"] if "tb_error" in reference else []
    return spec.model_copy(update={"variables": ["tb", *error]})


def _means(total: Float64s, number: Float64s) -> str:
    """Return the mean difference of each channel as text for the log."""
    means = np.divide(total, number, where=number > 0, out=np.full(len(number), np.nan))
    return ", ".join(
        f"{channel} {mean:+.2f} K ({count:.0f} values)"
        for channel, mean, count in zip(CHANNELS, means, number)
    )
