"""Format one product year as a CF file on the 2-D grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from glab import io
from glab.calendar import time_blocks
from glab.config import Product
from glab.grids.cells import Extent, check_cells, extent_of
from glab.products.attributes import global_attributes
from glab.products.product import daily_fields, format_product

DAILY_FILE = "SMOS_IB_{day}.nc"
BLOCK_DAYS = io.PRODUCT.chunks["time"]


def product(
    layers: list[Path],
    domain: Path,
    year: int,
    output: Path,
    settings: Product,
    daily: Path | None = None,
) -> None:
    """Format one product year as a CF file on the 2-D grid.

    Args:
        layers: work files of the year: compose and its residuals (glab_tb), the prediction of the
            VOD link (glab_vod), tb40 and retrieve (smos_ib).
        domain: the cells.
        year: calendar year.
        output: the product file.
        settings: product, extent, creator and licence.
        daily: folder for additional daily files of 584 × 1388 float64 values (smos_ib).
    """
    sources = [io.read(path) for path in layers]
    with io.read(domain) as cells:
        check_cells(cells, *sources)
        window = extent_of(cells, settings.extent)
    time = sources[0]["time"].values.astype("datetime64[D]")
    attributes = global_attributes(settings, window, year, time)
    origin = io.Provenance("product", settings, layers, settings.references, attributes)
    blocks = _blocks(sources, window, settings)
    io.write_blocks(blocks, output, origin, time=time, style=io.PRODUCT)
    if daily is not None:
        export_daily(output, daily)


def _blocks(sources: list[xr.Dataset], window: Extent, settings: Product) -> Iterator[xr.Dataset]:
    """Yield the product in blocks as long as the chunks of its file."""
    for days in time_blocks(sources[0]["time"].values, BLOCK_DAYS):
        loaded = [source.isel(time=days).load() for source in sources]
        yield format_product(settings.product, loaded, window, settings.overpass)


def export_daily(product: Path, folder: Path) -> list[Path]:
    """Write each day of a `smos_ib` file to a separate file and return their paths."""
    paths = []
    with io.read(product) as dataset:
        for day, fields in daily_fields(dataset):
            path = folder / DAILY_FILE.format(day=str(day).replace("-", ""))
            fields.attrs = {key: dataset.attrs[key] for key in ("title", "source", "references")}
            encoding = {name: {"zlib": True, "complevel": 1} for name in fields.data_vars}
            with io.atomic_path(path) as temporary:
                fields.to_netcdf(temporary, engine="netcdf4", encoding=encoding)
            paths.append(path)
    return paths
