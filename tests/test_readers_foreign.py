"""Files with any bytes in them: a reader returns a granule or raises a GlabError."""

import io
import subprocess
import sys
import tarfile
from importlib import import_module
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest

import fixtures_native as native
from glab.errors import GlabError
from glab.readers.formats import read
from test_readers_bad_input import BUILDERS

LAT, LON = 60.0 - 0.25 * np.arange(9), 20.0 + 0.25 * np.arange(7)
FAULTS = [
    OSError("file signature not found"),
    RuntimeError("NetCDF: HDF error"),
    KeyError("Unable to open object"),
    ValueError("cannot reshape array"),
    TypeError("No NumPy equivalent"),
    IndexError("list index out of range"),
    MemoryError(),
    OverflowError("value too large"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    tarfile.ReadError("not a gzip file"),
]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_everything_a_library_raises_becomes_one_error(tmp_path, monkeypatch, error):
    def failing(path, variables=None):
        raise error

    path = BUILDERS["smap_ib"](tmp_path)
    monkeypatch.setattr(import_module("glab.readers.smap_ib"), "read", failing)
    with pytest.raises(GlabError, match="cannot be read") as caught:
        read("smap_ib", path)
    assert caught.value.path == path and caught.value.remedy
    assert f"{path.stat().st_size} bytes" in caught.value.found
    assert type(error).__name__ in caught.value.found and str(error) in caught.value.found


def test_an_error_with_a_cause_passes_unchanged(tmp_path, monkeypatch):
    def failing(path):
        raise GlabError("wrong grid", path=path)

    monkeypatch.setattr(import_module("glab.readers.smap_ib"), "read", failing)
    with pytest.raises(GlabError, match="^wrong grid"):
        read("smap_ib", BUILDERS["smap_ib"](tmp_path))


def test_a_wrong_option_and_an_interrupt_are_no_faults_of_the_file(tmp_path, monkeypatch):
    path = BUILDERS["smap_ib"](tmp_path)
    with pytest.raises(TypeError, match="channels"):
        read("smap_ib", path, channels=["h"])

    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("glab.readers.smap_ib"), "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read("smap_ib", path)


# --- small files that are not as documented --------------------------------------------------


def packed_on_a_mac(folder):
    """An archive with the member `._…` that macOS adds beside each file."""
    path = BUILDERS["smos_l3"](folder, archive=True)
    with tarfile.open(path) as archive:
        member = archive.getmembers()[0]
        content = archive.extractfile(member).read()
    with tarfile.open(path, "w:gz") as archive:
        for name, data in ((f"._{Path(member.name).name}", b"\0\5\26\7"), (member.name, content)):
            added = tarfile.TarInfo(name)
            added.size = len(data)
            archive.addfile(added, io.BytesIO(data))
    return "smos_l3", path


def era5_with_two_time_axes(folder):
    path = folder / "era5_2010-06-01_both.nc"
    times = ("valid_time", 3600 * np.arange(3), "seconds since 2010-06-01")
    field = np.full((3, LAT.size, LON.size), 280.0)
    dims = ("valid_time", "lat", "lon")
    native.plain(path, LAT, LON, {"stl1": field}, dims, times=times)
    with netCDF4.Dataset(path, "a") as file:
        file.createDimension("time", 1)
        axis = file.createVariable("time", "f8", ("time",))
        axis.units = "hours since 2010-05-31"
        axis[:] = 0
    return "era5", path


def era5_with_a_gap_in_its_times(folder):
    path = folder / "era5_2010-06-01.nc"
    times = ("time", [0.0, np.nan, 2.0], "hours since 2010-06-01")
    field = np.full((3, LAT.size, LON.size), 280.0)
    native.plain(path, LAT, LON, {"stl1": field}, ("time", "lat", "lon"), times=times)
    return "era5", path


def cetb_of_version_2(folder):
    path = BUILDERS["cetb"](folder)
    name = "NSIDC0630_GRD_EASE2_N25km_AQUA_AMSRE_E_18H_20081004_2405141704_v2.0.nc"
    return "cetb", path.rename(folder / name)


def vodca_of_version_2(folder):
    path = folder / "VODCA_CXKu_2008-07-05.nc"
    return "vodca", native.plain(path, LAT, LON, {"VODCA_CXKu": np.ones((LAT.size, LON.size))})


def amsr2_with_a_name_in_latin_1(folder):
    path = BUILDERS["amsr2"](folder)
    with h5py.File(path, "a") as file:
        table = next(iter(file["HDFEOS/POINTS"].values()))["Data"]
        table.move("Combined NPD and SCA Output Fields", b"Felder f\xfcr Land")
    return "amsr2", path


def smap_with_text_for_numbers(folder):
    path = BUILDERS["smap_l3"](folder)
    with h5py.File(path, "a") as file:
        group = file["Soil_Moisture_Retrieval_Data_AM"]
        del group["tb_h_corrected"]
        group["tb_h_corrected"] = np.full(native.SHAPE, b"n/a")
    return "smap_l3", path


CASES = [
    packed_on_a_mac,
    era5_with_two_time_axes,
    era5_with_a_gap_in_its_times,
    cetb_of_version_2,
    vodca_of_version_2,
    amsr2_with_a_name_in_latin_1,
    smap_with_text_for_numbers,
]


@pytest.mark.parametrize("build", CASES, ids=lambda build: build.__name__)
def test_a_file_that_is_not_as_documented_is_read_or_set_aside(tmp_path, build):
    format_name, path = build(tmp_path)
    try:
        granule = read(format_name, path)
    except GlabError as error:
        assert error.remedy and path.name in str(error)
    else:
        assert granule.data_vars


FLIP = """
import sys
from pathlib import Path
import numpy as np
from glab.errors import GlabError
from glab.readers.formats import read

name, good, folder, seed = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
content, rng = np.frombuffer(good.read_bytes(), np.uint8), np.random.default_rng(seed)
for number in range(60):
    flipped = content.copy()
    end = content.size if number % 2 else min(content.size, 4096)  # half of them in the header
    where = rng.integers(0, end, rng.choice([1, 3, 10, 30]))
    flipped[where] = rng.integers(0, 256, where.size)
    path = folder / str(number) / good.name
    path.parent.mkdir()
    path.write_bytes(flipped.tobytes())
    try:
        read(name, path)
    except GlabError:
        print("set aside")
    else:
        print("read")
"""


@pytest.mark.parametrize("format_name", ["smos_ic", "smap_l3", "cetb", "casm"])
def test_flipped_bytes_are_read_or_set_aside(tmp_path, format_name):
    """In a process of its own, which the C libraries may end.

    They do end it for some bytes of HDF4 (AMSR-E) and of compound tables (AMSR2), where no Python
    code can catch the fault; so these formats are not tested here.
    """
    path = BUILDERS[format_name](tmp_path)
    command = [sys.executable, "-c", FLIP, format_name, str(path), str(tmp_path), "12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines().count("set aside") > 0
    assert len(done.stdout.splitlines()) == 60
