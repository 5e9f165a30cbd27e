"""Errors for settings that are unknown, renamed or invalid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

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
    "stations": "against",
    "trend_share_min": "trend_fraction_min",
    "validation_share": "validation_fraction",
    "window_share_min": "window_fraction_min",
}
"""New names of settings, by their former one (CHANGELOG.md, "Formerly")."""

NEW_FORMS = {"stations": ": {ismn: {kind: stations, archive: data/ismn}}"}
"""Values of renamed settings whose form changed too."""


def explain_fault(error: ValidationError, model: type[BaseModel]) -> GlabError:
    """Return an error with the first fault of a validation; a renamed setting comes first."""
    faults = error.errors()
    unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
    for fault in unknown:
        (*parents, name), known = _locate(fault["loc"], model)
        if name in FORMERLY and FORMERLY[name] in known:
            path = ".".join([*parents, FORMERLY[name]])
            return GlabError(
                "this setting was renamed",
                variable=".".join([*parents, name]),
                found=name,
                expected=FORMERLY[name],
                remedy=f"write {path}{NEW_FORMS.get(name, '')}",
            )
    fault = faults[0]
    parts, known = _locate(fault["loc"], model)
    if fault in unknown:
        return unknown_name("setting", parts[-1], known, variable=".".join(parts))
    return GlabError(
        "a setting has an invalid value",
        variable=".".join(parts),
        found=fault["input"],
        expected=fault["msg"].removeprefix("Value error, "),
    )


def _locate(location: Iterable[Any], whole: type[BaseModel]) -> tuple[list[str], list[str]]:
    """Return the parts of the name of a setting, and the keys of the section that it lies in.

    Pydantic adds to a location the `kind` of a section with several classes, and "[key]" for a
    fault of a key; both are no part of the name.
    """
    parts: list[str] = []
    classes: list[Any] = [whole]
    for part in location:
        fields = [each.model_fields[part] for each in classes if part in each.model_fields]
        kinds = [c for c in classes if "kind" in c.model_fields and part in _kinds(c)]
        if not kinds and part != "[key]":
            parts.append(str(part))
        inner = [one for field in fields for one in _sections_within(field.annotation)]
        classes = inner or kinds or classes
    keys = [field.alias or name for c in classes for name, field in c.model_fields.items()]
    return parts, list(dict.fromkeys(keys))


def _kinds(section: Any) -> tuple[Any, ...]:
    return get_args(section.model_fields["kind"].annotation)


def _sections_within(annotation: Any) -> list[Any]:
    """Return the section classes inside an annotation such as dict[str, Source]."""
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [one for part in get_args(annotation) for one in _sections_within(part)]
