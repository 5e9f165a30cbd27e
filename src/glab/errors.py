"""The error class of the project."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike
from typing import Any


class GlabError(Exception):
    """Report a fault that a user can act on.

    Args:
        message: the fault, in one sentence.
        path: the file concerned.
        variable: the variable, setting or dimension concerned.
        found: the value or content found.
        expected: the value or content expected.
        remedy: what the user can do about it.
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
        """Keep all details when the error returns from a worker process."""
        return (_rebuild, (self.message, self.__dict__.copy()))


def _rebuild(message: str, details: dict[str, Any]) -> GlabError:
    details.pop("message", None)
    return GlabError(message, **details)


def unknown_name(kind: str, name: str, known: Iterable[str], **where: Any) -> GlabError:
    """Return the error for an unknown name, with the nearest known name as remedy.

    Args:
        kind: kind of thing that the name denotes ("source", "setting", …).
        name: the name found.
        known: the known names.
        **where: further arguments of `GlabError`, for example `path`.
    """
    names = sorted(known)
    nearest = get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {nearest[0]!r}?" if nearest else "use one of the expected names"
    return GlabError(
        f"unknown {kind} {name!r}", found=name, expected=", ".join(names), remedy=remedy, **where
    )
