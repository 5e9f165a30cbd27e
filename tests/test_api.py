"""The public functions of `glab`: imported when used, not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import glab


@pytest.mark.parametrize("name", sorted(glab._PUBLIC))
def test_public_functions_are_there_and_documented(name: str) -> None:
    function = getattr(glab, name)
    assert callable(function) and function.__doc__
    assert name in dir(glab)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="quality_filter"):
        _ = glab.quality  # type: ignore[attr-defined]


def test_importing_glab_loads_no_library() -> None:
    code = "import glab, sys; print({'numpy', 'xarray', 'torch', 'numba'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
