"""What all tests share: one thread a process, and the folder of real satellite files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # two workers share two cores
    os.environ.setdefault(_name, "1")


LONGEST = ("test_line.py", "test_faults.py", "test_rebuild.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real runs of the whole line first: they take longest, and the rest runs beside them."""
    items.sort(key=lambda item: (*LONGEST, item.path.name).index(item.path.name))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real satellite files; a test that asks for it skips where there is none."""
    folder = os.environ.get("GLAB_REAL_DATA")
    if not folder:
        pytest.skip("GLAB_REAL_DATA is not set")
    return Path(folder)
