"""Consistency of records in time: steps where sensors change, drops where forest is cleared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from glab import breaks
from glab.breaks import Segment
from glab.calendar import Days
from glab.comparison import Floats, Mask, narrowed
from glab.config import Evaluate, Period
from glab.running import window_mean

Row = dict[str, Any]

STEP_COLUMNS = [
    *("product", "variable", "truth", "cells", "date", "before", "after"),
    *("step", "placebo_p05", "placebo_p95", "placebos", "n"),
]

IN_STEPS = ("all", "trained", "held_out", "uncleared")
WINDOW_DAYS = 18
"""Daily records are averaged to windows of this length before steps are taken."""


def segments_of(sensors: Mapping[str, Period], days: Days) -> list[Segment]:
    """Stretches of a record with one set of sensors each, in order."""
    last = np.datetime64("2100-01-01", "D")
    made = [
        Segment(name, np.datetime64(p.start, "D"), np.datetime64(p.end, "D") if p.end else last)
        for name, p in sensors.items()
    ]
    return breaks.clipped(sorted(made, key=lambda segment: segment.start), days)


def step_rows(
    judged: xr.Dataset, true: Floats, kind: str, masks: Mapping[str, Mask], settings: Evaluate
) -> list[Row]:
    """Steps of product minus truth at each change of sensors, beside placebo dates."""
    days, difference = _in_windows(judged, judged["value"].values - true)
    segments = segments_of(settings.sensors, days)
    rows: list[Row] = []
    for before, after in zip(segments, segments[1:]):
        each = breaks.step(difference, days, before, after)
        chance = breaks.placebo_steps(
            difference, days, segments, before, after, every_days=settings.placebo_every_days
        )
        row = {key: judged.attrs[key] for key in ("product", "variable")} | {"truth": kind}
        row |= {"date": str(after.start), "before": before.name, "after": after.name}
        rows += [
            row | {"cells": group} | _beside_chance(each[mask], chance[:, mask])
            for group, mask in narrowed(masks, IN_STEPS).items()
        ]
    return rows


def _beside_chance(each: Floats, chance: Floats) -> Row:
    """Mean step over cells, and the 5th and 95th percentile of the placebo dates' mean steps."""
    means = breaks.mean_step(chance)
    means = means[np.isfinite(means)]
    low, high = np.percentile(means, [5, 95]) if means.size else (np.nan, np.nan)
    return {
        "step": float(breaks.mean_step(each)),
        "placebo_p05": float(low),
        "placebo_p95": float(high),
        "placebos": means.size,
        "n": int(np.isfinite(each).sum()),
    }


def _in_windows(judged: xr.Dataset, difference: Floats) -> tuple[Days, Floats]:
    """A daily record's difference as means over windows; longer windows as they are."""
    days = judged["time"].values.astype("datetime64[D]")
    if judged.attrs["window_days"] > 1:
        return days, difference
    every = np.arange(days[0], days[-1] + 1, dtype="datetime64[D]")
    daily = np.full((len(every), difference.shape[1]), np.nan, np.float32)
    daily[(days - days[0]).astype(int)] = difference
    starts = every[::WINDOW_DAYS]
    return starts, window_mean(daily, every, starts, WINDOW_DAYS)[0]


def clearing_rows(
    judged: xr.Dataset, true: Floats, kind: str, masks: Mapping[str, Mask], cleared: Days
) -> list[Row]:
    """How much of the drop at clearings a record shows, and how much of it too early."""
    days = judged["time"].values.astype("datetime64[D]")
    rows: list[Row] = []
    for group, mask in narrowed(masks, ("all", "trained", "held_out")).items():
        inside = mask & ~np.isnat(cleared)
        if not inside.any():
            continue
        args = (judged["value"].values[:, inside], true[:, inside], days, cleared[inside])
        name = {"all": "cleared", "held_out": "held_out cleared", "trained": "trained cleared"}
        told = {
            "clearing_gain": breaks.clearing_gain(*args),
            "early_share": breaks.early_share(*args),
        }
        row = {key: judged.attrs[key] for key in ("product", "variable")}
        row |= {"truth": kind, "period": "all", "cells": name[group], "signal": "full"}
        rows += [
            row | {"metric": metric, "value": value, "n": int(inside.sum())}
            for metric, value in told.items()
        ]
    return rows
