"""Grids whose latitude and longitude vary along both axes: projected grids and swaths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s
from glab.errors import GlabError


@dataclass(frozen=True, eq=False)
class ProjectedGrid:
    """A grid that is rectilinear in projected metres, such as EASE-Grid 2.0 North and South.

    Attributes:
        x: centre of each column in m, shape (cols,), ascending or descending.
        y: centre of each row in m, shape (rows,), ascending or descending.
        crs: the projection, as pyproj reads it ("EPSG:6931").
    """

    x: Float64s
    y: Float64s
    crs: str

    def __post_init__(self) -> None:
        for name, centres in (("x", self.x), ("y", self.y)):
            if centres.ndim != 1 or centres.size < 2:
                raise GlabError("a projected axis needs at least two centres", variable=name)
            steps = np.diff(centres)
            if not (np.isfinite(steps).all() and ((steps > 0).all() or (steps < 0).all())):
                raise GlabError("a projected axis neither ascends nor descends", variable=name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProjectedGrid) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[bytes | str, ...]:
        return self.x.tobytes(), self.y.tobytes(), self.crs

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.size, self.x.size

    def project(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Float64s, Float64s]:
        """Return projected x, y in m of points in degrees; infinite outside of the projection."""
        x, y = self._transformer().transform(np.asarray(lon, float), np.asarray(lat, float))
        return x, y

    def centres(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude in degrees of all cell centres, shape (rows, cols)."""
        x, y = np.meshgrid(self.x, self.y)
        lon, lat = self._transformer().transform(x, y, direction="INVERSE")
        return lat, lon

    def _transformer(self) -> Any:
        from pyproj import Transformer
        from pyproj.exceptions import CRSError

        try:
            return Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        except CRSError as error:
            raise GlabError("unknown projection", variable="crs", found=self.crs) from error


@dataclass(frozen=True, eq=False)
class CurvilinearGrid:
    """Cell centres in no known projection, for example of a swath.

    Attributes:
        lat, lon: degrees, shape (rows, cols).
    """

    lat: Float64s
    lon: Float64s

    def __post_init__(self) -> None:
        if self.lat.ndim != 2 or self.lat.shape != self.lon.shape:
            raise GlabError(
                "latitude and longitude differ in shape, or are not 2-D", found=self.lat.shape
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CurvilinearGrid) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[bytes | tuple[int, ...], ...]:
        return self.lat.tobytes(), self.lon.tobytes(), self.lat.shape

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.lat.shape[0], self.lat.shape[1]

    def centres(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude in degrees of all cell centres, shape (rows, cols)."""
        return self.lat, self.lon
