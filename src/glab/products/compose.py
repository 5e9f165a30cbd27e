"""Composition: one L-band record from SMOS and from the networks, weighted by their errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float32s
from glab.config import ComposeOptions
from glab.errors import GlabError, unknown_name

CHANNELS = ("h", "v")
NONE, SMOS = 0, 1
SENSORS = {"amsre": (2, 4), "amsr2": (3, 5)}
"""`origin` of a value from a sensor's network alone, and from SMOS and that network."""

VARIANCE_MIN = 1e-6
"""K²; no value is taken to be better known than that."""


@dataclass(frozen=True)
class Estimates:
    """Brightness temperatures of some days and their standard errors, (day, cell, channel) in K.

    Attributes:
        tb: NaN where there is none.
        structural: of the ensemble; 0 for SMOS.
        data: all other error.
        sensor: `origin` of the sensor's network alone, (day, cell), NONE where there is none.
    """

    tb: Float32s
    structural: Float32s
    data: Float32s
    sensor: NDArray[np.int16]

    @property
    def variance(self) -> Float32s:
        """Total error variance."""
        return np.maximum(self.structural**2 + self.data**2, VARIANCE_MIN)


def compose_tb(
    reference: xr.Dataset | None,
    predictions: Mapping[str, xr.Dataset],
    settings: ComposeOptions,
    sensors: Mapping[str, list[str]],
) -> xr.Dataset:
    """L-band TB of some days.

    Where both SMOS and a network have a value, `blend` weights them by inverse error variance,
    `observed` takes SMOS and `network` the network; elsewhere the one that there is.

    Args:
        reference: `tb` (time, cell, channel) of SMOS, masked, and `tb_error` where it has one.
        predictions: by link, `tb`, `tb_std`, `tb_std_data` (time, cell, channel) and `record`;
            links of single polarisations are joined, the first that has a value wins.
        settings: mode, error of a reference without errors of its own.
        sensors: by link, the source of each record.

    Returns:
        `tb`, `tb_std`, `tb_std_data`, `tb_std_total` (time, cell, channel) and `origin`.

    Raises:
        GlabError: when there is nothing to compose, or days and cells differ.
    """
    sample = _common(reference, predictions)
    smos = _observed(reference, settings.reference_error_k, sample)
    network = _networks(predictions, sensors, sample)
    share = _network_fraction(smos, network, settings.mode)
    tb = _weighted(network.tb, share) + _weighted(smos.tb, 1 - share)
    structural = _weighted(network.structural, share)
    data = np.hypot(_weighted(network.data, share), _weighted(smos.data, 1 - share))
    dims = ("time", "cell", "channel")
    return xr.Dataset(
        {
            "tb": (dims, tb),
            "tb_std": (dims, structural, {"long_name": "standard deviation over the ensemble"}),
            "tb_std_data": (dims, data),
            "tb_std_total": (dims, np.hypot(structural, data)),
            "origin": (("time", "cell"), _origin(share, network.sensor)),
        },
        {"time": sample["time"], "cell": sample["cell"], "channel": list(CHANNELS)},
    )


def _common(reference: xr.Dataset | None, predictions: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """One of the datasets, after a check that all have the same days and cells."""
    given = [*predictions.values()] + ([] if reference is None else [reference])
    if not given:
        raise GlabError(
            "nothing to compose: neither SMOS nor a network has this year",
            remedy="shorten the years of the products",
        )
    for name in ("time", "cell"):
        if any(not np.array_equal(each[name].values, given[0][name].values) for each in given):
            raise GlabError(
                "files to compose have different days or cells", variable=name, remedy="remake them"
            )
    return given[0]


def _observed(reference: xr.Dataset | None, error_k: float, sample: xr.Dataset) -> Estimates:
    """SMOS with its standard error; a setting where it carries none."""
    shape = sample.sizes["time"], sample.sizes["cell"], len(CHANNELS)
    tb = np.full(shape, np.nan, np.float32)
    error = np.full(shape, error_k, np.float32)
    if reference is not None:
        tb[...] = _ordered(reference["tb"], CHANNELS)
        if "tb_error" in reference:
            own = _ordered(reference["tb_error"], CHANNELS)
            np.copyto(error, own, where=np.isfinite(own))
    none = np.full(shape[:2], NONE, np.int16)
    return Estimates(tb, np.zeros(shape, np.float32), error, none)


def _networks(
    predictions: Mapping[str, xr.Dataset], sensors: Mapping[str, list[str]], sample: xr.Dataset
) -> Estimates:
    """All links as one: each brings its channels, where no earlier one has a value."""
    shape = sample.sizes["time"], sample.sizes["cell"], len(CHANNELS)
    tb, structural, data = (np.full(shape, np.nan, np.float32) for _ in range(3))
    sensor = np.full(shape[:2], NONE, np.int16)
    for link, dataset in predictions.items():
        own = [channel for channel in dataset["channel"].values.astype(str) if channel in CHANNELS]
        columns = [CHANNELS.index(channel) for channel in own]
        new = np.isfinite(_ordered(dataset["tb"], own)) & np.isnan(tb[..., columns])
        for whole, name in ((tb, "tb"), (structural, "tb_std"), (data, "tb_std_data")):
            part = whole[..., columns]
            np.copyto(part, _ordered(dataset[name], own), where=new)
            whole[..., columns] = part
        wanted = new.any(axis=-1) & (sensor == NONE)
        sensor[wanted] = _codes(sensors[link])[dataset["sensor"].values[wanted].astype(int)]
    return Estimates(tb, structural, data, sensor)


def _codes(sources: list[str]) -> NDArray[np.int16]:
    """`origin` of each record's network alone."""
    for source in sources:
        if source not in SENSORS:
            raise unknown_name("sensor", source, SENSORS, variable="links")
    return np.array([SENSORS[source][0] for source in sources], np.int16)


def _network_fraction(smos: Estimates, network: Estimates, mode: str) -> Float32s:
    """Weight of the network, 0…1; NaN where there is no value at all."""
    seen, made = np.isfinite(smos.tb), np.isfinite(network.tb)
    if mode == "blend":
        both = smos.variance / (smos.variance + network.variance)
    else:
        both = np.full(seen.shape, float(mode == "network"), np.float32)
    alone = np.where(made, 1.0, np.where(seen, 0.0, np.nan))
    return np.where(seen & made, both, alone).astype(np.float32)


def _weighted(values: Float32s, weight: Float32s) -> Float32s:
    """Values by their weight; those of no weight count as 0, even when missing."""
    return np.where(weight == 0, np.float32(0), values * weight)


def _origin(share: Float32s, sensor: NDArray[np.int16]) -> NDArray[np.int16]:
    """Where a cell's values come from, its channels taken together."""
    from_network = (share > 0).any(axis=-1)
    from_smos = (share < 1).any(axis=-1)
    joint = np.zeros(max(alone for alone, _ in SENSORS.values()) + 1, np.int16)
    for alone, both in SENSORS.values():
        joint[alone] = both
    networks = np.where(from_smos, joint[sensor], sensor)
    return np.where(from_network, networks, np.where(from_smos, SMOS, NONE)).astype(np.int16)


def _ordered(array: xr.DataArray, channels: tuple[str, ...] | list[str]) -> Float32s:
    """Values (time, cell, channel) with the channels in this order."""
    known = array["channel"].values.astype(str).tolist()
    for channel in channels:
        if channel not in known:
            raise unknown_name("channel", channel, known, variable=str(array.name))
    places = [known.index(channel) for channel in channels]
    return array.transpose("time", "cell", "channel").values[..., places]
