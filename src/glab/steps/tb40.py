"""Step `tb40`: multi-angular SMOS TB → 40° TB."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Tb40
from glab.retrieval.scene import surfaces_by_overpass
from glab.retrieval.tb40 import year_blocks


def tb40(smos: Path, surface: list[Path], domain: Path, output: Path, settings: Tb40) -> None:
    """Fit L-MEB to a year of multi-angular SMOS TB and evaluate it at 40°.

    Args:
        smos: year file of the multi-angular source.
        surface: year files of the surface, `…/<source>/<year>.nc`, one per overpass.
        domain: the domain, with clay and land cover.
        output: 40° TB, its standard error, TB-RMSE and number of angle bins.
        settings: slice of the stage.
    """
    land, seen = io.read(domain).load(), io.read(smos)
    by_source = {path.parent.name: io.read(path) for path in surface}
    surfaces = surfaces_by_overpass(by_source, settings.surface)
    blocks = year_blocks(seen, surfaces, land, settings)
    provenance = io.Provenance("tb40", settings, [smos, *surface, domain])
    io.write_blocks(blocks, output, provenance, time=seen["time"].values)
