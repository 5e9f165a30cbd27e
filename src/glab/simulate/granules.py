"""Write one year of one source of the simulated Earth as granules in its native format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from glab.errors import unknown_name
from glab.simulate.formats.amsr import write_amsr2, write_amsre
from glab.simulate.formats.gridded import (
    write_casm,
    write_smap_ib,
    write_smosmap_ib,
    write_surface,
)
from glab.simulate.formats.smap_l3 import write_smap_l3
from glab.simulate.formats.smos import write_smos_ic, write_smos_l3
from glab.simulate.world import World

SOURCES: dict[str, Callable[[World, Path], None]] = {
    "smos_l3": write_smos_l3,
    "smos_ic": write_smos_ic,
    "amsre": write_amsre,
    "amsr2": write_amsr2,
    "smap_l3": write_smap_l3,
    "smap_ib": write_smap_ib,
    "smosmap_ib": write_smosmap_ib,
    "casm": write_casm,
    "surface": write_surface,
}
"""The writers by source. A new source is an instrument, a format, and a line here."""


def write_granules(source: str, world: World, folder: Path) -> None:
    """Write one year of a source into an existing folder; a year without data leaves it empty.

    Args:
        source: of `SOURCES`.
        world: the year of the truth.
        folder: of the granules.

    Raises:
        GlabError: for a source that is not simulated.
    """
    if source not in SOURCES:
        raise unknown_name("simulated source", source, SOURCES)
    SOURCES[source](world, folder)
