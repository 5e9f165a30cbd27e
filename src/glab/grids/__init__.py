"""Grids of satellite files and of products: axes, cells, areas, recognition from coordinates.

In: coordinates of a file, or the name of a grid. Out: grids with centres, bounds and areas.

Read in this order: rectilinear (latitude and longitude by row and column; the EASE-Grids),
projected (both vary along both axes), cells (between cells of a domain and the grid of products).
"""

from glab.grids.projected import CurvilinearGrid, ProjectedGrid
from glab.grids.rectilinear import (
    EARTH_RADIUS_KM,
    EASE1_CELL_M,
    EASE1_ML,
    EASE1_RADIUS_M,
    M09,
    M25,
    M25_CELL_M,
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
    "EARTH_RADIUS_KM",
    "EASE1_CELL_M",
    "EASE1_ML",
    "EASE1_RADIUS_M",
    "M09",
    "M25",
    "M25_CELL_M",
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
