"""Express training samples relative to other years and other cells.

Residuals are anomalies from a short baseline. Within it, slow change is smaller than noise, so a
network trained on mean squared error damps it, and a change that no training cell experienced,
such as clearing of dense forest, cannot be learned. We therefore express some samples relative to

* another year of their cell: the mean of that year is subtracted from the residuals of inputs and
  target and added to their seasonal cycles, as if that year had been the baseline;
* a year of another cell: the difference between the two seasonal cycles is moved as well. Cells
  differ by more than years do, and in other properties too (soil, roughness, scattering), so this
  is done in the first epochs only.

The sum of residual and seasonal cycle of a sample does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from glab.arrays import Booleans, Float32s, Floats, Indices, finite_mean
from glab.calendar import WINDOW_DAYS, Days, day_of_year, year_of
from glab.config import Network
from glab.learning.columns import Feature, read_columns

SAMPLES_MIN = 5
"""Samples that the mean of a cell in a year needs: with fewer, noise of single days dominates."""

SEASONS = 20
"""Seasons of a year, in which the seasonal cycles of cells are compared.

A season is as long as a window of VOD (`WINDOW_DAYS`), so that a cell has one sample of each year
in it; daily links have more. The last season also contains the remaining 5 or 6 days of the year.
"""

Layer = tuple[bool, str]
"""Whether a layer belongs to the target, and its label."""


@dataclass(frozen=True)
class RebasePool:
    """Years and seasonal cycles, relative to which training samples can be expressed.

    A reference is the mean of one year of a *site*, which is a cell as seen by one sensor.

    Attributes:
        features: subtracted from the features for a reference, float32 (reference, feature); the
            last row is 0.
        target: subtracted from the targets for a reference, float32 (reference, target); the last
            row is 0.
        reference_site: site of each reference but the last, int (reference,).
        first: position of the first reference of each site, int (site,).
        number: number of references of each site, int (site,).
        sensor_range: first reference of the site's sensor, and one after its last, int (site, 2).
        cycle_features: seasonal cycles, subtracted like `features`, float32 (site, season,
            feature); 0 where a site has no sample in a season.
        cycle_target: the same for targets, float32 (site, season, target).
        cycle_known: True where a site has samples in a season, bool (site, season).
        site: of each sample, int (sample,).
        season: of each sample, int (sample,).
    """

    features: Float32s
    target: Float32s
    reference_site: Indices
    first: Indices
    number: Indices
    sensor_range: Indices
    cycle_features: Float32s
    cycle_target: Float32s
    cycle_known: Booleans
    site: Indices
    season: Indices

    def draw(
        self, years_fraction: float, places_fraction: float, rng: np.random.Generator
    ) -> tuple[Indices, Indices]:
        """Draw a reference for each sample.

        Args:
            years_fraction: fraction of samples expressed relative to a year of their own site.
            places_fraction: fraction of samples expressed relative to a year of any site of their
                sensor instead, if that site has a seasonal cycle in the sample's season.
            rng: the random numbers.

        Returns:
            reference (a row of `features` and `target`) and its site, int (sample,).
        """
        size, none = len(self.site), len(self.reference_site)
        number = self.number[self.site]
        chosen = (rng.random(size) < years_fraction) & (number > 0)
        same_site = self.first[self.site] + (rng.random(size) * number).astype(np.int64)
        reference, site = np.where(chosen, same_site, none), self.site
        if places_fraction > 0 and none:
            first, end = self.sensor_range[self.site].T
            # A sensor without references has an empty range: any valid position, not chosen below.
            other = np.minimum(
                first + (rng.random(size) * (end - first)).astype(np.int64), none - 1
            )
            other_site = self.reference_site[other]
            chosen = (rng.random(size) < places_fraction) & (end > first)
            chosen &= self.cycle_known[other_site, self.season]
            reference = np.where(chosen, other, reference)
            site = np.where(chosen, other_site, site)
        return reference, site


def rebase_fractions(settings: Network, epoch: int) -> tuple[float, float]:
    """Return the fractions of an epoch's samples expressed relative to other years and cells."""
    first = epoch < settings.places_epochs * settings.epochs
    return settings.rebased_fraction, settings.places_fraction if first else 0.0


