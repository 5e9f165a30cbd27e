"""The command `verify`: compare the files behind a result with the hashes it records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from glab.errors import GlabError
from glab.io.chain import Input, attributes_of, find_input, inputs_of, run_folder
from glab.io.provenance import file_sha256

STATES = ("ok", "changed", "missing", "unknown")
"""`unknown`: the result was written by a version that recorded no hashes."""

USERS_SHOWN = 3
"""Files named beside a changed one; a domain is recorded by every file of a run."""


class Finding(NamedTuple):
    """The state of a file, or of several granules.

    Attributes:
        state: one of `STATES`.
        name: the path below the folder of the run.
        users: the files that were made from another content.
        number: how many files this finding is about.
    """

    state: str
    name: str
    users: tuple[str, ...] = ()
    number: int = 1


class Use(NamedTuple):
    """An input as one file records it; `path` is None where the input is not found."""

    path: Path | None
    recorded: Input
    user: Path


def verify(files: list[Path], *, other_runs: list[Path] | None = None) -> None:
    """Compare every file behind some results with the hash that was recorded when it was read.

    Follows the inputs of each file back to the granules that the manifests list. Prints a line per
    file: ok, changed, missing, or unknown where no hash was recorded. Granules that are ok share
    one line per manifest.

    Args:
        files: results of a run, for example `results/product/glab_vod/2012.nc`.
        other_runs: folders of the runs that networks were taken from (`train.from`).
    """
    numbers: Counter[str] = Counter()
    for finding in check_chain(files, other_runs or []):
        numbers[finding.state] += finding.number
        more = ", …" if len(finding.users) > USERS_SHOWN else ""
        users = (
            f" (read by {', '.join(finding.users[:USERS_SHOWN])}{more})" if finding.users else ""
        )
        print(f"{finding.state:<8} {finding.name}{users}")
    print(", ".join(f"{numbers[state]} {state}" for state in STATES))
    differing = numbers.total() - numbers["ok"]
    if differing:
        raise GlabError(
            "not every file is the one that the results were made from",
            path=", ".join(map(str, files)),
            found=f"{differing} of {numbers.total()} files changed, missing or unknown",
            remedy="restore these files, or run snakemake again",
        )


def check_chain(files: list[Path], other_runs: list[Path]) -> Iterator[Finding]:
    """Yield a finding for each file in the chains behind some files, each file once.

    Args:
        files: results of a run.
        other_runs: folders of further runs in which inputs are searched.
    """
    uses: dict[str, list[Use]] = {}
    for use in _uses([path.absolute() for path in files], other_runs):
        uses.setdefault(str(use.path or use.recorded.path), []).append(use)
    for same in uses.values():
        path, recorded, _ = same[0]
        if path is None:
            yield Finding("missing", recorded.path, _users(same))
            continue
        digest = file_sha256(path)
        known = [use for use in same if use.recorded.sha256 is not None]
        differing = [use for use in known if use.recorded.sha256 != digest]
        state = "changed" if differing else "ok" if known else "unknown"
        yield Finding(state, _name(path), _users(differing))
        if path.suffix == ".json" and state == "ok":
            yield from _granules(path)


def _uses(files: list[Path], other_runs: list[Path]) -> Iterator[Use]:
    """Yield the inputs of files, of their inputs, and so on."""
    waiting, followed = files[::-1], set(files)
    while waiting:
        user = waiting.pop()
        attributes = attributes_of(user) if user in files else _attributes_or_none(user)
        for recorded in inputs_of(attributes):
            path = find_input(recorded.path, [run_folder(user), *other_runs], attributes)
            yield Use(path, recorded, user)
            if path is not None and path not in followed:
                followed.add(path)
                waiting.append(path)


def _attributes_or_none(path: Path) -> dict[str, object]:
    """Return the attributes of an input; none of a damaged one, whose hash differs anyway."""
    try:
        return attributes_of(path)
    except GlabError:
        return {}


def _granules(manifest: Path) -> Iterator[Finding]:
    """Yield the findings of the granules that an unchanged manifest lists."""
    good = 0
    for entry in json.loads(manifest.read_text(encoding="utf-8"))["granules"]:
        path = manifest.parent / entry["name"]
        if not path.is_file():
            yield Finding("missing", _name(path))
        elif path.stat().st_size != entry["bytes"] or file_sha256(path) != entry["sha256"]:
            yield Finding("changed", _name(path))
        else:
            good += 1
    if good:
        yield Finding("ok", f"{_name(manifest.parent)}: {good} granules", number=good)


def _users(uses: list[Use]) -> tuple[str, ...]:
    return tuple(_name(use.user) for use in uses)


def _name(path: Path) -> str:
    """Return a path below the folder of its run; the whole path of a file outside of any run."""
    try:
        return path.relative_to(run_folder(path)).as_posix()
    except GlabError:
        return str(path)
