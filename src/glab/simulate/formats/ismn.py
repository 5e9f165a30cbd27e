"""Station files as ISMN delivers them: <network>/<station>/, in header_values or ceop_sep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

SENSOR = "Simulated-Probe"
STATIC_HEAD = "quantity_name;unit;depth_from[m];depth_to[m];value;description;quantity_source_name"


@dataclass(frozen=True)
class Station:
    """Where a sensor stands, and how its network writes.

    Attributes:
        network, name: without underscores.
        layout: "header_values" or "ceop_sep".
        lat, lon: degrees. elevation_m: above the sea.
        depth_m: upper and lower depth.
        land_cover: class of the ESA CCI land cover. climate: class of Köppen and Geiger.
        clay: fraction.
    """

    network: str
    name: str
    layout: Literal["header_values", "ceop_sep"]
    lat: float
    lon: float
    elevation_m: float
    depth_m: tuple[float, float]
    land_cover: int
    climate: str
    clay: float


def write(
    folder: Path,
    station: Station,
    time: np.ndarray,
    soil_moisture: np.ndarray,
    flags: Sequence[str] | np.ndarray,
) -> Path:
    """Write one sensor's series and its station's static variables.

    Args:
        folder: of the archive; the folders of network and station are made.
        station: where and how.
        time: UTC, ascending, shape (time,).
        soil_moisture: m3 m-3, shape (time,).
        flags: ISMN quality flags, shape (time,).

    Returns:
        the file.
    """
    place = folder / station.network / station.name
    place.mkdir(parents=True, exist_ok=True)
    top, bottom = station.depth_m
    span = "_".join(str(t.astype("datetime64[D]")).replace("-", "") for t in time[[0, -1]])
    stem = f"{station.network}_{station.network}_{station.name}"
    path = place / f"{stem}_sm_{top:.6f}_{bottom:.6f}_{SENSOR}_{span}.stm"
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
    static = place / f"{stem}_static_variables.csv"
    static.write_text("\n".join(_static(station)) + "\n", encoding="ascii")
    return path


def _static(station: Station) -> list[str]:
    """Lines of the table of static variables."""
    return [
        STATIC_HEAD,
        f"clay fraction;% weight;0.00;0.30;{100 * station.clay:.1f};;simulated",
        f"land cover classification;;;;{station.land_cover};;CCI_landcover_2010",
        f"climate classification;;;;{station.climate};;koeppen_geiger_2007",
    ]
