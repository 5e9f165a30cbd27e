"""Calibrate an ensemble: offsets of cells, and the data variance that its spread leaves.

The squared error of an ensemble's mean is, on average, its structural variance, the variance of
the target's own noise, and a data variance that depends on the window's number of observations,
on the seasonal cycle, and on the structural variance itself. The last is fitted here as a linear
model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import nnls

from glab.arrays import Float32s, Floats, Indices, positions
from glab.config import Calibrate
from glab.errors import GlabError
from glab.learning.network import ScaledNetwork, check_members, mean_and_spread
from glab.splits import HELD_OUT, TRAIN, VALIDATION

ROUNDS = 4
"""Rounds of weighting: squared errors scatter as the square of their expectation."""


def variance_predictors(
    terms: Sequence[str],
    structural: Floats,
    count: NDArray,
    climatology: Floats,
    anomaly: Floats,
) -> NDArray[np.float64]:
    """What the data variance may depend on, shape (…, term).

    Args:
        terms: "constant", "structural" (the ensemble's variance), "inverse_count",
            "climatology" (the square of the target's seasonal cycle), "anomaly" (the square of
            what the ensemble adds to it: what lies far from the baseline is known less well).
        structural: standard deviation over the ensemble, shape (…).
        count: number of observations, shape (…).
        climatology: seasonal cycle of the target in its unit, shape (…).
        anomaly: the ensemble's mean, relative to that cycle, shape (…).
    """
    known = {
        "constant": np.ones_like(structural),
        "structural": structural**2,
        "inverse_count": 1.0 / np.maximum(count, 1),
        "climatology": climatology**2,
        "anomaly": anomaly**2,
    }
    return np.stack([known[term] for term in terms], axis=-1).astype(np.float64)


def fit_data_variance(
    squared_error: Floats, structural: Floats, predictors: Floats, noise: float
) -> NDArray[np.float64]:
    """Coefficients, none negative, of the data variance.

    Args:
        squared_error: of the ensemble mean against the target, held out of training, (sample,).
        structural: standard deviation over the ensemble, (sample,).
        predictors: from `variance_predictors`, (sample, term).
        noise: standard error of the target, whose variance is taken out.

    Returns:
        shape (term,), in the square of the target's unit; zeros without samples.
    """
    size = predictors.shape[-1]
    if not len(squared_error):
        return np.zeros(size)
    left = squared_error.astype(np.float64) - structural.astype(np.float64) ** 2 - noise**2
    expected = np.full(len(left), squared_error.mean(dtype=np.float64))
    coefficients = np.zeros(size)
    for _ in range(ROUNDS):
        weight = 1.0 / np.maximum(expected, 1e-6 * squared_error.mean(dtype=np.float64) + 1e-30)
        coefficients = _non_negative(predictors * weight[:, None], left * weight)
        expected = structural**2 + noise**2 + predictors @ coefficients
    return coefficients


def data_std(predictors: Floats, coefficients: Floats) -> NDArray[np.float32]:
    """Standard deviation of the data error, shape (…), from predictors (…, term)."""
    return np.sqrt(np.maximum(predictors @ coefficients, 0.0)).astype(np.float32)


def _non_negative(matrix: Floats, values: Floats) -> NDArray[np.float64]:
    """Non-negative least squares of many rows, by way of a triangle of few; scaled columns."""
    size = np.maximum(np.sqrt((matrix**2).mean(axis=0)), 1e-30)
    q, r = np.linalg.qr(matrix / size)
    return nnls(r, q.T @ values)[0] / size


FITTED_ON = {"held out": HELD_OUT, "validation": (VALIDATION,), "training": (TRAIN,)}
"""Samples whose errors the variance is fitted to: the first kind that there is."""


def fit_calibration(
    samples: xr.Dataset,
    networks: Sequence[ScaledNetwork],
    domain: xr.Dataset,
    settings: Calibrate,
) -> xr.Dataset:
    """Offsets and data variance of a link.

    Args:
        samples: from `glab.learning.samples.draw`.
        networks: every member.
        domain: its cells.
        settings: shrinkage of offsets, terms of the variance.

    Returns:
        `offset` (sensor, cell, target), to be added to the ensemble's mean, 0 where no sample of
        training or validation lies; `offset_count` (sensor, cell), their number;
        `variance_coefficients` (sensor, target, term).
    """
    features = samples["feature"].values.astype(str).tolist()
    targets = samples["target_name"].values.astype(str).tolist()
    check_members(networks, features, targets)
    mean, spread = mean_and_spread(networks, samples["features"].values, settings.batch_size)
    error = samples["target"].values - mean
    cells = _positions(samples, domain)
    offset, count = _offsets(samples, error, cells, domain.sizes["cell"], settings)
    error -= offset[samples["sensor"].values, cells]
    coefficients, judge = _variance(samples, error, spread, settings)
    told = {"long_name": "coefficients of the data variance", "judged_on": judge}
    return xr.Dataset(
        {
            "offset": (("sensor_number", "cell", "target_name"), offset),
            "offset_count": (("sensor_number", "cell"), np.minimum(count, 32767).astype(np.int16)),
            "variance_coefficients": (
                ("sensor_number", "target_name", "term"),
                coefficients.astype(np.float32),
                told,
            ),
        },
        {"cell": domain["cell"], "target_name": targets, "term": settings.variance_terms},
    )


def _positions(samples: xr.Dataset, domain: xr.Dataset) -> Indices:
    """Return the position of each sample's cell in the domain."""
    position = positions(samples["sample_cell"].values, domain["cell"].values)
    if (position < 0).any():
        raise GlabError(
            "samples were drawn on another domain",
            path=samples.encoding.get("source"),
            variable="sample_cell",
            remedy="draw the samples again",
        )
    return position


def _offsets(
    samples: xr.Dataset,
    error: Float32s,
    cells: NDArray[np.int64],
    size: int,
    settings: Calibrate,
) -> tuple[Float32s, NDArray[np.int64]]:
    """Mean error of each sensor and cell over its n samples, shrunk by n / (n + n0)."""
    sensors = _records(samples)
    if settings.offset_pairs is None:
        return np.zeros((sensors, size, error.shape[1]), np.float32), np.zeros((sensors, size), int)
    used = np.isin(samples["split"].values, (TRAIN, VALIDATION))
    place = samples["sensor"].values[used].astype(np.int64) * size + cells[used]
    count = np.bincount(place, minlength=sensors * size)
    sums = [
        np.bincount(place, error[used, target], minlength=sensors * size)
        for target in range(error.shape[1])
    ]
    shrunk = np.stack(sums, axis=-1) / np.maximum(count + settings.offset_pairs, 1)[:, None]
    shape = (sensors, size)
    return shrunk.reshape(*shape, -1).astype(np.float32), count.reshape(shape)


def _variance(
    samples: xr.Dataset, error: Float32s, spread: Float32s, settings: Calibrate
) -> tuple[NDArray[np.float64], str]:
    """Coefficients of each sensor and target; a sensor without judges takes those of all."""
    split, sensor = samples["split"].values, samples["sensor"].values
    judge = next(name for name, kinds in FITTED_ON.items() if np.isin(split, kinds).any())
    judged = np.isin(split, FITTED_ON[judge])
    count, cycle = samples["count"].values, samples["target_climatology"].values
    anomaly = samples["target"].values - error
    found = np.zeros((_records(samples), error.shape[1], len(settings.variance_terms)))
    for number, target in np.ndindex(found.shape[:2]):
        own = judged & (sensor == number)
        rows = own if own.any() else judged
        predictors = variance_predictors(
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
    """Number of sensors of the link, those without samples included."""
    return len(str(samples["sensor"].attrs["flag_meanings"]).split())
