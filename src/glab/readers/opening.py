"""Native files opened for reading; every fault of a library becomes one clear `GlabError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glab.errors import GlabError

if TYPE_CHECKING:
    import h5py
    import netCDF4

SUSPECT = "the file is damaged or incomplete: fetch it again, or remove it"


@contextmanager
def reading(path: Path, kind: str, *faults: type[Exception]) -> Iterator[None]:
    """Turn what a library raises on `path` into a GlabError.

    Args:
        path: the file that is read.
        kind: what it should be ("netCDF", "HDF4", …).
        *faults: exceptions to translate beside OSError and RuntimeError.
    """
    caught: tuple[type[Exception], ...] = (OSError, RuntimeError, *faults)
    try:
        yield
    except caught as error:
        found = f"{path.stat().st_size} bytes; {error}" if path.is_file() else "no such file"
        remedy = SUSPECT if path.is_file() else "put the file in its place, or list it no longer"
        raise GlabError(
            f"cannot be read as {kind}",
            path=path,
            found=found,
            expected=f"a complete {kind} file",
            remedy=remedy,
        ) from error


@contextmanager
def open_netcdf(path: Path, content: bytes | None = None) -> Iterator[netCDF4.Dataset]:
    """A netCDF file of any flavour, values raw: neither masked nor scaled.

    Args:
        path: the file, or the archive that held `content`.
        content: the file's bytes where it was unpacked in memory.
    """
    import netCDF4

    with reading(path, "netCDF"), netCDF4.Dataset(path, memory=content) as dataset:
        dataset.set_auto_maskandscale(False)
        if dataset.data_model.startswith("NETCDF3") and content is None:
            _check_complete(dataset, path)
        yield dataset


def _check_complete(dataset: netCDF4.Dataset, path: Path) -> None:
    """Raise where a classic file ends early: the library would read zeros without a word."""
    size = sum(v.dtype.itemsize * v.size for v in dataset.variables.values())
    if path.stat().st_size < size:
        raise GlabError(
            "the file ends early",
            path=path,
            found=f"{path.stat().st_size} bytes",
            expected=f"at least {size} bytes",
            remedy=SUSPECT,
        )


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 (HDF-EOS5) file."""
    import h5py

    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        yield file


@contextmanager
def open_hdf4(path: Path) -> Iterator[Any]:
    """The scientific data sets of an HDF4 (HDF-EOS2) file, a pyhdf SD."""
    from pyhdf.error import HDF4Error
    from pyhdf.SD import SD

    with reading(path, "HDF4", HDF4Error, ValueError):
        if not path.is_file():
            raise OSError
        file = SD(str(path))
        try:
            yield file
        finally:
            file.end()
