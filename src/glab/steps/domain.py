"""The step of `domain`: write the land cells of the target grid with maps of their ground."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from glab import io
from glab.config import Domain, GroundMap
from glab.errors import GlabError
from glab.readers import formats
from glab.regrid.domain import build_domain, map_layer, stack_classes

IGBP = tuple(range(1, 17))


def domain(output: Path, settings: Domain, static: Path | None = None) -> None:
    """Choose and order the land cells of the target grid.

    Args:
        output: the domain.
        settings: box, least land fraction, sizes of tiles and blocks, a user's maps.
        static: netCDF file of maps (…, y, x) with lat and lon, regridded to the cells.
    """
    maps = None if static is None else io.read(static).load()
    cells = build_domain(settings, maps)
    inputs = [] if static is None else [static]
    for name, spec in settings.maps.items():
        if spec is not None:
            layers = [map_layer(cells, granule, name, spec) for granule in read_map(name, spec)]
            layer = stack_classes(layers, name, cells, spec)
            cells[name] = layer.fillna(cells[name]) if name in cells else layer
            inputs.append(Path(spec.path))
    io.write(cells, output, io.Provenance("domain", settings, inputs))


def read_map(name: str, spec: GroundMap) -> Iterator[xr.Dataset]:
    """Yield a user's map as `value` (y, x); land cover class by class, which saves memory.

    Raises:
        GlabError: for a file that does not exist or cannot be read.
    """
    path = Path(spec.path)
    if not path.is_file():
        raise GlabError(
            "a map of the ground does not exist",
            path=path,
            variable=f"domain.maps.{name}",
            remedy="put it there, or correct its path, or set it to null",
        )
    choice: dict[str, Any] = {"variable": spec.variable, "fills": tuple(spec.fills)}
    if spec.reader == "landcover":
        for number in spec.igbp or IGBP:
            classes = formats.read("landcover", path, igbp=[number])
            yield classes.isel(igbp=0, drop=True).rename(igbp_fraction="value")
    elif spec.reader == "clay":
        yield formats.read("clay", path, units=spec.units, **choice).rename(clay="value")
    else:
        yield formats.read("map", path, **choice)
