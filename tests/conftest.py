"""What all tests share: one thread a process, and the folder of real satellite files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # two workers share two cores
    os.environ.setdefault(_name, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The real run of the whole line first: it takes longest, and the rest runs beside it."""
    items.sort(key=lambda item: item.path.name != "test_line.py")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real satellite files; a test that asks for it skips where there is none."""
    folder = os.environ.get("GLAB_REAL_DATA")
    if not folder:
        pytest.skip("GLAB_REAL_DATA is not set")
    return Path(folder)
