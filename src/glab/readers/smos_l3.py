"""CATDS SMOS level-3 brightness temperature: one day and one pass, all angle bins.

`SM_*_MIR_CDF3T[A|D]_….nc`, or a `.tgz` that contains it. The day is that of the name; the file's
`Days` must agree. Rows run as the file's `lat` (from the south).
"""

from __future__ import annotations

import tarfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.granule import REFETCH, Fields, granule
from glab.readers.naming import Naming, check_hours
from glab.readers.native import GriddedFile, coordinate, open_gridded, packing_of

TITLE = "CATDS SMOS level-3 brightness temperature"
NAMING = Naming(
    r"SM_[A-Z0-9]+_MIR_CDF3T(?P<overpass>[AD])_(?P<date>\d{8})(?:T\d{6})?"
    r"(?:_\d{8}T\d{6})?(?:_(?P<version>[\w-]+?))?(?:\.DBL)?\.(?:tgz|tar\.gz|nc)",
    "SM_RE04_MIR_CDF3TA_20100601T000000_20100601T235959_300_001_7.tgz",
)

FILLS = (-32768.0, -2147483647.0)
ANGLES_DEG = (2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 40.0, 42.5, 47.5, 52.5, 57.5, 62.5)
"""Documented centres of the angle bins, for files without a coordinate."""

POLARISATIONS = ("h", "v")
BY_POLARISATION = {
    "tb": ("BT_{}", (200.0 / 32767.0, 200.0)),
    "tb_accuracy": ("Pixel_Radiometric_Accuracy_{}", (25.0 / 32767.0, 25.0)),
    "tb_std": ("Pixel_BT_Standard_Deviation_{}", (25.0 / 32767.0, 25.0)),
}
"""Canonical name → native name; documented scale and offset, for files without attributes."""

