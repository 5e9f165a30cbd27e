"""Give a file or folder its name only when it is complete.

After an error or a kill no incomplete file has the name of a complete one.
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
"""Error numbers of a disk that is full, over quota, too small for the file, or read-only."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; it is renamed to `path` when the block succeeds.

    The temporary file (or folder) has its final name in a hidden folder beside `path`, whose name
    contains the process id. After an exception it is removed, and an older `path` is unchanged.
    Temporary folders of killed processes are removed by the next process that succeeds.

    Raises:
        GlabError: when the disk is full or read-only, or the folder cannot be written.
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


def _replace(new: Path, path: Path) -> None:
    """Rename a complete file or folder. An older folder is moved first: only files are replaced."""
    if not new.exists():
        raise GlabError("no file was written", path=path)
    if path.is_dir():
        os.replace(path, new.parent / "replaced")
    os.replace(new, path)


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary folders of processes that were killed while they wrote `path`."""
    temporary = re.compile(rf"\.{re.escape(path.name)}\.\d+\.tmp")
    for folder in path.parent.iterdir():
        if temporary.fullmatch(folder.name):
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder; repeat it, because threads of a failed writer may still be writing there."""
    for wait_s in (0.0, 0.1, 0.5, 2.0):
        time.sleep(wait_s)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


@contextmanager
def disk_errors(path: Path, *kinds: type[Exception]) -> Iterator[None]:
    """Raise errors of the system or of a library that writes a file as a GlabError."""
    try:
        yield
    except kinds as error:
        raise _disk_fault(error, path) from error


def _disk_fault(error: Exception, path: Path) -> GlabError:
    return GlabError(
        "cannot write the file",
        path=path,
        found=str(error),
        remedy="free space on the disk, or write to a folder with permission to write",
    )
