"""Compute the L-band TB of a real day with L-MEB, from GLDAS soil and air and ESA CCI land cover.

Run: ``python benchmarks/real_forward.py FOLDER tb.png``, FOLDER with the GLDAS-2.1 file and the
ESA CCI land mask of the same 0.25° grid. Albedo and roughness are those of the land cover; VOD is
assumed for each class. The picture should show warm forests, cold wet ground, and a large
difference of V and H over bare ground.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr

from glab.config import Lmeb, Mask
from glab.lmeb import brightness_temperature
from glab.lmeb.landcover import OMEGA, ROUGHNESS, weighted_mean
from glab.mask import mask_frozen_ground
from glab.readers.formats import read
from glab.retrieval.scene import Ground, emission_parameters, sky_tb

GLDAS = "GLDAS_NOAH025_3H.A20150101.0000.021.nc4"
MASK = "ESA-CCI-SOILMOISTURE-LAND_AND_RAINFOREST_MASK-fv05.2.nc"
CLAY, ALTITUDE_KM, INCIDENCE_DEG = 0.2, 0.0, 40.0

VOD = np.array([0.5, 1.0, 0.4, 0.6, 0.5, 0.2, 0.1, 0.4, 0.3, 0.15, 0.2, 0.2, 0.15, 0.3, 0.0, 0.02])
"""Assumed VOD of each IGBP class; the folder has no map of VOD."""

IGBP = {
    **dict.fromkeys((10, 11, 12, 20), 12),
    **dict.fromkeys((30, 40), 14),
    **dict.fromkeys((50, 160, 170), 2),
    **dict.fromkeys((60, 61), 4),
    **dict.fromkeys((62, 72, 82, 100), 8),
    **dict.fromkeys((70, 71), 1),
    **dict.fromkeys((80, 81), 3),
    90: 5,
    **dict.fromkeys((110, 130), 10),
    **dict.fromkeys((120, 121, 122, 140, 150, 152, 153), 7),
    180: 11,
    190: 13,
    220: 15,
    **dict.fromkeys((200, 201, 202), 16),
}
"""ESA CCI land cover (LCCS) → the nearest IGBP class."""


def igbp_fractions(lccs: np.ndarray) -> np.ndarray:
    """Return fraction 1 for the class of each cell, shape (cell, 16); 0 for water and unknown."""
    number = np.array([IGBP.get(int(code), 0) for code in np.nan_to_num(lccs)])
    return np.eye(17)[number][:, 1:]


def forward(gldas: Path, mask: Path) -> xr.Dataset:
    """Return `tb` (channel, y, x) at 40°, K, on the GLDAS grid; NaN on sea and frozen ground."""
    state = read("gldas", gldas).isel(time=0)
    with xr.open_dataset(mask) as cover:
        lccs = cover["landcover_class"].sel(lat=state["lat"].values, method="nearest").values
    fractions = igbp_fractions(lccs.ravel())
    omega, h_r, vod = (weighted_mean(fractions, table) for table in (OMEGA, ROUGHNESS, VOD))
    thawed = ~mask_frozen_ground(state, Mask())
    names = ("t_surface", "t_deep", "t_air", "soil_moisture")
    flat = [state[name].where(thawed).values.ravel().astype(float) for name in names]
    clay, altitude = (np.full(vod.shape, value) for value in (CLAY, ALTITUDE_KM))
    ground, lmeb, wet = Ground(*flat[:3], clay, omega, h_r, altitude), Lmeb(), flat[3]
    t_sky = sky_tb(ground, lmeb, np.full((len(wet), 1), INCIDENCE_DEG))[:, 0]
    emission = emission_parameters(ground, lmeb, wet)
    tb = brightness_temperature(wet, vod, incidence_deg=INCIDENCE_DEG, t_sky_k=t_sky, **emission)
    shape = state["t_surface"].shape
    planes = np.stack([values.reshape(shape) for values in tb]).astype(np.float32)
    coords = {"channel": ["h", "v"], "lat": state["lat"], "lon": state["lon"]}
    return xr.Dataset({"tb": (("channel", "y", "x"), planes)}, coords)


def main(folder: Path, picture: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    tb = forward(folder / GLDAS, folder / MASK)
    h, v = tb["tb"].values
    figure, axes = plt.subplots(3, 1, figsize=(11, 15))
    for axis, (name, field, low, high) in zip(
        axes, (("TB H, K", h, 180, 290), ("TB V, K", v, 220, 295), ("V − H, K", v - h, 0, 60))
    ):
        shown = axis.pcolormesh(tb["lon"], tb["lat"], field, vmin=low, vmax=high, cmap="viridis")
        axis.set(title=name, ylim=(-60, 75))
        figure.colorbar(shown, ax=axis, shrink=0.8)
    figure.savefig(picture, dpi=70, bbox_inches="tight")
    for name, field in (("H", h), ("V", v)):
        print(name, np.round(np.nanpercentile(field, [1, 25, 50, 75, 99]), 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
