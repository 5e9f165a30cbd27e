"""What a page is put together from: figures, tables, lists, cards, sections."""

from __future__ import annotations

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


class Picture(NamedTuple):
    """A figure as a data address, with a title that says what is seen and how to read it."""

    title: str
    caption: str
    image: str


class Table(NamedTuple):
    """A table; a row of one text heads a group."""

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Facts(NamedTuple):
    """Names with values, and longer texts to unfold."""

    entries: Sequence[tuple[str, str]]
    texts: Sequence[tuple[str, str]] = ()


class Card(NamedTuple):
    """A number that matters."""

    value: str
    unit: str
    text: str


@dataclass(frozen=True)
class PageSection:
    """A part of the page."""

    title: str
    text: Sequence[str] = ()
    parts: Sequence[Picture | Table | Facts] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Its name in addresses."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """A number for people; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    rounded = round(float(value), digits) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}".replace("-", "−")


def look_up(skill: pd.DataFrame, metric: str, **where: str) -> float:
    """The value of one row of a table of skill; NaN where there is none."""
    found = skill[skill["metric"] == metric]
    for column, wanted in {"period": "all", "signal": "full", **where}.items():
        found = found[found[column] == wanted]
    return float(found["value"].iloc[0]) if len(found) else float("nan")


def truth_kind(skill: pd.DataFrame, product: str, variable: str) -> str:
    """The truth a product is told against first: at its target's footprint, if there is one."""
    own = skill[(skill["product"] == product) & (skill["variable"] == variable)]
    kinds = set(own["truth"])
    return next((kind for kind in ("footprint", "cell") if kind in kinds), "none")
