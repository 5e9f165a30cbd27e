"""A file or folder appears under its name only when it is complete.

What a fault or a kill interrupts leaves nothing that looks finished.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glab.errors import GlabError

DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What the operating system says of a disk that is full or read-only."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary place for `path`; it takes the name of `path` when the block succeeds.

    The temporary file (or folder) keeps its final name inside a folder beside its place that
    carries the process id. After an exception nothing is left, and what stood at `path` before
    stands there still; what a killed process left is removed by the next one that succeeds.

    Raises:
        GlabError: when the disk is full, read-only or otherwise refuses.
    """
    path = Path(path)
    folder = path.parent / f".{path.name}.{os.getpid()}.tmp"
    with disk_errors(path, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    try:
        yield folder / path.name
        with disk_errors(path, OSError):
            _replace(folder / path.name, path)
        _remove_leftovers(path)
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        raise _disk_fault(error, path) from error
    finally:
        _remove(folder)


def _replace(made: Path, path: Path) -> None:
    """Give a finished file or folder its name; an older folder is moved away, then removed."""
    if not made.exists():
        raise GlabError("nothing was written", path=path)
    if path.is_dir():
        os.replace(path, made.parent / "replaced")
    os.replace(made, path)


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary folders of processes that were killed while they wrote `path`."""
    left = re.compile(rf"\.{re.escape(path.name)}\.\d+\.tmp")
    for folder in path.parent.iterdir():
        if left.fullmatch(folder.name):
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, into which threads of a writer that broke off may go on writing a while."""
    for wait_s in (0.0, 0.1, 0.5, 2.0):
        time.sleep(wait_s)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


@contextmanager
def disk_errors(path: Path, *faults: type[Exception]) -> Iterator[None]:
    """What a writing library or the system raises, as a GlabError."""
    try:
        yield
    except faults as error:
        raise _disk_fault(error, path) from error


def _disk_fault(error: Exception, path: Path) -> GlabError:
    return GlabError(
        "cannot write the file",
        path=path,
        found=str(error),
        remedy="make room on the disk, or write where you may",
    )
