"""Write many netCDF granules of one layout quickly.

The netCDF library defines the layout once. A granule is a copy of these bytes into which packed
chunks are written directly, so that no library compresses or checks them again.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import h5py
import netCDF4
import numpy as np

DEFLATE_LEVEL: Final = 1
"""Lowest level: granules are read once or twice, so time matters more than size."""


@dataclass(frozen=True)
class FileField:
    """A variable of a granule.

    Attributes:
        dims: names of its dimensions.
        dtype: on disk.
        fill: _FillValue, or None.
        attributes: scale_factor, add_offset, units and the like.
        values: fixed values, for coordinates.
    """

    dims: tuple[str, ...]
    dtype: str
    fill: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    values: np.ndarray | None = None

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Pack physical values: NaN becomes the fill, values out of range are clipped."""
        if np.dtype(self.dtype).kind == "f":
            return values.astype(self.dtype)
        scale = self.attributes.get("scale_factor", 1.0)
        raw = (values - self.attributes.get("add_offset", 0.0)) / scale
        limits = np.iinfo(self.dtype)
        # The lowest integer is kept for the fill where the fill is negative.
        low = limits.min + 1 if self.fill is not None and self.fill < 0 else limits.min
        kept = np.clip(np.rint(raw), low, limits.max)
        fill = limits.min if self.fill is None else self.fill
        return np.where(np.isnan(raw), fill, kept).astype(self.dtype)


class FileLayout:
    """The dimensions, coordinates and variables that all granules of a product have in common."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        fields: Mapping[str, FileField],
        attributes: Mapping[str, Any],
    ) -> None:
        self.fields = dict(fields)
        self._chunked = {name for name, f in fields.items() if f.values is None and len(f.dims) > 1}
        self._content = self._define(sizes, attributes)

    def _define(self, sizes: Mapping[str, int], attributes: Mapping[str, Any]) -> bytes:
        """Return the bytes of a file with the layout and no values."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "layout.nc"
            with netCDF4.Dataset(path, "w") as file:
                file.setncatts(dict(attributes))
                for name, size in sizes.items():
                    file.createDimension(name, size)
                for name, spec in self.fields.items():
                    self._define_field(file, name, spec, [sizes[d] for d in spec.dims])
            return path.read_bytes()

    def _define_field(
        self, file: netCDF4.Dataset, name: str, spec: FileField, shape: Sequence[int]
    ) -> None:
        """Add a variable; those with more than one dimension are compressed, in one chunk."""
        packing: dict[str, Any] = {}
        if name in self._chunked:
            packing = {
                "compression": "zlib",
                "complevel": DEFLATE_LEVEL,
                "shuffle": True,
                "chunksizes": shape,
            }
        variable = file.createVariable(name, spec.dtype, spec.dims, fill_value=spec.fill, **packing)
        variable.set_auto_maskandscale(False)
        variable.setncatts(dict(spec.attributes))
        if spec.values is not None:
            variable[...] = spec.values

    def write(self, path: Path, values: Mapping[str, np.ndarray]) -> None:
        """Write a granule.

        Args:
            path: the file.
            values: physical values of every variable without fixed ones, NaN where missing.
        """
        path.write_bytes(self._content)
        with h5py.File(path, "r+") as file:
            for name, array in values.items():
                raw = np.ascontiguousarray(self.fields[name].pack(np.asarray(array)))
                if name in self._chunked:
                    file[name].id.write_direct_chunk((0,) * raw.ndim, _deflate(raw))
                else:
                    file[name][...] = raw


def _deflate(raw: np.ndarray) -> bytes:
    """Return the bytes that the shuffle and deflate filters of HDF5 write."""
    shuffled = np.ascontiguousarray(raw.reshape(-1).view(np.uint8).reshape(-1, raw.itemsize).T)
    return zlib.compress(shuffled.tobytes(), DEFLATE_LEVEL)


def axes(lat: np.ndarray, lon: np.ndarray) -> dict[str, FileField]:
    """Return the coordinates `lat` and `lon` of a rectilinear grid."""
    north, east = {"units": "degrees_north"}, {"units": "degrees_east"}
    return {
        "lat": FileField(("lat",), "f8", attributes=north | {"long_name": "latitude"}, values=lat),
        "lon": FileField(("lon",), "f8", attributes=east | {"long_name": "longitude"}, values=lon),
    }
