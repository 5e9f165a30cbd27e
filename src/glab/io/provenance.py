"""Name the stage, settings, code and inputs of a file in its attributes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

import glab
from glab.errors import GlabError
from glab.fingerprint import stage_print

FOLDERS = ("results", "data")
"""Folders at the top of a run. What lies above them depends on the machine and is not recorded."""

SEAL = b"\nglab-sha256 "
"""Begins the seal of a work file: its hash, behind the bytes that netCDF reads. A `climatology` job
reads one tile of many years; without seals the jobs of a global run would read several TB to hash
the same years for each tile."""

SEAL_BYTES = len(SEAL) + 64

BLOCK_BYTES = 1 << 20
"""Number of bytes that are hashed at once."""

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
            "glab_code": stage_print(self.stage, text),
            "glab_settings": text,
            "glab_settings_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "glab_inputs": json.dumps([short_path(path) for path in self.inputs]),
            "glab_inputs_sha256": json.dumps([sealed_sha256(path) for path in self.inputs]),
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


def seal_file(path: Path) -> None:
    """Append its hash to a netCDF file, so that `sealed_sha256` need not read the whole file."""
    digest = file_sha256(path)
    with path.open("ab") as file:
        file.write(SEAL + digest.encode())


def sealed_sha256(path: Path) -> str:
    """Return the hash in the seal of a file; the hash of its content if it has no seal.

    Raises:
        GlabError: for a file that cannot be read.
    """
    return _read_seal(path) or file_sha256(path)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal; of a sealed file without its seal.

    A seal that disagrees with the other bytes is hashed too: any changed byte gives another hash.

    Raises:
        GlabError: for a file that cannot be read.
    """
    seal = _read_seal(path)
    digest = hashlib.sha256()
    with _open_bytes(path) as file:
        left = path.stat().st_size - (SEAL_BYTES if seal else 0)
        while block := file.read(min(left, BLOCK_BYTES)):
            digest.update(block)
            left -= len(block)
        if seal and seal != digest.hexdigest():
            digest.update(file.read())
    return digest.hexdigest()


def _read_seal(path: Path) -> str:
    """Return the hash in the seal of a file; empty for a file without seal."""
    with _open_bytes(path) as file:
        file.seek(max(path.stat().st_size - SEAL_BYTES, 0))
        end = file.read()
    return end.removeprefix(SEAL).decode("ascii", "replace") if end.startswith(SEAL) else ""


@contextmanager
def _open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; errors of the system become a GlabError."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise GlabError("cannot read the file", path=path, found=str(error)) from error
