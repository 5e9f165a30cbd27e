"""One map, netCDF or GeoTIFF; maps too fine for memory are averaged while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glab.arrays import Float32s, Float64s
from glab.errors import GlabError
from glab.readers.decoding import Packing, decode
from glab.readers.georeference import GEOGRAPHIC, Georeference, projected, rectilinear
from glab.readers.netcdf import WRONG_VARIABLE, Granule, open_granule, packing_of
from glab.readers.opening import reading

GEOTIFF = (".tif", ".tiff")
PIXELS_MAX = 32_000_000
"""Pixels of a map held at once; finer maps are averaged over blocks of k × k pixels."""


class Raster(NamedTuple):
    """A map: values (y, x) in the file's unit, NaN where missing."""

    values: Float32s
    georeference: Georeference
    name: str
    units: str


class RasterSource(NamedTuple):
    """An open map, read by stretches of rows."""

    shape: tuple[int, int]
    rows: Callable[[slice], Float32s]
    georeference: Callable[[int], Georeference]
    name: str
    units: str


def read_raster(path: Path, variable: str | None = None, fills: tuple[float, ...] = ()) -> Raster:
    """A map.

    Args:
        path: `.tif`, `.tiff`, or netCDF by any other name.
        variable: which variable (netCDF) or band number (GeoTIFF); None: the only one.
        fills: raw values that mean missing, beside those the file states.
    """
    open_source = _open_geotiff if path.suffix.lower() in GEOTIFF else _open_netcdf
    with open_source(path, variable, fills) as source:
        factor = _factor(source.shape)
        values = source.rows(slice(None)) if factor == 1 else _averaged(source, factor)
        return Raster(values, source.georeference(factor), source.name, source.units)


def _factor(shape: tuple[int, int]) -> int:
    """Side of the blocks to average: the least that fits, one that divides the map if near."""
    least = int(np.ceil(np.sqrt(shape[0] * shape[1] / PIXELS_MAX)))
    fitting = [k for k in range(max(least, 1), 2 * least + 1) if shape[0] % k == shape[1] % k == 0]
    return fitting[0] if fitting else max(least, 1)


def _averaged(source: RasterSource, factor: int) -> Float32s:
    """Means over blocks of `factor` × `factor` pixels, of those that are there."""
    rows, cols = source.shape
    step = max(1, PIXELS_MAX // (4 * cols * factor)) * factor
    strips = [
        block_means(source.rows(slice(start, min(start + step, rows))), factor)
        for start in range(0, rows, step)
    ]
    return np.concatenate(strips)


def block_means(values: Float32s, factor: int) -> Float32s:
    """Means over blocks of `factor` × `factor`, NaN left out; NaN where a block has none.

    Args:
        values: shape (y, x); ragged blocks at the end count what there is.
    """
    pad = [(0, -size % factor) for size in values.shape]
    padded = np.pad(values, pad, constant_values=np.nan)
    rows, cols = padded.shape[0] // factor, padded.shape[1] // factor
    blocks = padded.reshape(rows, factor, cols, factor)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0.0).sum(axis=(1, 3), dtype=np.float64)
    means = np.full((rows, cols), np.nan, np.float32)
    np.divide(total, count, out=means, where=count > 0, casting="same_kind")
    return means


def _block_centres(centres: Float64s, factor: int) -> Float64s:
    """Centres of blocks of evenly spaced cells."""
    if factor == 1:
        return centres
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    blocks = -(-centres.size // factor)
    return centres[0] + step * ((factor - 1) / 2 + factor * np.arange(blocks))


@contextmanager
def _open_netcdf(
    path: Path, variable: str | None, fills: tuple[float, ...]
) -> Iterator[RasterSource]:
    with open_granule(path) as native:
        chosen = native.require(variable) if variable else _only_map(native)
        packing = packing_of(chosen, fills=fills)
        lat, lon = native.georeference.lat, native.georeference.lon

        def rows(part: slice) -> Float32s:
            where = {native.y_dim: part}
            index = tuple(where.get(name, slice(None)) for name in chosen.dimensions)
            return native.plane(chosen, packing, part=index)

        def georeference(factor: int) -> Georeference:
            return rectilinear(_block_centres(lat, factor), _block_centres(lon, factor), path)

        shape = native.georeference.shape
        yield RasterSource(
            shape, rows, georeference, chosen.name, str(getattr(chosen, "units", ""))
        )


def _only_map(native: Granule) -> Any:
    """The one variable that lies on the file's grid."""
    plane = {native.y_dim, native.x_dim}
    maps = [v for v in native.dataset.variables.values() if plane <= set(v.dimensions)]
    if len(maps) == 1:
        return maps[0]
    raise GlabError(
        "which map of the file?" if maps else "no map in the file",
        path=native.path,
        found=", ".join(v.name for v in maps) or ", ".join(native.dataset.variables),
        expected="one variable over latitude and longitude",
        remedy="name the variable in the configuration" if maps else WRONG_VARIABLE,
    )


@contextmanager
def _open_geotiff(path: Path, band: str | None, fills: tuple[float, ...]) -> Iterator[RasterSource]:
    import rasterio
    from rasterio.windows import Window

    with reading(path, "GeoTIFF"), rasterio.open(path) as file:
        number = _band(file, band, path)
        x, y, crs = _axes(file, path)
        nodata = file.nodatavals[number - 1]
        every = fills if nodata is None else (*fills, float(nodata))
        packing = Packing(file.scales[number - 1], file.offsets[number - 1], every)

        def rows(part: slice) -> Float32s:
            start, stop, _ = part.indices(file.height)
            return decode(
                file.read(number, window=Window(0, start, file.width, stop - start)), packing
            )

        def georeference(factor: int) -> Georeference:
            return projected(_block_centres(x, factor), _block_centres(y, factor), crs, path)

        name = file.descriptions[number - 1] or path.stem
        units = file.units[number - 1] or ""
        yield RasterSource((file.height, file.width), rows, georeference, name, units)


def _band(file: Any, band: str | None, path: Path) -> int:
    """Number of the band wanted, from 1."""
    if band is None and file.count == 1:
        return 1
    if band is not None and band.isdigit() and 1 <= int(band) <= file.count:
        return int(band)
    raise GlabError(
        "which band of the file?",
        path=path,
        variable=band,
        found=f"{file.count} bands",
        expected=f"a number from 1 to {file.count}",
        remedy="name the band in the configuration",
    )


def _axes(file: Any, path: Path) -> tuple[Float64s, Float64s, str]:
    """Centres of columns and rows, and the projection; degrees where the file names none."""
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
    if file.crs is None or file.crs.is_geographic:
        return x, y, GEOGRAPHIC
    code = file.crs.to_epsg()
    return x, y, f"EPSG:{code}" if code else file.crs.to_wkt()
