"""Step `retrieve`: 40° TB → soil moisture and VOD."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Retrieve
from glab.retrieval.retrieve import year_blocks
from glab.retrieval.scene import surfaces_by_overpass, with_overpass


def retrieve(
    tb40: Path, surface: list[Path], domain: Path, output: Path, settings: Retrieve
) -> None:
    """Invert a year of 40° TB for soil moisture and VOD.

    Args:
        tb40: the year's 40° TB, or the composed TB, which has no overpasses.
        surface: year files of the surface, `…/<source>/<year>.nc`, one per overpass.
        domain: the domain, with clay and land cover.
        output: soil moisture, VOD, their standard errors, TB-RMSE and flags.
        settings: slice of the stage.
    """
    land, seen = io.read(domain).load(), with_overpass(io.read(tb40))
    by_source = {path.parent.name: io.read(path) for path in surface}
    surfaces = surfaces_by_overpass(by_source, settings.surface)
    blocks = year_blocks(seen, surfaces, land, settings)
    provenance = io.Provenance("retrieve", settings, [tb40, *surface, domain])
    io.write_blocks(blocks, output, provenance, time=seen["time"].values)
