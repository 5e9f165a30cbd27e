"""Calibration of an ensemble: offsets of cells, and the variance its spread leaves unexplained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.config import Calibrate
from glab.ensemble import check_members, mean_and_spread
from glab.errors import GlabError
from glab.network import ScaledNetwork
from glab.splits import HELD_OUT, TRAIN, VALIDATION
from glab.uncertainty import fit_data_variance, regressors

Array = NDArray[np.float32]

JUDGES = {"held out": HELD_OUT, "validation": (VALIDATION,), "training": (TRAIN,)}
"""Samples whose errors the variance is fitted to: the first kind that there is."""


def calibrate(
    samples: xr.Dataset,
    networks: Sequence[ScaledNetwork],
    domain: xr.Dataset,
    settings: Calibrate,
) -> xr.Dataset:
    """Offsets and data variance of a link.

    Args:
        samples: from `glab.samples.draw`.
        networks: every member.
        domain: its cells.
        settings: shrinkage of offsets, terms of the variance.

    Returns:
        `offset` (record, cell, target), to be added to the ensemble's mean, 0 where no sample of
        training or validation lies; `offset_count` (record, cell), their number;
        `variance_coefficients` (record, target, term).
    """
    features = samples["feature"].values.astype(str).tolist()
    targets = samples["target_name"].values.astype(str).tolist()
    check_members(networks, features, targets)
    mean, spread = mean_and_spread(networks, samples["features"].values, settings.batch_size)
    error = samples["target"].values - mean
    cells = _positions(samples, domain)
    offset, count = _offsets(samples, error, cells, domain.sizes["cell"], settings)
    error -= offset[samples["record"].values, cells]
    coefficients, judge = _variance(samples, error, spread, settings)
    told = {"long_name": "coefficients of the data variance", "judged_on": judge}
    return xr.Dataset(
        {
            "offset": (("record_number", "cell", "target_name"), offset),
            "offset_count": (("record_number", "cell"), np.minimum(count, 32767).astype(np.int16)),
            "variance_coefficients": (
                ("record_number", "target_name", "term"),
                coefficients.astype(np.float32),
                told,
            ),
        },
        {"cell": domain["cell"], "target_name": targets, "term": settings.variance_terms},
    )


def _positions(samples: xr.Dataset, domain: xr.Dataset) -> NDArray[np.int64]:
    """Place of each sample's cell in the domain."""
    cells, wanted = domain["cell"].values, samples["sample_cell"].values
    order = np.argsort(cells, kind="stable")
    place = order[np.minimum(np.searchsorted(cells, wanted, sorter=order), len(cells) - 1)]
    if not np.array_equal(cells[place], wanted):
        raise GlabError(
            "samples were drawn on another domain",
            path=samples.encoding.get("source"),
            variable="sample_cell",
            remedy="draw the samples again",
        )
    return place


def _offsets(
    samples: xr.Dataset,
    error: Array,
    cells: NDArray[np.int64],
    size: int,
    settings: Calibrate,
) -> tuple[Array, NDArray[np.int64]]:
    """Mean error of each record and cell over its n samples, shrunk by n / (n + n0)."""
    records = _records(samples)
    if settings.offset_pairs is None:
        return np.zeros((records, size, error.shape[1]), np.float32), np.zeros((records, size), int)
    used = np.isin(samples["split"].values, (TRAIN, VALIDATION))
    place = samples["record"].values[used].astype(np.int64) * size + cells[used]
    count = np.bincount(place, minlength=records * size)
    sums = [
        np.bincount(place, error[used, target], minlength=records * size)
        for target in range(error.shape[1])
    ]
    shrunk = np.stack(sums, axis=-1) / np.maximum(count + settings.offset_pairs, 1)[:, None]
    shape = (records, size)
    return shrunk.reshape(*shape, -1).astype(np.float32), count.reshape(shape)


def _variance(
    samples: xr.Dataset, error: Array, spread: Array, settings: Calibrate
) -> tuple[NDArray[np.float64], str]:
    """Coefficients of each record and target; a record without judges takes those of all."""
    split, record = samples["split"].values, samples["record"].values
    judge = next(name for name, kinds in JUDGES.items() if np.isin(split, kinds).any())
    judged = np.isin(split, JUDGES[judge])
    count, cycle = samples["count"].values, samples["target_climatology"].values
    anomaly = samples["target"].values - error
    found = np.zeros((_records(samples), error.shape[1], len(settings.variance_terms)))
    for number, target in np.ndindex(found.shape[:2]):
        own = judged & (record == number)
        rows = own if own.any() else judged
        predictors = regressors(
            settings.variance_terms,
            spread[rows, target],
            count[rows],
            cycle[rows, target],
            anomaly[rows, target],
        )
        found[number, target] = fit_data_variance(
            error[rows, target] ** 2, spread[rows, target], predictors, settings.target_noise
        )
    return found, judge


def _records(samples: xr.Dataset) -> int:
    """Number of records of the link, those without samples included."""
    return len(str(samples["record"].attrs["flag_meanings"]).split())
