"""Compose daily L-band TB from L-band references and networks, weighted by their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import xarray as xr

from glab.arrays import Float32s, Float64s, Int16s
from glab.config import Compose
from glab.errors import GlabError, unknown_name

CHANNELS = ("h", "v")

REFERENCE_ERROR_K = 2.5
"""Standard error of a reference that neither its file nor `reference_error_k` states; between the
1.8 K of the 40° TB and the 4 K of a single SMOS angle bin."""

VARIANCE_MIN = 1e-6
"""K²; smallest error variance in a weight, so that weights stay finite at an error of 0 K."""


@dataclass(frozen=True)
class Estimates:
    """Brightness temperatures of some days and their standard errors, (day, cell, channel) in K.

    Attributes:
        tb: NaN where missing.
        structural: standard deviation over the ensemble of a network; 0 for a reference.
        data: all other error.
        references: bit i is set where reference i has a weight, (day, cell, channel).
        sensor: number of the network's sensor, counted from 1; 0: no network, (day, cell).
    """

    tb: Float32s
    structural: Float32s
    data: Float32s
    references: Int16s
    sensor: Int16s

    @property
    def variance(self) -> Float32s:
        """Total error variance."""
        return np.maximum(self.structural**2 + self.data**2, VARIANCE_MIN)


def compose_tb(
    references: Mapping[str, xr.Dataset],
    predictions: Mapping[str, xr.Dataset],
    settings: Compose,
) -> xr.Dataset:
    """Compose L-band TB of some days.

    References are averaged with weights of inverse error variance. Where a reference and a network
    both have a value, the mode decides: `blend` weights all of them by inverse error variance,
    `observed` takes the references and `network` the network. Elsewhere the only value is taken.
    Errors of references and networks count as independent. No level is adjusted.

    Args:
        references: by source, `tb` (time, cell, channel), masked, and `tb_error` if it has one.
        predictions: by link, `tb`, `tb_std`, `tb_std_data` (time, cell, channel) and `sensor`
            (time, cell), the number of the link's sensor. Links of one polarisation each are
            joined; where two links have the same channel, the first one with a value is taken.
        settings: mode, order and names of the references, error of those without `tb_error`,
            and the source of each sensor of each link.

    Returns:
        `tb`, `tb_std`, `tb_std_data`, `tb_std_total` (time, cell, channel) in K, NaN where no
        reference and no network has a value, and `origin` (time, cell) with its flags.

    Raises:
        GlabError: when there is nothing to compose, or days and cells differ.
    """
    sample = _check_axes([*references.values(), *predictions.values()])
    sensors = list(dict.fromkeys(source for link in settings.sensors.values() for source in link))
    observed = _merge_references(references, settings, sample)
    network = _merge_links(predictions, settings.sensors, sensors, sample)
    joint = _combine(observed, network, settings.mode)
    codes = _origin_codes(len(settings.references), len(sensors))
    origin = codes[np.bitwise_or.reduce(joint.references, axis=-1), joint.sensor]
    dims = ("time", "cell", "channel")
    flags = origin_flags([settings.origins[name] for name in settings.references], sensors)
    return xr.Dataset(
        {
            "tb": (dims, joint.tb),
            "tb_std": (
                dims,
                joint.structural,
                {"long_name": "standard deviation over the ensemble"},
            ),
            "tb_std_data": (dims, joint.data),
            "tb_std_total": (dims, np.hypot(joint.structural, joint.data)),
            "origin": (("time", "cell"), origin, flags),
        },
        {"time": sample["time"], "cell": sample["cell"], "channel": list(CHANNELS)},
    )


def difference_sums(references: Mapping[str, xr.Dataset]) -> dict[str, Float64s]:
    """Sum the differences of each further reference from the first, where both have a value.

    Args:
        references: as for `compose_tb`.

    Returns:
        By source, sum in K and number of the differences, shape (2, channel [h, v]).
    """
    tb = {name: _order_channels(each["tb"], CHANNELS) for name, each in references.items()}
    sums: dict[str, Float64s] = {}
    for name in list(tb)[1:]:
        difference = tb[name].astype(np.float64) - tb[next(iter(tb))]
        number = np.isfinite(difference).sum(axis=(0, 1))
        sums[name] = np.stack([np.nansum(difference, axis=(0, 1)), number])
    return sums


# --- origin -----------------------------------------------------------------------------------


def origin_flags(references: Sequence[str], sensors: Sequence[str]) -> dict[str, object]:
    """Return `flag_values` and `flag_meanings` of `origin`.

    Args:
        references: names of the references, in the order of the settings.
        sensors: sources of the networks' sensors, each once.

    Returns:
        Attributes after CF: a meaning lists the references, then the network, joined by "_and_",
        for example "smos_and_amsr2_network"; 0 is "none".
    """
    codes = _origin_codes(len(references), len(sensors))
    meanings = [""] * codes.size
    for (mask, sensor), code in np.ndenumerate(codes):
        names = [name for bit, name in enumerate(references) if mask >> bit & 1]
        names += [f"{sensors[sensor - 1]}_network"] if sensor else []
        meanings[code] = "_and_".join(names) or "none"
    return {
        "flag_values": np.arange(codes.size, dtype=np.int16),
        "flag_meanings": " ".join(meanings),
    }


def _origin_codes(references: int, sensors: int) -> Int16s:
    """Return `origin` by bit mask of the references and by sensor, (2**references, 1 + sensors).

    One reference and two sensors: 0 none, 1 reference, 2 and 3 networks, 4 and 5 both. A further
    reference appends values and changes none of these.
    """
    codes = np.arange(2**references * (1 + sensors), dtype=np.int16)
    codes = codes.reshape(2**references, 1 + sensors)
    # The first reference alone is 1, before the networks, as in files of version 1.
    codes[0, 1:] += 1
    codes[1, 0] = 1
    return codes


# --- estimates --------------------------------------------------------------------------------


def _check_axes(datasets: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the first dataset, after a check that all have the same days and cells."""
    if not datasets:
        raise GlabError(
            "nothing to compose: neither a reference nor a network has this year",
            remedy="shorten the years of the products",
        )
    first = datasets[0]
    for name in ("time", "cell"):
        if any(not np.array_equal(each[name].values, first[name].values) for each in datasets):
            raise GlabError(
                "files to compose have different days or cells", variable=name, remedy="remake them"
            )
    return first


