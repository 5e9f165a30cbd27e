"""CATDS SMOS level-3 brightness temperature: one day and one pass, all angle bins.

`SM_*_MIR_CDF3T[A|D]_….nc`, or a `.tgz` that holds it. The day is the name's; the file's `Days`
must agree. Rows run as the file's `lat` says (from the south).
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.granule import PASSES, Fields, granule
from glab.readers.naming import granule_date, granule_pass
from glab.readers.netcdf import Granule, coordinate, open_granule, packing_of
from glab.readers.opening import SUSPECT
from glab.readers.times import check_hours

FILLS = (-32768.0, -2147483647.0)
ANGLES_DEG = (2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 40.0, 42.5, 47.5, 52.5, 57.5, 62.5)
POLARISATIONS = ("h", "v")
BY_POLARISATION = {
    "tb": ("BT_{}", (200.0 / 32767.0, 200.0)),
    "tb_accuracy": ("Pixel_Radiometric_Accuracy_{}", (25.0 / 32767.0, 25.0)),
    "tb_std": ("Pixel_BT_Standard_Deviation_{}", (25.0 / 32767.0, 25.0)),
}
"""Canonical name → native name; documented scale and offset, where a file states none."""

CANONICAL = (*BY_POLARISATION, "incidence", "view_count", "rfi_fraction", "acquisition_time")
EPOCH = np.datetime64("2000-01-01", "D")
ANGLE_NAMES = ("inc", "angle", "incidence", "Incidence_Angle_Bin", "inc_angle", "angles")
EVERY_PASS = ("overpass", "angle")
NEW = np.newaxis


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One overpass: `tb`, `tb_accuracy`, `tb_std` (overpass, angle, channel, y, x) in K;
    `incidence` in degrees, `view_count`, `rfi_fraction` (flagged share of the views) and
    `acquisition_time` (hours UTC) (overpass, angle, y, x).

    Args:
        path: the granule, `.nc` or `.tgz`.
        variables: canonical names wanted; None: all there are.
    """
    date, letter = granule_date("smos_l3", path.name), granule_pass("smos_l3", path.name)
    wanted = set(CANONICAL if variables is None else variables)
    with open_granule(path, grids=("M25",), content=_unpacked(path)) as native:
        angle_dim, angles = _angles(native)
        fields = _by_channel(native, angle_dim, wanted, required=variables is not None)
        fields |= _by_angle(native, angle_dim, wanted)
        fields |= _acquisition(native, angle_dim, wanted, date)
        return granule(
            fields,
            native.georeference,
            date=date,
            overpasses=[PASSES[str(letter).upper()]],
            angles=angles,
            channels=POLARISATIONS,
        )


def _unpacked(path: Path) -> bytes | None:
    """The netCDF file inside an archive; None for a file that is one itself."""
    if path.suffix == ".nc":
        return None
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".nc")]
            content = archive.extractfile(members[0]) if len(members) == 1 else None
            if content is not None:
                return content.read()
            found = ", ".join(m.name for m in members) or "no netCDF file"
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        found = str(error)
    raise GlabError(
        "cannot be unpacked",
        path=path,
        found=found,
        expected="an archive with one file *.DBL.nc",
        remedy=SUSPECT,
    )


def _angles(native: Granule) -> tuple[str, tuple[float, ...]]:
    """Name of the angle dimension and the centres of its bins in degrees."""
    tb = native.require("BT_H")
    others = [d for d in tb.dimensions if d not in (native.y_dim, native.x_dim)]
    dim = next((d for d in others if len(native.dataset.dimensions[d]) > 1), "".join(others[-1:]))
    axis = native.find(dim, *ANGLE_NAMES)
    if axis is not None and axis.dimensions == (dim,):
        return dim, tuple(float(value) for value in coordinate(axis))
    size = tb.shape[tb.dimensions.index(dim)] if dim else 0
    if size != len(ANGLES_DEG):
        raise GlabError(
            "the angle bins are not known",
            path=native.path,
            variable="BT_H",
            found=f"{size} bins along {dim!r}, without a coordinate",
            expected=f"{len(ANGLES_DEG)} bins, or a coordinate that names their angles",
            remedy="add the coordinate, or fetch the file again",
        )
    return dim, ANGLES_DEG


def _by_channel(native: Granule, angle_dim: str, wanted: Collection[str], required: bool) -> Fields:
    """Variables that H and V have each their own of, shape (1, angle, 2, y, x)."""
    fields: Fields = {}
    for name, (pattern, unscaled) in BY_POLARISATION.items():
        names = [pattern.format(polarisation.upper()) for polarisation in POLARISATIONS]
        there = all(native.find(native_name) is not None for native_name in names)
        if name not in wanted or not (there or required or name == "tb"):
            continue
        planes = [_plane(native, native_name, angle_dim, unscaled) for native_name in names]
        fields[name] = ((*EVERY_PASS, "channel"), np.stack(planes, axis=1)[np.newaxis])
    return fields


def _by_angle(native: Granule, angle_dim: str, wanted: Collection[str]) -> Fields:
    """Incidence, number of views, and the share of them flagged, shape (1, angle, y, x)."""
    fields: Fields = {}
    if "incidence" in wanted and native.find("Incidence_Angle") is not None:
        scaled = (45.0 / 32767.0, 45.0)
        fields["incidence"] = (
            EVERY_PASS,
            _plane(native, "Incidence_Angle", angle_dim, scaled)[NEW],
        )
    if not {"view_count", "rfi_fraction"} & set(wanted) or native.find("Nviews") is None:
        return fields
    views = _plane(native, "Nviews", angle_dim)
    fields["view_count"] = (EVERY_PASS, views[NEW])
    if "rfi_fraction" in wanted and native.find("Nb_RFI_Flags") is not None:
        flagged = _plane(native, "Nb_RFI_Flags", angle_dim)
        share = np.full_like(views, np.nan)
        np.divide(flagged, views, out=share, where=views > 0)
        fields["rfi_fraction"] = (EVERY_PASS, share[NEW])
    return fields


def _acquisition(
    native: Granule, angle_dim: str, wanted: Collection[str], date: np.datetime64
) -> Fields:
    """Hours after 00:00 UTC of the day in the name; the name's day is checked in any case."""
    if native.find("Days") is None:
        return {}
    named = np.float32((date - EPOCH).astype(int))
    hours = (_plane(native, "Days", angle_dim) - named) * np.float32(24.0)
    check_hours(hours, -12.0, 36.0, native.path, "Days")
    if "acquisition_time" not in wanted:
        return {}
    if native.find("UTC_Seconds") is not None:
        hours += _plane(native, "UTC_Seconds", angle_dim) / np.float32(3600.0)
    return {"acquisition_time": (EVERY_PASS, hours[NEW])}


def _plane(
    native: Granule, name: str, angle_dim: str, unscaled: tuple[float, float] | None = None
) -> Float32s:
    """One variable of the file, shape (angle, y, x)."""
    variable = native.require(name)
    return native.plane(variable, packing_of(variable, fills=FILLS, unscaled=unscaled), angle_dim)
