"""Faults of a configuration, told in the project's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from glab.errors import GlabError, unknown_name


def explained(error: ValidationError, model: type[BaseModel]) -> GlabError:
    """The first fault of a validation, in the project's words."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        *parents, name = fault["loc"]
        return unknown_name("setting", str(name), _known_keys(parents, model), variable=place)
    return GlabError(
        "a setting cannot be used", variable=place, found=fault["input"], expected=fault["msg"]
    )


def _known_keys(parents: Sequence[Any], whole: type[BaseModel]) -> list[str]:
    """Keys that the section at `parents` knows."""
    model: Any = whole
    for part in parents:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        if part in model.model_fields:
            model = _model_within(model.model_fields[part].annotation)
    fields = getattr(model, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _model_within(annotation: Any) -> Any:
    """The section class inside an annotation such as dict[str, Source] or Series | None."""
    if hasattr(annotation, "model_fields"):
        return annotation
    inner = [_model_within(part) for part in getattr(annotation, "__args__", ())]
    found = [part for part in inner if hasattr(part, "model_fields")]
    return found[0] if found else annotation