INCIDENCE_PACKING = (45.0 / 32767.0, 45.0)
CANONICAL = (*BY_POLARISATION, "incidence", "view_count", "rfi_fraction", "acquisition_time")
EPOCH = np.datetime64("2000-01-01", "D")
ANGLE_NAMES = ("inc", "angle", "incidence", "Incidence_Angle_Bin", "inc_angle", "angles")
EVERY_PASS = ("overpass", "angle")
NEW = np.newaxis


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one overpass: `tb`, `tb_accuracy`, `tb_std` (overpass, angle, channel, y, x) in K;
    `incidence` in degrees, `view_count`, `rfi_fraction` (flagged fraction of the views) and
    `acquisition_time` (hours UTC) (overpass, angle, y, x); NaN where missing.

    Args:
        path: the granule, `.nc` or `.tgz`.
        variables: canonical names wanted; None: all that the file contains.
    """
    date = NAMING.date(path.name)
    wanted = set(CANONICAL if variables is None else variables)
    with open_gridded(path, grids=("M25",), content=_unpack(path)) as file:
        angle_dim, angles = _angles(file)
        fields = _by_channel(file, angle_dim, wanted, required=variables is not None)
        fields |= _by_angle(file, angle_dim, wanted)
        fields |= _acquisition(file, angle_dim, wanted, date)
        return granule(
            fields,
            file.georeference,
            date=date,
            overpasses=[NAMING.overpass(path.name)],
            angles=angles,
            channels=POLARISATIONS,
        )


def _unpack(path: Path) -> bytes | None:
    """Return the netCDF file inside an archive; None for a file that is one itself."""
    if path.suffix == ".nc":
        return None
    with tarfile.open(path) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".nc")]
        content = archive.extractfile(members[0]) if len(members) == 1 else None
        if content is not None:
            return content.read()
    raise GlabError(
        "the archive cannot be unpacked",
        path=path,
        found=", ".join(m.name for m in members) or "no netCDF file",
        expected="an archive with one file *.DBL.nc",
        remedy=REFETCH,
    )


def _angles(file: GriddedFile) -> tuple[str, tuple[float, ...]]:
    """Return the name of the angle dimension and the centres of its bins in degrees."""
    tb = file.require("BT_H")
    # The angle dimension has no fixed name: it is the one besides rows and columns.
    others = [d for d in tb.dimensions if d not in (file.y_dim, file.x_dim)]
    dim = next((d for d in others if len(file.dataset.dimensions[d]) > 1), "".join(others[-1:]))
    axis = file.find(dim, *ANGLE_NAMES)
    if axis is not None and axis.dimensions == (dim,):
        return dim, tuple(float(value) for value in coordinate(axis))
    size = tb.shape[tb.dimensions.index(dim)] if dim else 0
    if size != len(ANGLES_DEG):
        raise GlabError(
            "the angle bins are not known",
            path=file.path,
            variable="BT_H",
            found=f"{size} bins along {dim!r}, without a coordinate",
            expected=f"{len(ANGLES_DEG)} bins, or a coordinate that names their angles",
            remedy="add the coordinate, or fetch the file again",
        )
    return dim, ANGLES_DEG


def _by_channel(
    file: GriddedFile, angle_dim: str, wanted: Collection[str], required: bool
) -> Fields:
    """Return the variables that differ between H and V, shape (1, angle, 2, y, x)."""
    fields: Fields = {}
    for name, (pattern, unscaled) in BY_POLARISATION.items():
        names = [pattern.format(polarisation.upper()) for polarisation in POLARISATIONS]
        complete = all(file.find(native_name) is not None for native_name in names)
        if name not in wanted or not (complete or required or name == "tb"):
            continue
        planes = [_plane(file, native_name, angle_dim, unscaled) for native_name in names]
        fields[name] = ((*EVERY_PASS, "channel"), np.stack(planes, axis=1)[np.newaxis])
    return fields


def _by_angle(file: GriddedFile, angle_dim: str, wanted: Collection[str]) -> Fields:
    """Return incidence, number of views and their flagged fraction, shape (1, angle, y, x)."""
    fields: Fields = {}
    if "incidence" in wanted and file.find("Incidence_Angle") is not None:
        incidence = _plane(file, "Incidence_Angle", angle_dim, INCIDENCE_PACKING)
        fields["incidence"] = (EVERY_PASS, incidence[NEW])
    if not {"view_count", "rfi_fraction"} & set(wanted) or file.find("Nviews") is None:
        return fields
    views = _plane(file, "Nviews", angle_dim)
    fields["view_count"] = (EVERY_PASS, views[NEW])
    if "rfi_fraction" in wanted and file.find("Nb_RFI_Flags") is not None:
        flagged = _plane(file, "Nb_RFI_Flags", angle_dim)
        fraction = np.full_like(views, np.nan)
        np.divide(flagged, views, out=fraction, where=views > 0)
        fields["rfi_fraction"] = (EVERY_PASS, fraction[NEW])
    return fields


def _acquisition(
    file: GriddedFile, angle_dim: str, wanted: Collection[str], date: np.datetime64
) -> Fields:
    """Return hours after 00:00 UTC of the day in the name, which is checked in any case."""
    if file.find("Days") is None:
        return {}
    # Day numbers are whole and below 2^24, so float32 is exact.
    named = np.float32((date - EPOCH).astype(int))
    hours = (_plane(file, "Days", angle_dim) - named) * np.float32(24.0)
    # A local day contains hours of the UTC days before and after.
    check_hours(hours, -12.0, 36.0, file.path, "Days")
    if "acquisition_time" not in wanted:
        return {}
    if file.find("UTC_Seconds") is not None:
        hours += _plane(file, "UTC_Seconds", angle_dim) / np.float32(3600.0)
    return {"acquisition_time": (EVERY_PASS, hours[NEW])}


def _plane(
    file: GriddedFile, name: str, angle_dim: str, unscaled: tuple[float, float] | None = None
) -> Float32s:
    """Return one variable of the file, shape (angle, y, x)."""
    variable = file.require(name)
    return file.plane(variable, packing_of(variable, fills=FILLS, unscaled=unscaled), angle_dim)
