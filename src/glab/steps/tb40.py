"""The step of `tb40`: multi-angular SMOS → 40° brightness temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr

from glab import io
from glab.config import Overpass, Tb40
from glab.tb40_year import year_blocks


def tb40(smos: Path, surface: list[Path], domain: Path, output: Path, settings: Tb40) -> None:
    """Fit L-MEB to a year of multi-angular SMOS TB and evaluate it at 40°.

    Args:
        smos: year file of the multi-angular source.
        surface: year files of the surface, `…/<source>/<year>.nc`, one for each overpass.
        domain: the domain, with clay and land cover.
        output: 40° TB, its error, misfit over the angles and number of angles.
        settings: slice of the stage.
    """
    land, seen = io.read(domain).load(), io.read(smos)
    blocks = year_blocks(seen, surfaces_of(surface, settings.surface), land, settings)
    provenance = io.Provenance("tb40", settings, [smos, *surface, domain])
    io.write_blocks(blocks, output, provenance, time=seen["time"].values)


def surfaces_of(
    paths: Sequence[Path], names: Mapping[Overpass, str | None]
) -> dict[str, xr.Dataset]:
    """Surface files by overpass: a file lies in the folder of its source.

    Args:
        paths: year files, `…/<source>/<year>.nc`.
        names: overpass → its source.
    """
    by_source = {Path(path).parent.name: Path(path) for path in paths}
    return {
        overpass: io.read(by_source[source])
        for overpass, source in names.items()
        if source is not None and source in by_source
    }