def build_rebase_pool(samples: xr.Dataset) -> RebasePool:
    """Compute the means of the years of each site, and the seasonal cycles of sites.

    Args:
        samples: training samples of `glab.learning.samples.draw_samples`. Samples that are held
            out or for validation must not be among them.

    Raises:
        GlabError: for samples whose features are not described, or of an unknown kind.
    """
    days = samples["sample_day"].values.astype("datetime64[D]")
    site_year = np.stack([samples["sensor"].values, samples["sample_cell"].values, year_of(days)])
    years, year, count = np.unique(site_year, axis=1, return_inverse=True, return_counts=True)
    sites, year_site = np.unique(years[:2], axis=1, return_inverse=True)
    # Sites are ascending by sensor, then cell, so that the references of a sensor are a range.
    usable = count >= SAMPLES_MIN
    means = {
        layer: (np.bincount(year, values, minlength=len(count)) / count)[usable]
        for layer, values in _residuals(samples).items()
    }
    site, season = year_site[year], _season(days)
    cycles = {
        layer: _by_season(values, site, season, sites.shape[1])
        for layer, values in _cycles(samples).items()
    }
    features = read_columns(samples)
    targets = [
        Feature(str(label), "residual", of_target=True) for label in samples["target_name"].values
    ]
    number = np.bincount(year_site[usable], minlength=sites.shape[1])
    sides = (np.searchsorted(sites[0][year_site[usable]], sites[0], s) for s in ("left", "right"))
    return RebasePool(
        features=_with_zero_row(_year_shifts(features, means, int(usable.sum()))),
        target=_with_zero_row(_year_shifts(targets, means, int(usable.sum()))),
        reference_site=year_site[usable],
        first=np.cumsum(number) - number,
        number=number,
        sensor_range=np.stack([*sides], axis=-1),
        cycle_features=_cycle_shifts(features, cycles, sites.shape[1]),
        cycle_target=_cycle_shifts(targets, cycles, sites.shape[1]),
        cycle_known=np.asarray(np.isfinite(np.stack([*cycles.values()])).all(axis=0)),
        site=site,
        season=season,
    )


