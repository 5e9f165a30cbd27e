"""Format layers of work files as products: published names, 2-D grid, CF attributes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from glab.errors import GlabError
from glab.grids import M25
from glab.grids.cells import (
    COORDINATE,
    Extent,
    dataset_to_grid,
    horizontal_coordinates,
    to_whole_grid,
)
from glab.products.attributes import STD_SUFFIXES, variable_attributes
from glab.variables import lookup

FLAG_ATTRIBUTES = ("flag_masks", "flag_values", "flag_meanings")
QUALITY_LAYERS = ("scene_flags", "processing_flags", "tb_rmse", "angle_count")


# --- layers -----------------------------------------------------------------------------------


def product_layers(
    product: str, sources: list[xr.Dataset], overpass: str = "ascending"
) -> xr.Dataset:
    """Return the variables of a product on (time, cell) from its work files.

    Args:
        product: a key of `PRODUCTS`.
        sources: work files of the same days: `glab_tb` needs compose and its residuals, `glab_vod`
            the prediction of the VOD link, `smos_ib` tb40 and retrieve. If two files contain the
            same variable (tb_rmse), the first one is used.
        overpass: overpass of `smos_ib`, for sources with both.

    Raises:
        GlabError: for sources of different cells or times, or without a variable.
    """
    layers_of = {"glab_tb": _glab_tb, "glab_vod": _glab_vod, "smos_ib": _smos_ib}[product]
    try:
        # "exact" refuses other cells or days instead of filling gaps with NaN.
        merged = xr.merge(sources, join="exact", compat="override", combine_attrs="override")
        if "overpass" in merged.dims:
            merged = merged.sel(overpass=overpass, drop=True)
        return layers_of(merged)
    except (ValueError, xr.MergeError) as error:
        raise GlabError(
            f"the work files of {product} do not fit each other", found=str(error)
        ) from error
    except KeyError as error:
        raise GlabError(
            f"the work files of {product} lack a variable", variable=str(error.args[0])
        ) from error


def _by_polarisation(work: xr.Dataset, suffixes: tuple[str, ...]) -> dict[str, xr.DataArray]:
    """Return `tb_h…` and `tb_v…` from `tb…` (…, channel), for each suffix."""
    return {
        f"tb_{pol}{suffix}": work[f"tb{suffix}"].sel(channel=pol, drop=True)
        for pol in ("h", "v")
        for suffix in suffixes
    }


def _glab_tb(work: xr.Dataset) -> xr.Dataset:
    """Return TB of both polarisations with residual, uncertainty and origin."""
    layers = _by_polarisation(work, ("", "_residual", *STD_SUFFIXES))
    return xr.Dataset(layers | {"origin": work["origin"]})


def _glab_vod(work: xr.Dataset) -> xr.Dataset:
    """Return VOD under its published names; VOD = VOD_climatology + VOD_residual."""
    layers = {f"VOD{suffix}": work[f"vod{suffix}"] for suffix in ("", "_residual", *STD_SUFFIXES)}
    # The seasonal cycle has no uncertainty, so that of the residual is that of VOD.
    layers["VOD_residual_std"] = work["vod_std"].copy()
    layers["VOD_climatology"] = work["vod"] - work["vod_residual"]
    return xr.Dataset(layers | {"count": work["count"], "time_bnds": work["time_bnds"]})


def _smos_ib(work: xr.Dataset) -> xr.Dataset:
    """Return 40° TB, retrievals and quality; flags are missing where nothing was observed."""
    suffixes = ("", "_error") if "tb_error" in work else ("",)
    tb = _by_polarisation(work, suffixes)
    names = ("soil_moisture", "vod", "soil_moisture_error", "vod_error", "tb_rmse", "angle_count")
    observed = np.isfinite(tb["tb_h"]) | np.isfinite(tb["tb_v"])
    flags = {
        name: work[name].where(observed).astype(np.float32)
        for name in ("scene_flags", "processing_flags")
        if name in work or name == "scene_flags"  # work files of other sources may lack the other
    }
    return xr.Dataset(tb | {name: work[name] for name in names} | flags)


def quality_filter(
    dataset: xr.Dataset, scene_flags_max: int = 1, tb_rmse_max_k: float = 8.0
) -> xr.Dataset:
    """Mask retrievals of `smos_ib` whose scene or fit is of doubtful quality.

    Scene flags are bits: 1 moderate and 2 strong topography, 4 polluted scene (water, urban, ice),
    8 frozen. `scene_flags_max=1` keeps scenes without flags and with moderate topography.

    Args:
        dataset: `smos_ib`, or any dataset with `scene_flags` and `tb_rmse`.
        scene_flags_max: largest sum of flags that is kept.
        tb_rmse_max_k: largest TB-RMSE that is kept, K.

    Returns:
        the dataset with soil moisture, VOD, brightness temperatures and their errors missing where
        the flags or TB-RMSE are missing or exceed their limits; quality layers are unchanged.
    """
    good = (dataset["scene_flags"] <= scene_flags_max) & (dataset["tb_rmse"] <= tb_rmse_max_k)
    filtered = dataset.copy()
    for name, array in dataset.data_vars.items():
        if name not in QUALITY_LAYERS and set(dataset["tb_rmse"].dims) <= set(array.dims):
            filtered[name] = array.where(good)
    return filtered


# --- files ------------------------------------------------------------------------------------


def format_product(
    product: str, sources: list[xr.Dataset], window: Extent, overpass: str
) -> xr.Dataset:
    """Return some days of a product as in its file: (time, y, x), coordinates and attributes.

    Args:
        product: a key of `PRODUCTS`.
        sources: work files of these days, in memory.
        window: the rectangle of the grid that the file covers.
        overpass: overpass of `smos_ib`.
    """
    cells = product_layers(product, sources, overpass)
    names = list(map(str, cells.data_vars))
    for name, array in cells.data_vars.items():
        if "cell" in array.dims:
            flags = {key: array.attrs[key] for key in FLAG_ATTRIBUTES if key in array.attrs}
            array.attrs = flags | variable_attributes(product, str(name), names)
    gridded = dataset_to_grid(cells.reset_coords(drop=True), window).merge(
        horizontal_coordinates(window)
    )
    gridded["time"].attrs = {"long_name": "day (UTC)", "axis": "T", **COORDINATE}
    gridded["time"].attrs["units_metadata"] = "leap_seconds: none"
    if "time_bnds" in gridded:
        gridded["time"].attrs |= {"long_name": "first day of the window", "bounds": "time_bnds"}
    return gridded


DAILY_NAMES = {
    "soil_moisture": "Soil_Moisture",
    "soil_moisture_error": "Soil_Moisture_StdError",
    "vod": "Optical_Thickness_Nad",
    "vod_error": "Optical_Thickness_Nad_StdError",
    "tb_rmse": "RMSE",
    "scene_flags": "Scene_Flags",
    "tb_h": "TBH",
    "tb_v": "TBV",
}
"""Names of variables in the daily files of SMOS-IB and SMOS-IC."""


def daily_fields(dataset: xr.Dataset) -> Iterator[tuple[np.datetime64, xr.Dataset]]:
    """Yield each day of `smos_ib` in the layout of SMOS-IB: 584 × 1388, float64, its names."""
    for number, day in enumerate(dataset["time"].values.astype("datetime64[D]")):
        fields = to_whole_grid(dataset[list(DAILY_NAMES)].isel(time=number, drop=True))
        daily = xr.Dataset(coords={"lat": ("lat", M25.lat), "lon": ("lon", M25.lon)})
        for name, published in DAILY_NAMES.items():
            declared = lookup(name)
            attributes = {"units": declared.units, "long_name": declared.long_name}
            values = fields[name].values.astype(np.float64)
            daily[published] = (("lat", "lon"), values, attributes)
        yield day, daily
