"""What every reader returns: one native file as a dataset of canonical variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float32s
from glab.readers.georeference import Georeference

Field = tuple[tuple[str, ...], Float32s]
"""Leading dimensions of a variable and its values, shape (*leading, y, x)."""

Fields = dict[str, Field]
"""By canonical name."""

PLANE = ("y", "x")
PASSES = {"A": "ascending", "D": "descending"}


def granule(
    variables: Mapping[str, Field],
    georeference: Georeference,
    *,
    date: np.datetime64 | None = None,
    time: NDArray[np.datetime64] | None = None,
    overpasses: Sequence[str] = (),
    angles: Sequence[float] = (),
    channels: Sequence[str] = (),
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """A granule as a dataset.

    Args:
        variables: canonical name → leading dimensions (of overpass, angle, channel, time, igbp)
            and values, float32, shape (*leading, y, x).
        georeference: of its rows and columns.
        date: its UTC day, where it holds one.
        time: its times, where it holds several; they become the dimension `time`.
        overpasses, angles, channels: coordinates of the dimensions of these names.
        attributes: further attributes.
    """
    labels = {"overpass": tuple(overpasses), "angle": tuple(angles), "channel": tuple(channels)}
    labelled = tuple((name, values) for name, values in labels.items() if values)
    coordinates = _coordinates(labelled, georeference)
    if time is not None:
        coordinates = coordinates.assign(time=np.asarray(time, "datetime64[ns]"))
    attrs: dict[str, Any] = dict(attributes or {})
    if date is not None:
        attrs["date"] = str(date.astype("datetime64[D]"))
    if georeference.crs is not None:
        attrs["crs"] = georeference.crs
    planes = {name: xr.Variable((*lead, *PLANE), v) for name, (lead, v) in variables.items()}
    return xr.Dataset(planes, coordinates, attrs)


@lru_cache(maxsize=512)
def _coordinates(
    labelled: tuple[tuple[str, tuple[Any, ...]], ...], georeference: Georeference
) -> xr.Coordinates:
    """Coordinates, indexed once and shared by all granules of a grid."""
    labels = {name: list(values) for name, values in labelled}
    return xr.Coordinates(labels | georeference.coordinates())