def _season(days: Days) -> Indices:
    """Return the season of each day."""
    return np.minimum((day_of_year(days) - 1) // WINDOW_DAYS, SEASONS - 1)


def _targets(samples: xr.Dataset, name: str) -> dict[Layer, Float32s]:
    """Return the columns of a variable (sample, target_name) by layer."""
    labels = samples["target_name"].values.astype(str)
    return {(True, label): samples[name].values[:, i] for i, label in enumerate(labels)}


def _residuals(samples: xr.Dataset) -> dict[Layer, Float32s]:
    """Return residuals of targets and inputs by layer.

    An input without residual among the features gives its shortest running mean, which comes
    first.
    """
    residuals, features = _targets(samples, "target"), samples["features"].values
    for column, feature in enumerate(read_columns(samples)):
        if feature.kind in ("residual", "mean") and not feature.of_target:
            residuals.setdefault((False, feature.label), features[:, column])
    return residuals


def _cycles(samples: xr.Dataset) -> dict[Layer, Float32s]:
    """Return seasonal cycles by layer: of targets, and of inputs that have one as a feature."""
    cycles, features = _targets(samples, "target_climatology"), samples["features"].values
    for column, feature in enumerate(read_columns(samples)):
        if feature.kind == "climatology" and not feature.of_target:
            cycles[False, feature.label] = features[:, column]
    return cycles


def _by_season(values: Float32s, site: Indices, season: Indices, sites: int) -> Floats:
    """Return means over the samples of each site and season, (site, season); NaN without any."""
    group, size = site * SEASONS + season, sites * SEASONS
    count = np.bincount(group, minlength=size)
    total = np.bincount(group, values, minlength=size)
    mean = np.divide(total, count, where=count > 0, out=np.full(size, np.nan))
    return mean.reshape(sites, SEASONS)


def _running_cycle(cycle: Floats, days: int) -> Floats:
    """Return running means of seasonal cycles (…, season) around the year; 0 without values."""
    # Whole seasons on both sides of the middle one; a mean over a year is one over all seasons.
    half = min(days // WINDOW_DAYS, SEASONS - 1) // 2
    around = np.stack([np.roll(cycle, step, axis=-1) for step in range(-half, half + 1)])
    return np.nan_to_num(finite_mean(around, axis=0), nan=0.0)


def _year_shifts(
    features: Sequence[Feature], means: Mapping[Layer, Floats], references: int
) -> Float32s:
    """Return what each reference subtracts from the features, (reference, feature)."""
    unknown = np.zeros(references)
    shifts = [means.get((f.of_target, f.label), unknown) * _sign(f) for f in features]
    return np.stack(shifts, axis=-1).astype(np.float32)


def _cycle_shifts(
    features: Sequence[Feature], cycles: Mapping[Layer, Floats], sites: int
) -> Float32s:
    """Return what each site and season subtracts from the features, (site, season, feature).

    Running means change by the running mean of the cycle over the same days.
    """
    unknown = np.full((sites, SEASONS), np.nan)
    shifts = [
        _running_cycle(cycles.get((f.of_target, f.label), unknown), f.width_days) * _sign(f)
        for f in features
    ]
    return np.stack(shifts, axis=-1).astype(np.float32)


def _sign(feature: Feature) -> float:
    """Return the sign of a shift: residual and cycle change by opposite amounts."""
    return {"residual": 1.0, "mean": 1.0, "climatology": -1.0, "coordinate": 0.0}[feature.kind]


def _with_zero_row(shifts: Float32s) -> Float32s:
    """Return shifts with a last row of zeros, for samples that keep their baseline."""
    return np.concatenate([shifts, np.zeros((1, shifts.shape[1]), np.float32)])


TensorPair = tuple[Tensor, Tensor]
"""Features (…, feature) and targets (…, target)."""


@dataclass(frozen=True)
class Rebased:
    """What is subtracted from each sample of an epoch, from features and targets alike.

    Attributes:
        years: for each reference, (reference, …).
        cycles: for each site and season, (site, season, …).
        reference, new_site: drawn for each sample, (sample,).
        site, season: the sample's own site, and its season, (sample,).
    """

    years: TensorPair
    cycles: TensorPair
    reference: Tensor
    new_site: Tensor
    site: Tensor
    season: Tensor

    def of(self, rows: Tensor) -> TensorPair:
        """Return what is subtracted from some samples."""
        reference, season = self.reference[rows], self.season[rows]
        new_site, site = self.new_site[rows], self.site[rows]
        features, target = (
            year[reference] + cycle[new_site, season] - cycle[site, season]
            for year, cycle in zip(self.years, self.cycles)
        )
        return features, target


class Batches:
    """Slices of tensors in memory, in the order of `rows`.

    Args:
        tensors: features (sample, feature) and target (sample, target).
        rows: samples of an epoch, in order.
        batch_size: samples at a time.
        rebased: what is subtracted from them; None for nothing.
    """

    def __init__(
        self, tensors: TensorPair, rows: Tensor, batch_size: int, rebased: Rebased | None = None
    ) -> None:
        self.tensors, self.rows, self.batch_size = tensors, rows, batch_size
        self.rebased = rebased

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[TensorPair]:
        features, target = self.tensors
        for rows in self.rows.split(self.batch_size):
            if self.rebased is None:
                yield features[rows], target[rows]
            else:
                less_features, less_target = self.rebased.of(rows)
                yield features[rows] - less_features, target[rows] - less_target


def rebase(
    pool: RebasePool, fractions: tuple[float, float], seed: int, device: torch.device
) -> Rebased:
    """Draw the references of one epoch.

    Args:
        pool: from `build_rebase_pool`.
        fractions: of samples relative to other years and to other cells (`rebase_fractions`).
        seed: of the draw.
        device: where the result is.
    """
    reference, new_site = pool.draw(*fractions, np.random.default_rng(seed))

    def on_device(*arrays: np.ndarray) -> TensorPair:
        first, second = (torch.from_numpy(array).to(device) for array in arrays)
        return first, second

    return Rebased(
        on_device(pool.features, pool.target),
        on_device(pool.cycle_features, pool.cycle_target),
        *on_device(reference, new_site),
        *on_device(pool.site, pool.season),
    )
