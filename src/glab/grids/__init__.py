"""The grids of the satellites' files, and the grid a file is on."""

from glab.grids.projected import CurvilinearGrid, ProjectedGrid
from glab.grids.rectilinear import (
    EARTH_RADIUS_KM,
    EASE1_ML,
    M09,
    M25,
    M25_CELL_M,
    M36,
    NAMED,
    Grid,
    from_coordinates,
    from_edges,
    latitude_from_q,
    regular,
    sin_authalic,
)

__all__ = [
    "EARTH_RADIUS_KM",
    "EASE1_ML",
    "M09",
    "M25",
    "M25_CELL_M",
    "M36",
    "NAMED",
    "CurvilinearGrid",
    "Grid",
    "ProjectedGrid",
    "from_coordinates",
    "from_edges",
    "latitude_from_q",
    "regular",
    "sin_authalic",
]
