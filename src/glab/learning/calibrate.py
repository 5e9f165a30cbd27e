"""Calibrate an ensemble: fit offsets of cells and the data variance.

The expected squared error of an ensemble's mean is the sum of three variances: the structural
variance, the variance of the target's own noise, and a data variance. The data variance depends on
the number of observations, on the seasonal cycle and on the structural variance. It is fitted here
as a linear model without negative coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.optimize import nnls

from glab.arrays import Float32s, Float64s, Floats, Indices, Int16s, positions
from glab.config import Calibrate
from glab.errors import GlabError
from glab.learning.columns import column_names
from glab.learning.network import ScaledNetwork, check_members, mean_and_spread
from glab.splits import HELD_OUT, TRAIN, VALIDATION

ROUNDS = 4
"""Rounds of reweighting; further ones change the coefficients by less than 0.1 %.

The variance of a squared error is proportional to the square of its expectation. The fit itself
gives this expectation, so that weights and coefficients are computed in turn.
"""

COUNT_MAX = 32767
"""Largest count that an int16 can store."""


def variance_predictors(
    terms: Sequence[str],
    structural: Floats,
    count: Int16s,
    climatology: Floats,
    anomaly: Floats,
) -> Float64s:
    """Return the predictors of the data variance, shape (…, term).

    Args:
        terms: "constant", "structural" (the ensemble's variance), "inverse_count",
            "climatology" (the square of the target's seasonal cycle), "anomaly" (the square of
            the predicted residual: errors grow with the distance from the baseline).
        structural: standard deviation over the ensemble, shape (…).
        count: number of observations, shape (…).
        climatology: seasonal cycle of the target in its unit, shape (…).
        anomaly: the ensemble's mean, relative to that cycle, shape (…).
    """
    predictors = {
        "constant": np.ones_like(structural),
        "structural": structural**2,
        "inverse_count": 1.0 / np.maximum(count, 1),
        "climatology": climatology**2,
        "anomaly": anomaly**2,
    }
    return np.stack([predictors[term] for term in terms], axis=-1).astype(np.float64)


def fit_data_variance(
    squared_error: Floats, structural: Floats, predictors: Floats, noise: float
) -> Float64s:
    """Fit the coefficients, none negative, of the data variance.

    Args:
        squared_error: of the ensemble mean against the target, outside training, (sample,).
        structural: standard deviation over the ensemble, (sample,).
        predictors: from `variance_predictors`, (sample, term).
        noise: standard error of the target, whose variance is subtracted.

    Returns:
        shape (term,), in the square of the target's unit; zeros without samples.
    """
    size = predictors.shape[-1]
    if not len(squared_error):
        return np.zeros(size)
    remainder = squared_error.astype(np.float64) - structural.astype(np.float64) ** 2 - noise**2
    expected = np.full(len(remainder), squared_error.mean(dtype=np.float64))
    coefficients = np.zeros(size)
    for _ in range(ROUNDS):
        # The floor keeps the weights finite where the model expects no error.
        weight = 1.0 / np.maximum(expected, 1e-6 * squared_error.mean(dtype=np.float64) + 1e-30)
        coefficients = _non_negative(predictors * weight[:, None], remainder * weight)
        expected = structural**2 + noise**2 + predictors @ coefficients
    return coefficients


def data_std(predictors: Floats, coefficients: Floats) -> Float32s:
    """Return the standard deviation of the data error, shape (…), from predictors (…, term)."""
    return np.sqrt(np.maximum(predictors @ coefficients, 0.0)).astype(np.float32)


def _non_negative(matrix: Floats, values: Floats) -> Float64s:
    """Solve non-negative least squares of many rows.

    The matrix is replaced by the triangle of its QR decomposition, which has as few rows as
    columns and the same solution. Columns are scaled to unit size.
    """
    size = np.maximum(np.sqrt((matrix**2).mean(axis=0)), 1e-30)
    q, r = np.linalg.qr(matrix / size)
    return nnls(r, q.T @ values)[0] / size


FITTED_ON = {"held out": HELD_OUT, "validation": (VALIDATION,), "training": (TRAIN,)}
"""Splits whose errors the variance is fitted to; the first one that has samples is used."""


def fit_calibration(
    samples: xr.Dataset,
    networks: Sequence[ScaledNetwork],
    domain: xr.Dataset,
    settings: Calibrate,
) -> xr.Dataset:
    """Fit offsets and data variance of a link.

    Args:
        samples: from `glab.learning.samples.draw_samples`.
        networks: every member.
        domain: its cells.
        settings: shrinkage of offsets, terms of the variance.

    Returns:
        `offset` (sensor_number, cell, target_name), to be added to the ensemble's mean, 0 for
        cells without samples of training or validation; `offset_count` (sensor_number, cell), the
        number of these samples; `variance_coefficients` (sensor_number, target_name, term).

    Raises:
        GlabError: for samples of another domain, and networks of other samples.
    """
    features, targets = column_names(samples)
    check_members(networks, features, targets)
    mean, spread = mean_and_spread(networks, samples["features"].values, settings.batch_size)
    error = samples["target"].values - mean
    cells = _positions(samples, domain)
    offset, count = _offsets(samples, error, cells, domain.sizes["cell"], settings)
    # The variance is that of the corrected mean, as `predict` gives it.
    error -= offset[samples["sensor"].values, cells]
    coefficients, fitted_on = _fit_variance(samples, error, spread, settings)
    attributes = {"long_name": "coefficients of the data variance", "fitted_on": fitted_on}
    return xr.Dataset(
        {
            "offset": (("sensor_number", "cell", "target_name"), offset),
            "offset_count": (
                ("sensor_number", "cell"),
                np.minimum(count, COUNT_MAX).astype(np.int16),
            ),
            "variance_coefficients": (
                ("sensor_number", "target_name", "term"),
                coefficients.astype(np.float32),
                attributes,
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
    cells: Indices,
    size: int,
    settings: Calibrate,
) -> tuple[Float32s, Indices]:
    """Return the mean error of each sensor and cell over its n samples times n / (n + n0)."""
    sensors = _number_of_sensors(samples)
    if settings.offset_pairs is None:
        return np.zeros((sensors, size, error.shape[1]), np.float32), np.zeros((sensors, size), int)
    used = np.isin(samples["split"].values, (TRAIN, VALIDATION))
    group = samples["sensor"].values[used].astype(np.int64) * size + cells[used]
    count = np.bincount(group, minlength=sensors * size)
    sums = [
        np.bincount(group, error[used, target], minlength=sensors * size)
        for target in range(error.shape[1])
    ]
    shrunk = np.stack(sums, axis=-1) / np.maximum(count + settings.offset_pairs, 1)[:, None]
    shape = (sensors, size)
    return shrunk.reshape(*shape, -1).astype(np.float32), count.reshape(shape)


def _fit_variance(
    samples: xr.Dataset, error: Float32s, spread: Float32s, settings: Calibrate
) -> tuple[Float64s, str]:
    """Return coefficients (sensor, target, term), and the split that they are fitted on.

    A sensor without samples in that split gets the coefficients of all sensors together.
    """
    split, sensor = samples["split"].values, samples["sensor"].values
    fitted_on = next(name for name, kinds in FITTED_ON.items() if np.isin(split, kinds).any())
    in_split = np.isin(split, FITTED_ON[fitted_on])
    count, cycle = samples["count"].values, samples["target_climatology"].values
    anomaly = samples["target"].values - error  # what the ensemble predicts, with offset
    shape = _number_of_sensors(samples), error.shape[1], len(settings.variance_terms)
    coefficients = np.zeros(shape)
    for number, target in np.ndindex(shape[:2]):
        of_sensor = in_split & (sensor == number)
        rows = of_sensor if of_sensor.any() else in_split
        predictors = variance_predictors(
            settings.variance_terms,
            spread[rows, target],
            count[rows],
            cycle[rows, target],
            anomaly[rows, target],
        )
        coefficients[number, target] = fit_data_variance(
            error[rows, target] ** 2, spread[rows, target], predictors, settings.target_noise
        )
    return coefficients, fitted_on


def _number_of_sensors(samples: xr.Dataset) -> int:
    """Return the number of sensors of the link, including those without samples."""
    return len(str(samples["sensor"].attrs["flag_meanings"]).split())
