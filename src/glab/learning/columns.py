"""Describe the columns of a feature vector.

Samples carry the description of their features as coordinates of the dimension `feature`. Later
stages read this description and never a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from glab.errors import GlabError, unknown_name

Kind = Literal["residual", "mean", "climatology", "coordinate"]
"""A residual, its running mean, a seasonal cycle, or a coordinate of the cell."""


@dataclass(frozen=True)
class Feature:
    """One column of a feature vector.

    Attributes:
        label: layer that the column belongs to (`tb_10h`, `vod`), or the name of a coordinate.
        kind: residual, mean, climatology or coordinate.
        width_days: width of the running mean; 0 for other kinds.
        alignment: of the running mean: centred, past or future.
        of_target: True if the layer is one of the target, not of an input.

    Raises:
        GlabError: for an unknown kind.
    """

    label: str
    kind: Kind
    width_days: int = 0
    alignment: str = "centred"
    of_target: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise unknown_name("kind of feature", self.kind, get_args(Kind), variable=self.label)

    @property
    def name(self) -> str:
        """Name for people, checked when a network is applied: `tb_10h_mean91`, `lat`, …"""
        if self.kind == "coordinate":
            return self.label
        width = str(self.width_days) if self.kind == "mean" else ""
        side = "" if self.alignment == "centred" else f"_{self.alignment}"
        prefix = "target_" if self.of_target else ""
        return f"{prefix}{self.label}_{self.kind}{width}{side}"


def input_columns(features: Sequence[Feature]) -> list[int]:
    """Return the columns that come from inputs: neither cycles of the target nor coordinates."""
    return [
        column
        for column, feature in enumerate(features)
        if feature.kind != "coordinate" and not feature.of_target
    ]


def column_names(samples: xr.Dataset) -> tuple[list[str], list[str]]:
    """Return the names of the features and of the targets of samples."""
    features, targets = (samples[name].values.astype(str) for name in ("feature", "target_name"))
    return features.tolist(), targets.tolist()


def describe_columns(samples: xr.Dataset, features: Sequence[Feature]) -> xr.Dataset:
    """Return samples with names and descriptions of their features as coordinates.

    Args:
        samples: with a dimension `feature`.
        features: one for each column, in order.
    """
    fields = {
        "label": [feature.label for feature in features],
        "kind": [feature.kind for feature in features],
        "width_days": np.array([feature.width_days for feature in features], np.int32),
        "alignment": [feature.alignment for feature in features],
        "of_target": np.array([feature.of_target for feature in features], np.int8),
    }
    described: dict[str, Any] = {
        f"feature_{name}": ("feature", values) for name, values in fields.items()
    }
    names = [feature.name for feature in features]
    return samples.assign_coords({"feature": names} | described)


def read_columns(samples: xr.Dataset) -> list[Feature]:
    """Return the description of the features of samples, in the order of the columns.

    Raises:
        GlabError: for samples without it, and for an unknown kind of feature.
    """
    fields = [f"feature_{name}" for name in Feature.__dataclass_fields__]
    if missing := [name for name in fields if name not in samples]:
        raise GlabError(
            "the samples do not describe their features",
            path=samples.encoding.get("source"),
            variable=missing[0],
            remedy="draw the samples again",
        )
    rows = zip(*(samples[name].values.tolist() for name in fields))
    return [
        Feature(label, kind, width, alignment, bool(of_target))
        for label, kind, width, alignment, of_target in rows
    ]
