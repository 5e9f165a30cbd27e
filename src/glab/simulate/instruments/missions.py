"""When the instruments worked (SCIENCE §7)."""

from __future__ import annotations

import numpy as np

PERIODS = {
    "smos": ("2010-01-12", "2099-12-31"),
    "amsre": ("2002-06-19", "2011-10-03"),
    "amsr2": ("2012-07-02", "2099-12-31"),
    "smap": ("2015-03-31", "2099-12-31"),
    "casm": ("2002-06-19", "2020-08-31"),
}
GAPS = {
    "smos": [("2010-04-20", "2010-04-26"), ("2010-12-25", "2011-01-02")],
    "smap": [("2019-06-19", "2019-07-23")],
}
COMMISSIONING_END = np.datetime64("2010-05-31")


def works(instrument: str, days: np.ndarray) -> np.ndarray:
    """On which days an instrument delivered data, shape of `days`."""
    first, last = (np.datetime64(day) for day in PERIODS[instrument])
    working = (days >= first) & (days <= last)
    for start, end in GAPS.get(instrument, []):
        working &= (days < np.datetime64(start)) | (days > np.datetime64(end))
    return working


def has_smos(days: np.ndarray) -> np.ndarray:
    """Days with SMOS data."""
    return works("smos", days)
