"""Errors for settings that are unknown, renamed or invalid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from glab.errors import GlabError, unknown_name

FORMERLY = {
    "bad_share_max": "bad_fraction_max",
    "held_out_share": "held_out_fraction",
    "member_share": "member_fraction",
    "noise_share": "noise_fraction",
    "places_share": "places_fraction",
    "rebased_share": "rebased_fraction",
    "records": "sensors",
    "reference": "references",
    "trend_share_min": "trend_fraction_min",
    "validation_share": "validation_fraction",
    "window_share_min": "window_fraction_min",
}
"""New names of settings, by their former one (CHANGELOG.md, "Formerly")."""


def explain_fault(error: ValidationError, model: type[BaseModel]) -> GlabError:
    """Return an error with the first fault of a validation; a renamed setting comes first."""
    faults = error.errors()
    unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
    for fault in unknown:
        *parents, name = fault["loc"]
        if name in FORMERLY and FORMERLY[name] in _known_keys(parents, model):
            return GlabError(
                "this setting was renamed",
                variable=_path(fault["loc"]),
                found=name,
                expected=FORMERLY[name],
                remedy=f"write {_path([*parents, FORMERLY[name]])}",
            )
    fault = faults[0]
    if fault in unknown:
        *parents, name = fault["loc"]
        known = _known_keys(parents, model)
        return unknown_name("setting", str(name), known, variable=_path(fault["loc"]))
    return GlabError(
        "a setting has an invalid value",
        variable=_path(part for part in fault["loc"] if part != "[key]"),
        found=fault["input"],
        expected=fault["msg"].removeprefix("Value error, "),
    )


def _path(location: Iterable[Any]) -> str:
    return ".".join(map(str, location))


def _known_keys(parents: Sequence[Any], whole: type[BaseModel]) -> list[str]:
    """Return the keys of the section at a location."""
    model: Any = whole
    for part in parents:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        if part in model.model_fields:
            model = _section_within(model.model_fields[part].annotation)
    fields = getattr(model, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _section_within(annotation: Any) -> Any:
    """Return the section class inside an annotation such as dict[str, Source] or Series | None."""
    if hasattr(annotation, "model_fields"):
        return annotation
    inner = (_section_within(part) for part in getattr(annotation, "__args__", ()))
    return next((part for part in inner if hasattr(part, "model_fields")), annotation)
