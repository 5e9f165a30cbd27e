"""Products: layers of work files under the names their users know, with what CF wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
from glab.io.encoding import attributes
from glab.products.attributes import PRODUCTS, ProductForm
from glab.variables import lookup

STD_SUFFIXES = ("_std", "_std_data", "_std_total")
SHARED = ("origin", "count", "scene_flags", "processing_flags", "tb_rmse")
FLAGS = ("flag_masks", "flag_values", "flag_meanings")
QUALITY = {"coverage_content_type": "qualityInformation"}


# --- layers -----------------------------------------------------------------------------------


def product_layers(
    product: str, sources: list[xr.Dataset], overpass: str = "ascending"
) -> xr.Dataset:
    """The variables of a product on (time, cell), from the work files that hold them.

    Args:
        product: a key of `PRODUCTS`.
        sources: work files of one stretch of time: `glab_tb` compose and its residuals,
            `glab_vod` the prediction of the VOD link, `smos_ib` tb40 and retrieve. Of a name
            that two of them carry (tb_rmse) the first one's is taken.
        overpass: the one that `smos_ib` shows where both are there.

    Raises:
        GlabError: for sources of different cells or times, or without a variable.
    """
    try:
        merged = xr.merge(sources, join="exact", compat="override", combine_attrs="override")
        made = {"glab_tb": _glab_tb, "glab_vod": _glab_vod, "smos_ib": _smos_ib}[product]
        return made(_of_overpass(merged, overpass))
    except (ValueError, xr.MergeError) as error:
        raise GlabError(
            f"the work files of {product} do not fit each other", found=str(error)
        ) from error
    except KeyError as error:
        raise GlabError(
            f"the work files of {product} lack a variable", variable=str(error.args[0])
        ) from error


def _glab_tb(work: xr.Dataset) -> xr.Dataset:
    """TB of both polarisations apart, with residual, spread and origin."""
    suffixes = ("", "_residual", *STD_SUFFIXES)
    parts = {
        f"tb_{pol}{suffix}": work[f"tb{suffix}"].sel(channel=pol, drop=True)
        for pol in ("h", "v")
        for suffix in suffixes
    }
    return xr.Dataset(parts | {"origin": work["origin"]})


def _glab_vod(work: xr.Dataset) -> xr.Dataset:
    """VOD under its published names; VOD = VOD_climatology + VOD_residual."""
    renamed = {"vod": "VOD", "vod_residual": "VOD_residual"}
    renamed |= {f"vod{suffix}": f"VOD{suffix}" for suffix in STD_SUFFIXES}
    parts = {new: work[old] for old, new in renamed.items()}
    parts["VOD_residual_std"] = work["vod_std"].copy()
    parts["VOD_climatology"] = work["vod"] - work["vod_residual"]
    return xr.Dataset(parts | {"count": work["count"], "time_bnds": work["time_bnds"]})


def _smos_ib(work: xr.Dataset) -> xr.Dataset:
    """TB at 40°, retrievals and quality; flags are missing where nothing was observed."""
    tb = {
        f"tb_{pol}{suffix}": work[f"tb{suffix}"].sel(channel=pol, drop=True)
        for pol in ("h", "v")
        for suffix in ("", "_error")
        if f"tb{suffix}" in work
    }
    names = ("soil_moisture", "vod", "soil_moisture_error", "vod_error", "tb_rmse", "angle_count")
    seen = np.isfinite(tb["tb_h"]) | np.isfinite(tb["tb_v"])
    flags = {
        name: work[name].where(seen).astype(np.float32)
        for name in ("scene_flags", "processing_flags")
        if name in work or name == "scene_flags"
    }
    return xr.Dataset(tb | {name: work[name] for name in names} | flags)


def _of_overpass(work: xr.Dataset, overpass: str) -> xr.Dataset:
    if "overpass" not in work.dims:
        return work
    return work.sel(overpass=overpass, drop=True)


def quality_filter(
    dataset: xr.Dataset, scene_flags_max: int = 1, tb_rmse_max_k: float = 8.0
) -> xr.Dataset:
    """Retrievals of `smos_ib` that users trust: missing where the scene or the fit is doubtful.

    Scene flags are bits: 1 moderate and 2 strong topography, 4 polluted scene (water, urban, ice),
    8 frozen. `scene_flags_max=1` keeps clear scenes and moderate topography alone.

    Args:
        dataset: `smos_ib`, or any dataset with `scene_flags` and `tb_rmse`.
        scene_flags_max: largest sum of flags that is kept.
        tb_rmse_max_k: largest misfit over the angles that is kept, K.

    Returns:
        the dataset with soil moisture, VOD, brightness temperatures and their errors missing
        where a flag is missing or above its bound, or the misfit is; quality layers unchanged.
    """
    good = (dataset["scene_flags"] <= scene_flags_max) & (dataset["tb_rmse"] <= tb_rmse_max_k)
    quality = {"scene_flags", "processing_flags", "tb_rmse", "angle_count"}
    filtered = dataset.copy()
    for name, array in dataset.data_vars.items():
        if name not in quality and set(dataset["tb_rmse"].dims) <= set(array.dims):
            filtered[name] = array.where(good)
    return filtered


# --- files ------------------------------------------------------------------------------------


def format_product(
    product: str, sources: list[xr.Dataset], window: Extent, overpass: str
) -> xr.Dataset:
    """A stretch of a product as it stands in its file: (time, y, x), coordinates, attributes."""
    form = PRODUCTS[product]
    cells = product_layers(product, sources, overpass)
    for name, array in cells.data_vars.items():
        if "cell" in array.dims:
            flags = {key: array.attrs[key] for key in FLAGS if key in array.attrs}
            array.attrs = flags | _attributes(str(name), form, list(map(str, cells.data_vars)))
    gridded = dataset_to_grid(cells.reset_coords(drop=True), window).merge(
        horizontal_coordinates(window)
    )
    gridded["time"].attrs = {"long_name": "day (UTC)", "axis": "T", **COORDINATE}
    gridded["time"].attrs["units_metadata"] = "leap_seconds: none"
    if "time_bnds" in gridded:
        gridded["time"].attrs |= {"long_name": "first day of the window", "bounds": "time_bnds"}
    return gridded


def _attributes(name: str, form: ProductForm, names: list[str]) -> dict[str, Any]:
    """What a variable of a product says beyond its declaration."""
    if name in ("origin", "scene_flags", "processing_flags"):
        return {"standard_name": "status_flag", **QUALITY}
    if name == "count":
        return {"standard_name": "number_of_observations", **QUALITY}
    found: dict[str, Any] = {}
    if lookup(name).units == "K":
        kind = "on_scale" if name in form.main else "difference"
        found["units_metadata"] = f"temperature: {kind}"
    if name in form.main:
        companions = [other for other in names if other.startswith(f"{name}_")]
        shared = [o for o in SHARED if o in names]
        found["cell_methods"] = "area: mean time: mean" if "time_bnds" in names else "area: mean"
        found["ancillary_variables"] = " ".join([*companions, *shared])
    if name.endswith(STD_SUFFIXES):
        found["valid_min"] = np.float32(0.0)
    quality = name.endswith((*STD_SUFFIXES, "_error", "_count", "_rmse"))
    return found | (QUALITY if quality else {"coverage_content_type": "modelResult"})


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
"""Names in the daily files that users of SMOS-IB know."""


def daily_fields(dataset: xr.Dataset) -> Iterator[tuple[np.datetime64, xr.Dataset]]:
    """Each day of `smos_ib` as its users know it: 584 × 1388, float64, under their names."""
    for number, day in enumerate(dataset["time"].values.astype("datetime64[D]")):
        fields = to_whole_grid(dataset[list(DAILY_NAMES)].isel(time=number, drop=True))
        daily = xr.Dataset(coords={"lat": ("lat", M25.lat), "lon": ("lon", M25.lon)})
        for name, known in DAILY_NAMES.items():
            described = attributes(name, fields[name], lookup(name), packed=False)
            plain = {key: described[key] for key in ("units", "long_name")}
            daily[known] = (("lat", "lon"), fields[name].values.astype(np.float64), plain)
        yield day, daily
