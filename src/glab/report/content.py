"""Building blocks of a page: pictures, tables, facts, cards, sections, and names for readers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

VARIABLE_NAMES = {
    "VOD": "VOD",
    "vod": "VOD",
    "tb_h": "TB at H",
    "tb_v": "TB at V",
    "soil_moisture": "soil moisture",
}
SENSOR_NAMES = {"amsre": "AMSR-E", "amsr2": "AMSR2", "smos": "SMOS", "smap": "SMAP"}
PRODUCT_NAMES = {"glab_tb": "GLAB-TB", "glab_vod": "GLAB-VOD", "smos_ib": "SMOS-IB"}
GROUP_NAMES = {"all": "all cells", "trained": "trained cells", "held_out": "held-out cells"}


class Picture(NamedTuple):
    """A figure as a data address, with a title and a caption that explains how to read it."""

    title: str
    caption: str
    image: str


class Table(NamedTuple):
    """A table; a row with one text is the heading of a group of rows."""

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Facts(NamedTuple):
    """Names with values, and longer texts to unfold."""

    entries: Sequence[tuple[str, str]]
    texts: Sequence[tuple[str, str]] = ()


class Card(NamedTuple):
    """One main number of the page."""

    value: str
    unit: str
    text: str


@dataclass(frozen=True)
class PageSection:
    """A section of the page; without parts and text it is left out."""

    title: str
    text: Sequence[str] = ()
    parts: Sequence[Picture | Table | Facts] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Its name in links."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """Format a number for readers; a dash where it is missing."""
    if value is None or not np.isfinite(value):
        return "–"
    # Adding 0.0 turns −0.0 into 0.0.
    rounded = round(float(value), digits) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}".replace("-", "−")


def unit_named(units: str) -> str:
    """Return a unit for readers: "m3 m-3" → "m³ m⁻³"; empty for dimensionless values."""
    superscript = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    raised = re.sub(r"(?<=[A-Za-z])-?\d+", lambda m: m[0].translate(superscript), units)
    return "" if units == "1" else raised


def capitalised(text: str) -> str:
    """Return a text with an upper-case first letter; unlike `str.capitalize` the rest is kept."""
    return text[:1].upper() + text[1:]


def sensors_named(segment: str) -> str:
    """Return the sensors of a segment for readers: "amsre_smos" → "AMSR-E + SMOS"."""
    return " + ".join(SENSOR_NAMES.get(sensor, sensor) for sensor in segment.split("_"))


def origin_name(flag: str) -> str:
    """Return the name of a meaning of `origin` for readers.

    Args:
        flag: references and a network joined by "_and_", for example "smos_and_amsr2_network".
    """
    if flag == "none":
        return "no value"
    parts = flag.split("_and_")
    sensors = [part.removesuffix("_network") for part in parts]
    names = [SENSOR_NAMES.get(sensor, sensor) for sensor in sensors]
    if len(parts) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{names[0]} through the network" if flag != sensors[0] else f"{names[0]} alone"


def product_named(product: str) -> str:
    """Return the name of a product or of one of its controls for readers."""
    name = product.split(": ")[-1]
    return PRODUCT_NAMES.get(name, name)


def period_named(period: str) -> str:
    """Return the name of a period on two lines."""
    return "whole\nrecord" if period == "all" else str(period).replace(" ", "\n", 1)


def look_up(table: pd.DataFrame, metric: str, **where: str) -> float:
    """Return the value of one row of a table of skill, NaN where it has none.

    Args:
        table: from `evaluate`.
        metric: which metric.
        **where: value of further columns; by default the whole record and the full signal.
    """
    rows = table[table["metric"] == metric]
    defaults = {name: text for name, text in DEFAULTS.items() if name in table}
    for column, wanted in {**defaults, **where}.items():
        rows = rows[rows[column] == wanted]
    return float(rows["value"].iloc[0]) if len(rows) else float("nan")


DEFAULTS = {"period": "all", "signal": "full"}


def truth_kind(skill: pd.DataFrame, product: str, variable: str) -> str:
    """Return the truth that a product is compared with first: at its footprint, if it has one."""
    rows = skill[(skill["product"] == product) & (skill["variable"] == variable)]
    kinds = set(rows["truth"])
    return next((kind for kind in ("footprint", "cell") if kind in kinds), "none")
