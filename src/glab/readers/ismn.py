"""ISMN: in-situ soil moisture of one sensor, a file each, below <network>/<station>/.

Layouts `header_values` and `ceop_sep`, with the station's static variables beside them, as the
International Soil Moisture Network delivers them unpacked. The network's own package reads them.
Reference: Dorigo et al. 2021, doi:10.5194/hess-25-5749-2021.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from glab.errors import GlabError
from glab.readers.naming import Naming

if TYPE_CHECKING:
    import pandas as pd

# No TITLE: a series at a point is no granule that `formats.read` could return.
NAMING = Naming(
    r"(?P<part>.+_.+_.+)_(?P<date>\d{8})_\d{8}\.stm",
    "SCAN_SCAN_Abrams_sm_0.050800_0.050800_Hydraprobe_20100101_20201231.stm",
)

DEPTHS = re.compile(r"_sm_(-?\d+\.\d+)_(-?\d+\.\d+)_", re.IGNORECASE)
VARIABLE = "soil_moisture"
LAYOUT = "<network>/<station>/<…>_sm_<from>_<to>_<sensor>_<first>_<last>.stm"


def depth_m(name: str) -> tuple[float, float] | None:
    """Return upper and lower depth of a soil-moisture sensor, m, from its file's name.

    None for a file of another variable.
    """
    match = DEPTHS.search(Path(name).name)
    return None if match is None else (float(match[1]), float(match[2]))


def read(path: Path) -> xr.Dataset:
    """Read the series of one sensor.

    Args:
        path: a `.stm` file in the folder of its station, below that of its network.

    Returns:
        `soil_moisture` (time), m3 m-3, float32, NaN where missing, and `flag` (time), the text of
        ISMN's quality flag ("G": good); attributes `network`, `station`, `sensor`, `depth_from_m`,
        `depth_to_m`, `lat`, `lon`, `land_cover` (ESA CCI 2010) and `climate` (Köppen-Geiger), the
        last two empty where the station's files lack them.

    Raises:
        GlabError: for a file that is not of this layout, damaged, or of another variable.
    """
    path = Path(path)
    if len(path.parents) < 3 or not path.is_file():
        raise GlabError("no ISMN file", path=path, expected=LAYOUT)
    frame, attributes = _read_file(path)
    if attributes.get("variable") != VARIABLE:
        raise GlabError(
            "not a series of soil moisture",
            path=path,
            variable="variable",
            found=attributes.get("variable"),
            expected=VARIABLE,
        )
    time = frame.index.to_numpy().astype("datetime64[ns]")
    flag = frame[f"{VARIABLE}_flag"].astype(str).to_numpy().astype(str)
    series = {VARIABLE: ("time", frame[VARIABLE].to_numpy(np.float32)), "flag": ("time", flag)}
    return xr.Dataset(series, {"time": time}, attributes).sortby("time")


def _read_file(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table of a file, and the attributes of its header and its station."""
    from ismn.const import IsmnFileError
    from ismn.filehandlers import DataFile, StaticMetaFile

    root, below = path.parents[2], path.relative_to(path.parents[2])
    try:
        file = DataFile(root, below)
        frame, attributes = file.read_data(), _attributes(file.metadata)
        # A station has one file of static variables; a second one would be a copy.
        for static in sorted(path.parent.glob("*.csv"))[:1]:
            known = StaticMetaFile(root, static.relative_to(root)).metadata
            attributes |= {
                "land_cover": _land_cover(known["lc_2010"]),
                "climate": known["climate_KG"],
            }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, IsmnFileError) as error:
        raise GlabError(
            "not a readable ISMN file", path=path, found=_last_line(error), expected=LAYOUT
        ) from error
    texts = {name: _text(attributes[name]) for name in ("land_cover", "climate")}
    return frame, attributes | texts


def _attributes(metadata: Any) -> dict[str, Any]:
    """Return the attributes in the metadata of a file."""
    depth = metadata["instrument"].depth
    return {
        "network": str(metadata["network"].val),
        "station": str(metadata["station"].val),
        "sensor": str(metadata["instrument"].val),
        "variable": str(metadata["variable"].val),
        "depth_from_m": float(depth.start),
        "depth_to_m": float(depth.end),
        "lat": float(metadata["latitude"].val),
        "lon": float(metadata["longitude"].val),
        "land_cover": "",
        "climate": "",
    }


def _land_cover(code: Any) -> str:
    """Return the name of a class of the ESA CCI land cover; empty for none."""
    from ismn.const import LANDCOVER

    value = getattr(code, "val", code)
    names = {number: name for name, number in LANDCOVER.items()}
    known = isinstance(value, int | float | np.number) and np.isfinite(value)
    return names.get(int(value), "") if known else ""


def _text(value: Any) -> str:
    """Return a value of the package's metadata as text; empty for none."""
    inside = getattr(value, "val", value)
    empty = inside is None or (isinstance(inside, float) and np.isnan(inside))
    return "" if empty else str(inside)


def _last_line(error: Exception) -> str:
    """Return the last line of an error of the package, which names the cause."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1][:200]
