"""Read one map from netCDF or GeoTIFF; average maps too fine for memory while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glab.arrays import Float32s, Float64s, finite_mean
from glab.errors import GlabError
from glab.readers.granule import GEOGRAPHIC, Georeference, projected, rectilinear
from glab.readers.native import WRONG_FILE, GriddedFile, Packing, decode, open_gridded, packing_of

GEOTIFF = (".tif", ".tiff")
PIXELS_MAX = 32_000_000
"""Pixels of a map that are kept in memory at once; finer maps are averaged over square blocks.

A global map of 0.05 degrees (26 million pixels, 104 MB) is read as it is.
"""


class Raster(NamedTuple):
    """A map: values (y, x) in the file's unit, NaN where missing."""

    values: Float32s
    georeference: Georeference
    name: str
    units: str


class RasterSource(NamedTuple):
    """An open map that is read by ranges of rows.

    Attributes:
        shape: rows and columns.
        rows: returns the values of a range of rows, shape (row, x).
        georeference: returns the centres of blocks of k × k pixels.
        name, units: of the map.
    """

    shape: tuple[int, int]
    rows: Callable[[slice], Float32s]
    georeference: Callable[[int], Georeference]
    name: str
    units: str


def read_raster(path: Path, variable: str | None = None, fills: tuple[float, ...] = ()) -> Raster:
    """Read a map.

    Args:
        path: `.tif`, `.tiff`, or netCDF by any other name.
        variable: which variable (netCDF) or band number (GeoTIFF); None: the only one.
        fills: raw values that mean missing, in addition to those of the file's attributes.
    """
    open_source = _open_geotiff if path.suffix.lower() in GEOTIFF else _open_netcdf
    with open_source(path, variable, fills) as source:
        factor = _block_side(source.shape)
        values = source.rows(slice(None)) if factor == 1 else _read_averaged(source, factor)
        return Raster(values, source.georeference(factor), source.name, source.units)


def _block_side(shape: tuple[int, int]) -> int:
    """Return the side of the blocks to average: the least that fits in memory.

    One up to twice as long is preferred if it divides the map, so that all blocks are whole.
    """
    least = int(np.ceil(np.sqrt(shape[0] * shape[1] / PIXELS_MAX)))
    fitting = [k for k in range(max(least, 1), 2 * least + 1) if shape[0] % k == shape[1] % k == 0]
    return fitting[0] if fitting else max(least, 1)


def _read_averaged(source: RasterSource, factor: int) -> Float32s:
    """Return means over blocks of `factor` × `factor` pixels, NaN where a block has no value."""
    rows, cols = source.shape
    # A quarter of the limit, because averaging needs copies of the strip.
    step = max(1, PIXELS_MAX // (4 * cols * factor)) * factor
    strips = [
        block_means(source.rows(slice(start, min(start + step, rows))), factor)
        for start in range(0, rows, step)
    ]
    return np.concatenate(strips)


def block_means(values: Float32s, factor: int) -> Float32s:
    """Return means over blocks of `factor` × `factor` pixels, NaN where a block has no value.

    Args:
        values: shape (y, x), NaN where missing; blocks at the end may be incomplete.
        factor: side of a block.
    """
    pad = [(0, -size % factor) for size in values.shape]
    padded = np.pad(values, pad, constant_values=np.nan)
    rows, cols = padded.shape[0] // factor, padded.shape[1] // factor
    blocks = padded.reshape(rows, factor, cols, factor)
    return finite_mean(blocks, (1, 3), np.float64).astype(np.float32)


def _block_centres(centres: Float64s, factor: int) -> Float64s:
    """Return the centres of blocks of evenly spaced cells."""
    if factor == 1:
        return centres
    # From the outermost centres, because single steps of float32 centres are rounded.
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    blocks = -(-centres.size // factor)
    return centres[0] + step * ((factor - 1) / 2 + factor * np.arange(blocks))


@contextmanager
def _open_netcdf(
    path: Path, variable: str | None, fills: tuple[float, ...]
) -> Iterator[RasterSource]:
    with open_gridded(path) as file:
        chosen = file.require(variable) if variable else _only_map(file)
        packing = packing_of(chosen, fills=fills)
        lat, lon = file.georeference.lat, file.georeference.lon

        def rows(section: slice) -> Float32s:
            sections = {file.y_dim: section}
            index = tuple(sections.get(name, slice(None)) for name in chosen.dimensions)
            return file.plane(chosen, packing, section=index)

        def georeference(factor: int) -> Georeference:
            return rectilinear(_block_centres(lat, factor), _block_centres(lon, factor), path)

        units = str(getattr(chosen, "units", ""))
        yield RasterSource(file.georeference.shape, rows, georeference, chosen.name, units)


def _only_map(file: GriddedFile) -> Any:
    """Return the one variable that lies on the file's grid."""
    plane = {file.y_dim, file.x_dim}
    maps = [v for v in file.dataset.variables.values() if plane <= set(v.dimensions)]
    if len(maps) == 1:
        return maps[0]
    raise GlabError(
        "the file contains several maps" if maps else "the file contains no map",
        path=file.path,
        found=", ".join(v.name for v in maps) or ", ".join(file.dataset.variables),
        expected="one variable over latitude and longitude",
        remedy="name the variable in the configuration" if maps else WRONG_FILE,
    )


@contextmanager
def _open_geotiff(path: Path, band: str | None, fills: tuple[float, ...]) -> Iterator[RasterSource]:
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path) as file:
        number = _band_number(file, band, path)
        x, y, crs = _axes(file, path)
        nodata = file.nodatavals[number - 1]
        every = fills if nodata is None else (*fills, float(nodata))
        packing = Packing(file.scales[number - 1], file.offsets[number - 1], every)

        def rows(section: slice) -> Float32s:
            start, stop, _ = section.indices(file.height)
            window = Window(0, start, file.width, stop - start)
            return decode(file.read(number, window=window), packing)

        def georeference(factor: int) -> Georeference:
            return projected(_block_centres(x, factor), _block_centres(y, factor), crs, path)

        name = file.descriptions[number - 1] or path.stem
        units = file.units[number - 1] or ""
        yield RasterSource((file.height, file.width), rows, georeference, name, units)


def _band_number(file: Any, band: str | None, path: Path) -> int:
    """Return the number of the wanted band, from 1."""
    if band is None and file.count == 1:
        return 1
    if band is not None and band.isdigit() and 1 <= int(band) <= file.count:
        return int(band)
    raise GlabError(
        "the band of the file is not known",
        path=path,
        variable=band,
        found=f"{file.count} bands",
        expected=f"a number from 1 to {file.count}",
        remedy="name the band in the configuration",
    )


def _axes(file: Any, path: Path) -> tuple[Float64s, Float64s, str]:
    """Return centres of columns and rows, and the projection; degrees where the file has none."""
    transform = file.transform
    if transform.b or transform.d or transform.is_identity:
        raise GlabError(
            "the map is rotated or has no georeference",
            path=path,
            found=str(tuple(transform)[:6]),
            expected="rows along latitude or northing",
            remedy="warp it to latitude and longitude (gdalwarp -t_srs EPSG:4326)",
        )
    x = transform.c + transform.a * (np.arange(file.width) + 0.5)
    y = transform.f + transform.e * (np.arange(file.height) + 0.5)
    # Maps without a projection are in degrees: `projected` checks that they can be.
    if file.crs is None or file.crs.is_geographic:
        return x, y, GEOGRAPHIC
    code = file.crs.to_epsg()
    return x, y, f"EPSG:{code}" if code else file.crs.to_wkt()
