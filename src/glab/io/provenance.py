"""Name the stage, settings, code and inputs of a file in its attributes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import glab
from glab.errors import GlabError
from glab.fingerprint import code_print

FOLDERS = ("results", "data")
"""Folders at the top of a run. What lies above them depends on the machine and is not recorded."""

PARTS = 3
"""Number of parts of an input's path that are recorded, enough to find it again in its run."""


@dataclass(frozen=True)
class Provenance:
    """The origin of a file, as written into its attributes.

    Attributes:
        stage: the stage that writes the file.
        settings: the slice of the configuration that the stage received.
        inputs: the files that the stage read. The last three parts of each path and the SHA-256
            of its content are recorded.
        references: DOIs or citations of the inputs.
        attributes: further global attributes.
    """

    stage: str
    settings: BaseModel | Mapping[str, Any] | None = None
    inputs: Sequence[Path] = ()
    references: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def as_attributes(self) -> dict[str, Any]:
        """Return the global attributes of the file, free of times, hosts and folders.

        Raises:
            GlabError: for an input that cannot be read.
        """
        text = canonical_json(self.settings)
        return {
            "Conventions": "CF-1.11",
            "source": f"glab {glab.__version__}, stage {self.stage}",
            "glab_code": code_print(f"steps.{self.stage}"),
            "glab_settings": text,
            "glab_settings_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "glab_inputs": json.dumps([short_path(path) for path in self.inputs]),
            "glab_inputs_sha256": json.dumps([file_sha256(path) for path in self.inputs]),
            **({"references": " ".join(self.references)} if self.references else {}),
            **self.attributes,
        }


def canonical_json(settings: BaseModel | Mapping[str, Any] | None) -> str:
    """Return settings as one line of JSON with sorted keys, the same on every machine."""
    content = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    return json.dumps(content or {}, sort_keys=True, separators=(",", ":"))


def short_path(path: Path) -> str:
    """Return the last three parts of a path, and nothing above the folders of a run.

    `/home/me/run/results/domain.nc` gives `results/domain.nc`,
    `results/residuals/vod/compose/2011.nc` gives `vod/compose/2011.nc`.
    """
    parts = [part for part in Path(path).parts if part != Path(path).anchor]
    tops = [number for number, part in enumerate(parts[:-1]) if part in FOLDERS]
    return "/".join(parts[max([len(parts) - PARTS, 0, *tops[-1:]]) :])


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises:
        GlabError: for a file that cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GlabError("cannot read the file", path=path, found=str(error)) from error
