"""The grids of the satellites' files, and the grid a file is on."""

from glab.grids.projected import CurvilinearGrid, ProjectedGrid
from glab.grids.rectilinear import (
    EASE1_ML,
    EASE1_RADIUS_M,
    M09,
    M25,
    M36,
    NAMED,
    TRUE_SCALE_DEG,
    Grid,
    from_coordinates,
    from_edges,
    latitude_from_q,
    regular,
    sin_authalic,
)

__all__ = [
    "EASE1_ML",
    "EASE1_RADIUS_M",
    "M09",
    "M25",
    "M36",
    "NAMED",
    "TRUE_SCALE_DEG",
    "CurvilinearGrid",
    "Grid",
    "ProjectedGrid",
    "from_coordinates",
    "from_edges",
    "latitude_from_q",
    "regular",
    "sin_authalic",
]
