"""The true state of the simulated Earth.

In: a box, years and a seed. Out: `truth.nc` with every day of every cell, `static.nc` with the maps
that a user has, and a `World`, one year of the truth that the instruments observe.

Read in this order: fields (random fields), geometry (cells, footprints), maps (climate, land cover,
soil), emission (patches within a cell, L-band TB), weather, vegetation (VOD and long-term change),
truth (all of it together, and one year of it).
"""

from glab.simulate.world.emission import Patches, TrueScene, lband_tb, liquid_fraction, scene_at
from glab.simulate.world.fields import (
    Mixer,
    RandomFields,
    add_memory,
    detrend,
    mixer,
    normal,
    stream,
)
from glab.simulate.world.geometry import (
    Footprint,
    Land,
    SubGrid,
    footprint,
    land_from,
    subgrid_of,
)
from glab.simulate.world.maps import BIOMES, TrueMaps
from glab.simulate.world.truth import SMOS_FWHM_KM, World, simulate_truth, world_of

__all__ = [
    "BIOMES",
    "SMOS_FWHM_KM",
    "Footprint",
    "Land",
    "Mixer",
    "Patches",
    "RandomFields",
    "SubGrid",
    "TrueMaps",
    "TrueScene",
    "World",
    "add_memory",
    "detrend",
    "footprint",
    "land_from",
    "lband_tb",
    "liquid_fraction",
    "mixer",
    "normal",
    "scene_at",
    "simulate_truth",
    "stream",
    "subgrid_of",
    "world_of",
]
