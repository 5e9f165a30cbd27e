"""Compare the fit of seasonal cycles with scipy's bounded fit of single cells: speed and cost.

Run: ``python benchmarks/climatology.py [cells] [years]``. It prints one line for each form.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import xarray as xr
from scipy.optimize import curve_fit

from glab.calendar import DAYS_PER_YEAR
from glab.climatology.cycles import evaluate_cycle, fit_cycle
from glab.climatology.harmonics import basis
from glab.climatology.sine import ORIGIN
from glab.config import ClimatologyOptions

SCIPY_SERIES = 100
"""Series that scipy fits, one after another."""


def world(cells, years, seed=0):
    """Return days and TB-like series (time, cell): a sine, noise, half of the days missing."""
    rng = np.random.default_rng(seed)
    days = np.arange(f"{2021 - years}-01-01", "2021-01-01", dtype="datetime64[D]")
    t = (days - ORIGIN).astype(float)[:, None]
    amplitude, phase = rng.uniform(0.2, 30, cells), rng.uniform(0, 2 * np.pi, cells)
    level = rng.uniform(200, 290, cells)
    values = level + amplitude * np.sin(2 * np.pi * t / DAYS_PER_YEAR + phase)
    values += rng.normal(0, 4, values.shape)
    values[rng.random(values.shape) < 0.5] = np.nan
    return days, xr.DataArray(values.astype(np.float32), dims=("time", "cell"), name="tb")


def published_by_scipy(t, y):
    """Fit the published sine of one cell with scipy; return offset, amplitude, phase, period."""

    def sine(t, b, a, phase, period):
        return a * np.sin(2 * np.pi * t / period + phase) + b

    start = [np.clip(y.mean(), 121, 369), np.clip(y.std() * 1.4, 1.1, 79), np.pi, 365.25]
    bounds = [120, 1, 0, 365], [370, 80, 2 * np.pi, 366]
    return curve_fit(sine, t, y, start, bounds=bounds)[0], sine


def harmonics_by_scipy(x, y):
    """Fit harmonics of one cell with scipy."""

    def cycle(_, *coefficients):
        return x @ np.array(coefficients)

    return curve_fit(cycle, None, y, np.zeros(x.shape[1]))[0], None


def timed(function, *arguments):
    """Return the result of a function, and seconds."""
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def main():
    """Print speed and cost of both forms."""
    cells, years = (int(a) for a in (*sys.argv[1:], *("8192", "8")[len(sys.argv) - 1 :]))
    days, values = world(cells, years)
    t = (days - ORIGIN).astype(float)
    for form in ("harmonics", "published"):
        settings = ClimatologyOptions(form=form, ridge=0.0)
        fitted, ours_s = timed(fit_cycle, values, days, settings)
        cycle = evaluate_cycle(fitted, days).values
        scipy_s, worse, better = 0.0, 0, 0
        for cell in range(SCIPY_SERIES):
            y = values.values[:, cell].astype(float)
            finite = np.isfinite(y)
            if form == "published":
                (p, sine), seconds = timed(published_by_scipy, t[finite], y[finite])
                b, a, phase, period = fitted["tb_coefficients"].values[cell].astype(float)
                ours = sine(t[finite], b, a, phase, period)
                theirs = sine(t[finite], *p)
            else:
                x = basis(days[finite], 2)
                (p, _), seconds = timed(harmonics_by_scipy, x, y[finite])
                ours, theirs = cycle[finite, cell], x @ p
            scipy_s += seconds
            cost, other = ((y[finite] - ours) ** 2).sum(), ((y[finite] - theirs) ** 2).sum()
            worse += cost > other * (1 + 1e-6)
            better += other > cost * (1 + 1e-6)
        rate, other_rate = cells / ours_s, SCIPY_SERIES / scipy_s
        print(
            f"{form:10s} {len(days)} days: {rate:9.0f} series/s, scipy {other_rate:6.0f} series/s "
            f"({rate / other_rate:.0f} times); cost worse than scipy's on {worse}, better on "
            f"{better} of {SCIPY_SERIES} cells"
        )


if __name__ == "__main__":
    main()