def _merge_references(
    references: Mapping[str, xr.Dataset], settings: Compose, sample: xr.Dataset
) -> Estimates:
    """Average all references with weights of inverse error variance."""
    shape = sample.sizes["time"], sample.sizes["cell"], len(CHANNELS)
    estimates = [
        _reference(references[name], 1 << bit, _error_k(settings, name))
        for bit, name in enumerate(settings.references)
        if name in references
    ]
    return reduce(_combine, estimates) if estimates else _missing(shape)


def _missing(shape: tuple[int, int, int]) -> Estimates:
    """Return estimates without any value."""
    missing = np.full(shape, np.nan, np.float32)
    return Estimates(
        missing, missing, missing, np.zeros(shape, np.int16), np.zeros(shape[:2], np.int16)
    )


def _reference(dataset: xr.Dataset, bit: int, error_k: float) -> Estimates:
    """Return a reference with its own standard error, and `error_k` where it states none."""
    tb = _order_channels(dataset["tb"], CHANNELS).astype(np.float32)
    error = np.full(tb.shape, error_k, np.float32)
    if "tb_error" in dataset:
        stated = _order_channels(dataset["tb_error"], CHANNELS)
        np.copyto(error, stated, where=np.isfinite(stated))
    return Estimates(
        tb,
        np.zeros(tb.shape, np.float32),
        error,
        np.full(tb.shape, bit, np.int16),
        np.zeros(tb.shape[:2], np.int16),
    )


def _error_k(settings: Compose, name: str) -> float:
    """Return the error of a reference where it states none."""
    error = settings.reference_error_k
    return error.get(name, REFERENCE_ERROR_K) if isinstance(error, dict) else error


def _merge_links(
    predictions: Mapping[str, xr.Dataset],
    link_sensors: Mapping[str, Sequence[str]],
    sensors: Sequence[str],
    sample: xr.Dataset,
) -> Estimates:
    """Join all links: each adds its channels where no earlier link has a value."""
    shape = sample.sizes["time"], sample.sizes["cell"], len(CHANNELS)
    tb, structural, data = (np.full(shape, np.nan, np.float32) for _ in range(3))
    sensor = np.zeros(shape[:2], np.int16)
    for link, dataset in predictions.items():
        channels = [name for name in dataset["channel"].values.astype(str) if name in CHANNELS]
        columns = [CHANNELS.index(channel) for channel in channels]
        new = np.isfinite(_order_channels(dataset["tb"], channels)) & np.isnan(tb[..., columns])
        for whole, name in ((tb, "tb"), (structural, "tb_std"), (data, "tb_std_data")):
            values = whole[..., columns]
            np.copyto(values, _order_channels(dataset[name], channels), where=new)
            whole[..., columns] = values
        first = new.any(axis=-1) & (sensor == 0)
        numbers = np.array([1 + sensors.index(name) for name in link_sensors[link]], np.int16)
        sensor[first] = numbers[dataset["sensor"].values[first].astype(int)]
    return Estimates(tb, structural, data, np.zeros(shape, np.int16), sensor)


def _combine(first: Estimates, second: Estimates, mode: str = "blend") -> Estimates:
    """Join two estimates, with the weights of a mode where both have a value."""
    fraction = _second_fraction(first, second, mode)
    rest = 1 - fraction
    no_bit = np.int16(0)
    return Estimates(
        tb=_weighted(second.tb, fraction) + _weighted(first.tb, rest),
        structural=np.hypot(
            _weighted(second.structural, fraction), _weighted(first.structural, rest)
        ),
        data=np.hypot(_weighted(second.data, fraction), _weighted(first.data, rest)),
        references=np.bitwise_or(
            np.where(fraction < 1, first.references, no_bit),
            np.where(fraction > 0, second.references, no_bit),
        ),
        sensor=np.where((fraction > 0).any(axis=-1), second.sensor, first.sensor),
    )


def _second_fraction(first: Estimates, second: Estimates, mode: str) -> Float32s:
    """Return the weight of the second estimate, 0…1; NaN where neither has a value."""
    in_first, in_second = np.isfinite(first.tb), np.isfinite(second.tb)
    if mode == "blend":
        both = first.variance / (first.variance + second.variance)
    else:
        both = np.full(in_first.shape, float(mode == "network"), np.float32)
    alone = np.where(in_second, 1.0, np.where(in_first, 0.0, np.nan))
    return np.where(in_first & in_second, both, alone).astype(np.float32)


def _weighted(values: Float32s, weight: Float32s) -> Float32s:
    """Multiply values by their weight; a value of weight 0 counts as 0, even when missing."""
    return np.where(weight == 0, np.float32(0), values * weight)


def _order_channels(array: xr.DataArray, channels: Sequence[str]) -> Float32s:
    """Return values (time, cell, channel) with the channels in this order."""
    known = array["channel"].values.astype(str).tolist()
    for channel in channels:
        if channel not in known:
            raise unknown_name("channel", channel, known, variable=str(array.name))
    columns = [known.index(channel) for channel in channels]
    return array.transpose("time", "cell", "channel").values[..., columns]
