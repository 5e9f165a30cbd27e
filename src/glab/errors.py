"""The one error class of the project."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike
from typing import Any


class GlabError(Exception):
    """A fault a person can act on: which file, which variable, found, expected, what to do.

    Args:
        message: what went wrong, in one sentence.
        path: the file it went wrong in.
        variable: the variable, setting or dimension concerned.
        found: what stands there.
        expected: what should stand there.
        remedy: what the person can do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | PathLike[str] | None = None,
        variable: str | None = None,
        found: Any = None,
        expected: Any = None,
        remedy: str | None = None,
    ) -> None:
        self.message = message
        self.path = path
        self.variable = variable
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        details = {
            "file": self.path,
            "variable": self.variable,
            "found": self.found,
            "expected": self.expected,
            "do": self.remedy,
        }
        lines = [f"  {key}: {value}" for key, value in details.items() if value is not None]
        return "\n".join([self.message, *lines])

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way back from a worker process."""
        return (_rebuild, (self.message, self.__dict__.copy()))


def _rebuild(message: str, details: dict[str, Any]) -> GlabError:
    details.pop("message", None)
    return GlabError(message, **details)


def unknown_name(kind: str, name: str, known: Iterable[str], **where: Any) -> GlabError:
    """The error for a name that is not known; it suggests the nearest that is.

    Args:
        kind: what the name should have named ("source", "setting", …).
        name: the name found.
        known: the names that would have been right.
        **where: further details for `GlabError` (for example `path`).
    """
    names = sorted(known)
    nearest = get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {nearest[0]!r}?" if nearest else "use one of the expected names"
    return GlabError(
        f"unknown {kind} {name!r}", found=name, expected=", ".join(names), remedy=remedy, **where
    )
