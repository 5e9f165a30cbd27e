"""The step of `domain`: land cells of the target grid."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Domain
from glab.domain import build_domain


def domain(output: Path, settings: Domain, static: Path | None = None) -> None:
    """Choose and order the land cells of the target grid.

    Args:
        output: the domain.
        settings: box, least land fraction, sizes of tiles and blocks.
        static: netCDF file of maps (…, y, x) with lat and lon, regridded to the cells.
    """
    maps = None if static is None else io.read(static).load()
    inputs = [] if static is None else [static]
    io.write(build_domain(settings, maps), output, io.Provenance("domain", settings, inputs))
