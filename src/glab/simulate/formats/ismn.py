"""Station files of ISMN: <network>/<station>/, in the layouts header_values or ceop_sep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from glab.simulate.instruments.stations import Station, observe_stations

SENSOR = "Simulated-Probe"
STATIC_HEAD = "quantity_name;unit;depth_from[m];depth_to[m];value;description;quantity_source_name"


def write_stations(truth: xr.Dataset, seed: int, folder: Path) -> None:
    """Write the archive of all stations of a world, all years, into an existing folder."""
    for station, reports in observe_stations(truth, seed):
        write(folder, station, *reports)


def write(
    folder: Path,
    station: Station,
    time: np.ndarray,
    soil_moisture: np.ndarray,
    flags: Sequence[str] | np.ndarray,
) -> Path:
    """Write the series of one sensor, and the static variables of its station.

    Args:
        folder: of the archive; the folders of network and station are created.
        station: position and layout.
        time: UTC, ascending, shape (time,).
        soil_moisture: m³ m⁻³, shape (time,).
        flags: ISMN quality flags, shape (time,).

    Returns:
        Path of the series.
    """
    station_folder = folder / station.network / station.name
    station_folder.mkdir(parents=True, exist_ok=True)
    top, bottom = station.depth_m
    span = "_".join(str(t.astype("datetime64[D]")).replace("-", "") for t in time[[0, -1]])
    stem = f"{station.network}_{station.network}_{station.name}"
    path = station_folder / f"{stem}_sm_{top:.6f}_{bottom:.6f}_{SENSOR}_{span}.stm"
    about = (
        f"{station.network} {station.network} {station.name} {station.lat:.5f} {station.lon:.5f}"
        f" {station.elevation_m:.2f} {top:.4f} {bottom:.4f}"
    )
    clocks = [str(t).replace("-", "/").replace("T", " ") for t in time.astype("datetime64[m]")]
    ends = [f"{value:.4f} {flag} M" for value, flag in zip(soil_moisture, flags)]
    if station.layout == "header_values":
        lines = [f"{about} {SENSOR}", *(f"{c} {end}" for c, end in zip(clocks, ends))]
    else:
        lines = [f"{c} {c} {about} {end}" for c, end in zip(clocks, ends)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    static = [
        STATIC_HEAD,
        f"clay fraction;% weight;0.00;0.30;{100 * station.clay:.1f};;simulated",
        f"land cover classification;;;;{station.land_cover};;CCI_landcover_2010",
        f"climate classification;;;;{station.climate};;koeppen_geiger_2007",
    ]
    static_path = station_folder / f"{stem}_static_variables.csv"
    static_path.write_text("\n".join(static) + "\n", encoding="ascii")
    return path
