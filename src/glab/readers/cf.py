"""Any variable over time, latitude and longitude of a CF netCDF file.

The grid is rectilinear. Times are those of the file's time axis.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from glab.errors import GlabError
from glab.readers.granule import granule
from glab.readers.naming import axis_times
from glab.readers.native import open_gridded, packing_of

TITLE = "any variable over time of a CF netCDF file"

TIMES = ("time", "valid_time", "date")


def read(
    path: Path,
    variable: str | None = None,
    name: str = "value",
    fills: tuple[float, ...] = (),
    steps: slice = slice(None),
) -> xr.Dataset:
    """Read a variable as `name` (time, y, x), in the file's own unit (attribute `units`).

    Args:
        path: the file.
        variable: its name in the file; None: the only one over time, latitude and longitude.
        name: name of the variable in the result.
        fills: raw values that mean missing, in addition to those of the file's attributes.
        steps: which of the file's times, for files larger than memory.

    Raises:
        GlabError: without a time axis, or if no variable is named and the file has several.
    """
    with open_gridded(path) as file:
        axis = file.require(*TIMES)
        lead = axis.dimensions[0] if axis.dimensions else ""
        dims = {lead, file.y_dim, file.x_dim}
        candidates = [v for v in file.dataset.variables.values() if dims <= set(v.dimensions)]
        if variable is None and len(candidates) != 1:
            raise GlabError(
                "several variables over time" if candidates else "no variable over time",
                path=path,
                found=", ".join(v.name for v in candidates) or ", ".join(file.dataset.variables),
                expected="one variable over time, latitude and longitude",
                remedy="name the variable in the configuration",
            )
        chosen = file.require(variable) if variable else candidates[0]
        section = tuple(steps if dim == lead else slice(None) for dim in chosen.dimensions)
        values = file.plane(chosen, packing_of(chosen, fills=fills), lead, section=section)
        return granule(
            {name: (("time",), values)},
            file.georeference,
            time=axis_times(axis, path)[steps],
            attributes={"units": str(getattr(chosen, "units", "")), "native_name": chosen.name},
        )
