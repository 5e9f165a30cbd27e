"""Prediction: the ensemble applied to one year, with its spread and data uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.calendar import Days, window_starts
from glab.catalogue import Array, Catalogue, tiles_of
from glab.config import Predict, Record
from glab.ensemble import check_members, mean_and_spread, noise_spread
from glab.errors import GlabError
from glab.features import (
    Vectors,
    feature_names,
    input_columns,
    residual_spread,
    target_names,
    vectors,
)
from glab.matching import Average, match
from glab.network import ScaledNetwork
from glab.seeds import seed_of

MISSING = -1


@dataclass(frozen=True)
class Year:
    """Networks' values of all windows of a year, in memory; NaN where an input is missing.

    Attributes:
        starts: first day of each window.
        channels: of the target; none where it has no such dimension.
        residual: ensemble mean and offset, float32 (window, cell, target).
        structural: standard deviation over the members, like `residual`.
        noise: spread by perturbed inputs, like `residual`; None where it is not asked for.
        count: days with input, int16 (window, cell).
        shortened: running means that fell back to shorter ones, int16 (window, cell).
        record: number of the record the value comes from, int16 (window, cell), −1 for none.
    """

    starts: Days
    channels: list[str]
    residual: Array
    structural: Array
    noise: Array | None
    count: NDArray[np.int16]
    shortened: NDArray[np.int16]
    record: NDArray[np.int16]


def predicted(
    catalogue: Catalogue,
    domain: xr.Dataset,
    networks: Sequence[ScaledNetwork],
    calibration: xr.Dataset,
    settings: Predict,
    year: int,
    average: Average | None = None,
) -> Year:
    """Apply an ensemble to one year.

    Args:
        catalogue: residuals of the inputs in that year and the years beside it, and cycles.
        domain: cells and tiles.
        networks: every member.
        calibration: from `glab.calibrate.calibrate`.
        settings: the link.
        year: which year.
        average: to the target's footprint, applied to all input features, as they were in
            training; None: inputs at their full detail, tile by tile.

    Raises:
        GlabError: when no record of the link has this year, or networks are of another link.
    """
    records = _records_of(catalogue, settings, year)
    channels = catalogue.channels(settings.records[records[0]].baseline, settings.target)
    found = _empty(window_starts(year, settings.window_days), channels, domain, settings)
    for number in records:
        record = settings.records[number]
        names = feature_names(catalogue, settings, record)
        check_members(networks, names, target_names(catalogue, settings, record))
        offset = calibration["offset"].values[number]
        for tile, given in _given(catalogue, settings, record, domain, found.starts, average):
            _fill(found, given, tile, number, networks, offset[tile], settings)
            if found.noise is not None:
                _fill_noise(found, given, tile, number, networks, catalogue, settings)
    return found


def _given(
    catalogue: Catalogue,
    settings: Predict,
    record: Record,
    domain: xr.Dataset,
    starts: Days,
    average: Average | None,
) -> Iterator[tuple[slice, Vectors]]:
    """Feature vectors tile by tile; of all cells at once where they are averaged.

    A cell whose own inputs are missing stays missing, whatever its neighbours know.
    """
    parts = (
        (tile, vectors(catalogue, settings, record, domain, starts, tile))
        for tile in tiles_of(domain)
    )
    if average is None:
        yield from parts
        return
    whole = _joined([given for _, given in parts])
    missing = ~whole.complete
    match(whole.values, input_columns(feature_names(catalogue, settings, record)), average)
    whole.values[missing] = np.nan
    yield slice(0, domain.sizes["cell"]), whole


def _joined(parts: Sequence[Vectors]) -> Vectors:
    """Feature vectors of consecutive tiles as one."""
    names = [field.name for field in fields(Vectors)]
    return Vectors(*(np.concatenate([getattr(p, name) for p in parts], 1) for name in names))


def _records_of(catalogue: Catalogue, settings: Predict, year: int) -> list[int]:
    """Records that can predict a year: all their inputs have it."""
    served = [
        number
        for number, record in enumerate(settings.records)
        if record.role != "train"
        and all(year in catalogue.years(record.baseline, e.source) for e in record.inputs)
    ]
    if not served:
        raise GlabError(
            f"link {settings.name!r} cannot predict {year}",
            variable=f"links.{settings.name}.records",
            found="no record whose inputs all have residuals of that year",
            remedy="shorten the years of the products that need it",
        )
    return served


def _empty(starts: Days, channels: list[str], domain: xr.Dataset, settings: Predict) -> Year:
    size = len(starts), domain.sizes["cell"]
    layers = max(len(channels), 1)

    def nothing() -> Array:
        return np.full((*size, layers), np.nan, np.float32)

    noise = None if settings.noise_share is None else nothing()
    zeros = np.zeros(size, np.int16), np.zeros(size, np.int16)
    record = np.full(size, MISSING, np.int16)
    return Year(starts, channels, nothing(), nothing(), noise, *zeros, record)


def _fill(
    found: Year,
    given: Vectors,
    tile: slice,
    number: int,
    networks: Sequence[ScaledNetwork],
    offset: Array,
    settings: Predict,
) -> None:
    """Put the values of one record and tile where no earlier record has any."""
    wanted = given.complete & (found.record[:, tile] == MISSING)
    mean, spread = mean_and_spread(networks, given.values[wanted], settings.batch_size)
    found.residual[:, tile][wanted] = mean + offset[np.nonzero(wanted)[1]]
    found.structural[:, tile][wanted] = spread
    found.count[:, tile][wanted] = given.count[wanted]
    found.shortened[:, tile][wanted] = given.shortened[wanted]
    found.record[:, tile][wanted] = number


def _fill_noise(
    found: Year,
    given: Vectors,
    tile: slice,
    number: int,
    networks: Sequence[ScaledNetwork],
    catalogue: Catalogue,
    settings: Predict,
) -> None:
    """Spread of the outputs when residuals are perturbed by a share of the cell's own spread."""
    assert found.noise is not None and settings.noise_share is not None
    record = settings.records[number]
    deviation = residual_spread(catalogue, settings, record, found.starts, tile)
    wanted = found.record[:, tile] == number
    found.noise[:, tile][wanted] = noise_spread(
        networks,
        given.values[wanted],
        settings.noise_share * deviation[np.nonzero(wanted)[1]],
        settings.noise_runs,
        settings.batch_size,
        seed_of(settings.seed, settings.name, str(found.starts[0]), tile.start, number),
    )
