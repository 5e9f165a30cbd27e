"""Draw a simulated Earth, or write the granules of one source that observes it."""

from __future__ import annotations

from pathlib import Path

from pyhdf.error import HDF4Error

from glab import io
from glab.config import Simulate
from glab.errors import GlabError
from glab.readers.acquire import write_manifest
from glab.simulate.formats.ismn import write_stations
from glab.simulate.granules import write_granules
from glab.simulate.world import simulate_truth, world_of

STATIONS = "ismn"
"""Source of stations; all of their years are one archive."""

READERS = {"surface": "era5", "smosmap_ib": "smos_ib"}
"""Readers of the sources that have another name than their reader."""


def simulate(
    output: Path,
    settings: Simulate,
    truth: Path | None = None,
    source: str | None = None,
    year: int | None = None,
) -> None:
    """Draw a world, or write one year of granules of one source that observes it.

    Args:
        output: without `truth`: the truth; the static maps are written beside it as `static.nc`.
            With `truth`: the manifest, in the folder that receives the granules.
        settings: of the simulated Earth: world, box and years.
        truth: the truth of the world, which must exist.
        source: the source to write; stations are written for all years at once.
        year: the year to write.

    Raises:
        GlabError: without source or year, for an unknown source, for a year that the truth does not
            contain, and for a box without land.
    """
    if truth is None:
        dataset, static = simulate_truth(settings)
        io.write(static, output.with_name("static.nc"), io.Provenance("simulate", settings))
        io.write(dataset, output, io.Provenance("simulate", settings))
        return
    whole = source == STATIONS  # one archive of all years
    if source is None or (year is None and not whole):
        raise GlabError("a year of granules needs a source and a year", variable="source, year")
    with io.read(truth) as dataset, io.atomic_path(output.parent) as folder:
        folder.mkdir()
        # The errors of h5py, netCDF4 and pyhdf on a full disk.
        with io.disk_errors(output.parent, OSError, RuntimeError, HDF4Error):
            if whole:
                write_stations(dataset, settings.seed, folder)
            elif year is not None:
                write_granules(source, world_of(dataset, settings, year), folder)
        write_manifest(folder, folder / output.name, READERS.get(source, source), year)
