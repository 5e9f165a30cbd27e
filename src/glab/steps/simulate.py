"""The step of `simulate`: the truth of a world, or one year of a source that looks at it."""

from __future__ import annotations

from pathlib import Path

from pyhdf.error import HDF4Error

from glab import io
from glab.config import STATIONS, Simulate
from glab.errors import GlabError
from glab.io.atomic import disk_errors
from glab.readers.acquire import write_manifest
from glab.simulate.granules import write_granules
from glab.simulate.instruments.stations import write_stations
from glab.simulate.world.truth import simulate_truth
from glab.simulate.world.world import world_of

READERS = {"surface": "era5", "smosmap_ib": "smos_ib"}
"""Formats that are not called as their source."""


def simulate(
    output: Path,
    settings: Simulate,
    truth: Path | None = None,
    source: str | None = None,
    year: int | None = None,
) -> None:
    """Draw a world, or write a year of granules of one source that looks at it.

    Args:
        output: without `truth`: the truth; static maps are put beside it as `static.nc`.
            With it: the manifest in the folder of the source-year, which is filled.
        settings: the world, where and when.
        truth: the world's truth.
        source: the source to write; stations are written whole.
        year: the year to write.
    """
    if truth is None:
        dataset, static = simulate_truth(settings)
        io.write(static, output.with_name("static.nc"), io.Provenance("simulate", settings))
        io.write(dataset, output, io.Provenance("simulate", settings))
        return
    whole = source == STATIONS
    if source is None or (year is None and not whole):
        raise GlabError("a year of granules needs a source and a year", variable="source, year")
    with io.read(truth) as dataset, io.atomic_path(output.parent) as folder:
        folder.mkdir()
        with disk_errors(
            output.parent, OSError, RuntimeError, HDF4Error
        ):  # of h5py, netCDF4, pyhdf
            if whole:
                write_stations(dataset, settings.seed, folder)
            elif year is not None:
                write_granules(source, world_of(dataset, settings, year), dataset, folder)
        write_manifest(folder, folder / output.name, READERS.get(source, source), year)
