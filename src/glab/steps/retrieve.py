"""The step of `retrieve`: 40° TB → soil moisture and VOD."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Retrieve
from glab.retrieval.retrieve import year_blocks
from glab.retrieval.scene import surfaces_of, with_overpass


def retrieve(
    tb40: Path, surface: list[Path], domain: Path, output: Path, settings: Retrieve
) -> None:
    """Invert a year of 40° TB for soil moisture and VOD, both runs.

    Args:
        tb40: the year's 40° TB, or the composed TB, which has no overpasses.
        surface: year files of the surface, `…/<source>/<year>.nc`, one for each overpass.
        domain: the domain, with clay and land cover.
        output: soil moisture, VOD, their errors, misfit and flags.
        settings: slice of the stage.
    """
    land, seen = io.read(domain).load(), with_overpass(io.read(tb40))
    blocks = year_blocks(seen, surfaces_of(surface, settings.surface), land, settings)
    provenance = io.Provenance("retrieve", settings, [tb40, *surface, domain])
    io.write_blocks(blocks, output, provenance, time=seen["time"].values)
