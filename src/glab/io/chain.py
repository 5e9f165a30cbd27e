"""Follow a file back to the files it was made from, inside the folder of its run.

No stage imports this module, so that an edit here runs no stage again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from glob import escape
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from glab.errors import GlabError
from glab.io.files import read
from glab.io.provenance import FOLDERS, short_path


class Input(NamedTuple):
    """An input as a file records it.

    Attributes:
        path: the last parts of its path, joined by "/".
        sha256: hexadecimal hash of its content; None in files of earlier versions.
    """

    path: str
    sha256: str | None


def inputs_of(attributes: Mapping[str, Any]) -> list[Input]:
    """Return the inputs that a file records, in the order of the step that wrote it.

    Args:
        attributes: global attributes of a file. Earlier versions recorded the names alone,
            separated by spaces; these are returned without a hash.
    """
    text = str(attributes.get("glab_inputs", ""))
    if not text.startswith("["):
        return [Input(name, None) for name in text.split()]
    digests = json.loads(attributes.get("glab_inputs_sha256", "[]"))
    return [Input(*pair) for pair in zip_longest(json.loads(text), digests)]


def stage_of(attributes: Mapping[str, Any]) -> str:
    """Return the stage that wrote a file; empty for a file of another origin."""
    return str(attributes.get("source", "")).rpartition("stage ")[2]


def run_folder(path: Path) -> Path:
    """Return the folder of the run that a file belongs to: the one with `results` and `data`.

    Raises:
        GlabError: for a file outside the folders of any run.
    """
    for folder in path.absolute().parents:
        if folder.name in FOLDERS:
            return folder.parent
    raise GlabError(
        "the file is not in the folder of a run",
        path=path,
        expected="<run>/results/…, so that its inputs can be found",
        remedy="name the file where the run wrote it",
    )


def attributes_of(path: Path) -> dict[str, Any]:
    """Return the global attributes of a netCDF file or Zarr store; none for other files.

    Raises:
        GlabError: for a netCDF file that cannot be read.
    """
    if path.suffix == ".nc":
        with read(path, decoded=False) as dataset:
            return dict(dataset.attrs)
    store = path / ".zattrs"
    return json.loads(store.read_text(encoding="utf-8")) if store.is_file() else {}


def find_input(recorded: str, runs: Sequence[Path], attributes: Mapping[str, Any]) -> Path | None:
    """Return the file that a recorded path means, None where there is none.

    Args:
        recorded: path of an input as `glab.io.inputs_of` returns it.
        runs: folders of runs, searched in this order.
        attributes: of the file that records it. Its settings name the files that a user put
            outside of the run, such as maps of the ground.
    """
    candidates = [path for run in runs for path in _candidates(recorded, run)]
    settings = json.loads(attributes.get("glab_settings", "{}"))
    named = [runs[0] / text for text in _texts(settings) if short_path(Path(text)) == recorded]
    return next((path for path in [*candidates, *named] if path.is_file()), None)


def _candidates(recorded: str, run: Path) -> Iterator[Path]:
    """Yield the places of a run where a file with these last parts of its path may lie."""
    parts = recorded.split("/")
    if parts[0] in FOLDERS:
        yield run / recorded
    elif len(parts) > 1:  # a name alone, as earlier versions recorded it, fits too many files
        for folder in FOLDERS:
            yield run / folder / recorded
        # results/<stage>/a/b/c.nc: the stage is the part that was cut off
        yield from sorted(run.glob(f"results/*/{escape(recorded)}"))


def _texts(settings: Any) -> Iterator[str]:
    """Yield all texts of nested settings."""
    if isinstance(settings, str):
        yield settings
    elif isinstance(settings, Mapping | list):
        for value in settings.values() if isinstance(settings, Mapping) else settings:
            yield from _texts(value)
