"""The step of `tb40`: multi-angular SMOS → 40° brightness temperature."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Tb40
from glab.retrieval.scene import surfaces_of
from glab.retrieval.tb40 import year_blocks


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
