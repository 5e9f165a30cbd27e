"""A small year of SMOS: TB of known scenes by a known model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import days_of_year
from glab.config import Lmeb, Tb40
from glab.lmeb import brightness_temperature
from glab.retrieval.scene import Ground, emission_parameters, ground_of, static_ground

ANGLES = np.array([17.5, 22.5, 27.5, 32.5, 37.5, 40.0, 42.5, 47.5, 52.5, 57.5])
OVERPASSES = ["ascending", "descending"]
SURFACES = {"ascending": "surface", "descending": "surface_evening"}
NO_SKY = Lmeb(sky="none")
PLAIN = Tb40(lmeb=NO_SKY, atmosphere=False)
PROVENANCE = io.Provenance("regrid")


def ground(scenes: int, **changes: float) -> Ground:
    """Return scenes of one kind."""
    values = {
        "t_surface_k": 295.0,
        "t_deep_k": 290.0,
        "t_air_k": 296.0,
        "clay": 0.2,
        "omega": 0.08,
        "h_r": 0.2,
        "altitude_km": 0.3,
    }
    return Ground(**{k: np.full(scenes, v, float) for k, v in (values | changes).items()})


def modelled(sm, vod, scenes: Ground, incidence, lmeb=NO_SKY, sky_k=0.0, warm_at=0.2):
    """Return the TB of scenes by L-MEB, (scene, angle, channel).

    The effective ground temperature is that at a soil moisture of `warm_at`.
    """
    emission = {
        name: value[:, None] if isinstance(value, np.ndarray) else value
        for name, value in emission_parameters(scenes, lmeb, warm_at).items()
    }
    sm, vod = (np.asarray(x, float)[:, None] for x in (sm, vod))
    tb = brightness_temperature(sm, vod, incidence_deg=incidence, t_sky_k=sky_k, **emission)
    return np.stack(tb, axis=-1)


def domain(cells: int = 6) -> xr.Dataset:
    """Return a domain of crops and grass in turn, on moderate clay."""
    igbp = np.zeros((cells, 16), np.float32)
    igbp[::2, 11] = igbp[1::2, 9] = 1.0
    number = np.arange(cells, dtype=np.int32)[::-1] * 7 + 1000
    return xr.Dataset(
        {
            "clay": ("cell", np.full(cells, 0.2, np.float32)),
            "igbp_fraction": (("cell", "igbp"), igbp),
            "altitude": ("cell", np.full(cells, 300.0, np.float32)),
            "water_fraction": ("cell", np.zeros(cells, np.float32)),
            "topography": ("cell", np.zeros(cells, np.int16)),
        },
        {"cell": ("cell", number, {"compress": "y x"}), "igbp": np.arange(1, 17)},
    )


def surface(cells: xr.Dataset, year: int, warmer_k: float = 0.0) -> xr.Dataset:
    """Return a year of warm, snow-free ground."""
    days = days_of_year(year).astype("datetime64[ns]")
    shape = (len(days), cells.sizes["cell"])
    values = {"t_surface": 295.0 + warmer_k, "t_deep": 290.0, "t_air": 296.0, "snow": 0.0}
    fields = {k: (("time", "cell"), np.full(shape, v, np.float32)) for k, v in values.items()}
    return xr.Dataset(fields, {"time": days, "cell": cells["cell"]})


def smos(cells: xr.Dataset, surfaces, sm, vod, lmeb: Lmeb = NO_SKY, noise_k=0.0, seed=0):
    """Return multi-angular TB at both overpasses from soil moisture and VOD, (time, cell)."""
    rng = np.random.default_rng(seed)
    static = static_ground(cells)
    day, cell = np.indices(sm.shape).reshape(2, -1)
    passes = []
    for warm in surfaces.values():
        scenes = ground_of(static, warm, day, cell)
        tb = modelled(sm.ravel(), vod.ravel(), scenes, ANGLES, lmeb)
        passes.append(tb.reshape(*sm.shape, len(ANGLES), 2))
    tb = np.stack(passes, axis=2)
    tb += noise_k * rng.standard_normal(tb.shape)
    dims = ("time", "cell", "overpass", "angle", "channel")
    warm = next(iter(surfaces.values()))
    return xr.Dataset(
        {
            "tb": (dims, tb.astype(np.float32)),
            "tb_accuracy": (dims, np.full(tb.shape, max(noise_k, 1.0), np.float32)),
            "incidence": (dims[:-1], np.broadcast_to(ANGLES, tb.shape[:-1]).astype(np.float32)),
        },
        {
            "time": warm["time"],
            "cell": cells["cell"],
            "overpass": list(surfaces),
            "angle": ANGLES,
            "channel": ["h", "v"],
        },
    )


def written(folder: Path, year: int, smos_year, surfaces, cells) -> tuple[Path, list[Path], Path]:
    """Write the files that `tb40` reads, SMOS, surfaces and domain, and return their paths."""
    paths = []
    for overpass, warm in surfaces.items():
        paths.append(folder / "regrid" / SURFACES[overpass] / f"{year}.nc")
        io.write(warm, paths[-1], PROVENANCE)
    io.write(smos_year, folder / f"regrid/smos_l3/{year}.nc", PROVENANCE)
    io.write(cells, folder / "domain.nc", PROVENANCE)
    return folder / f"regrid/smos_l3/{year}.nc", paths, folder / "domain.nc"
