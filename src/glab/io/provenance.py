"""Where a file comes from: stage, settings, code and inputs, as attributes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import glab
from glab.fingerprint import code_print


@dataclass(frozen=True)
class Provenance:
    """Where a file comes from, written into its attributes.

    Attributes:
        stage: the stage that made it.
        settings: the slice of the configuration it was made with.
        inputs: the files it was made from (names only are stored).
        references: DOIs or citations of the inputs.
        attributes: further global attributes.
    """

    stage: str
    settings: BaseModel | Mapping[str, Any] | None = None
    inputs: Sequence[Path] = ()
    references: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def as_attributes(self) -> dict[str, Any]:
        """The global attributes of a file: nothing of them tells a time, a host or a folder."""
        text = canonical_json(self.settings)
        return {
            "Conventions": "CF-1.11",
            "source": f"glab {glab.__version__}, stage {self.stage}",
            "glab_code": code_print(f"steps.{self.stage}"),
            "glab_settings": text,
            "glab_settings_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "glab_inputs": " ".join(Path(path).name for path in self.inputs),
            **({"references": " ".join(self.references)} if self.references else {}),
            **self.attributes,
        }


def canonical_json(settings: BaseModel | Mapping[str, Any] | None) -> str:
    """Settings as one line of JSON with sorted keys, the same on every machine."""
    content = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    return json.dumps(content or {}, sort_keys=True, separators=(",", ":"))
