"""The writer: atomic, reproducible, checked, streaming."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from glab import io
from glab.calendar import days_of_year, time_blocks
from glab.errors import GlabError
from glab.io.encoding import FILL

DAYS = days_of_year(2012)
PROVENANCE = io.Provenance("regrid", {"b": 1, "a": [2.5]}, [Path(__file__)], ["doi:x"])


def year(cells: int = 5, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    tb = rng.uniform(180, 300, (len(DAYS), cells, 2)).astype(np.float32)
    tb[rng.random(tb.shape) < 0.3] = np.nan
    return xr.Dataset(
        {
            "tb": (("time", "cell", "channel"), tb),
            "count": (("time", "cell"), rng.integers(0, 9, (len(DAYS), cells), dtype=np.int16)),
            "clay": ("cell", rng.random(cells, dtype=np.float32)),
        },
        {
            "time": DAYS,
            "cell": ("cell", np.arange(cells, dtype=np.int32), {"compress": "y x"}),
            "channel": ["h", "v"],
        },
    )


def blocks(dataset: xr.Dataset, length: int = 31) -> list[xr.Dataset]:
    return [dataset.isel(time=part) for part in time_blocks(dataset["time"].values, length)]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- round trip and packing ---


def test_work_file_comes_back_within_half_a_packing_step(tmp_path):
    dataset = year()
    io.write(dataset, tmp_path / "a.nc", PROVENANCE)
    with io.read(tmp_path / "a.nc") as back:
        assert np.array_equal(np.isnan(back["tb"]), np.isnan(dataset["tb"]))
        assert float(np.abs(back["tb"] - dataset["tb"]).max()) <= 0.005 + 1e-4
        assert back["tb"].dtype == np.float32
        assert np.array_equal(back["count"], dataset["count"])
        assert back["count"].dtype == np.int16
        assert np.array_equal(back["time"].values.astype("datetime64[D]"), DAYS)
        assert list(back["channel"].values) == ["h", "v"]
        assert back["cell"].attrs["compress"] == "y x"
        assert back["tb"].attrs["units"] == "K"


def test_a_packed_file_rewritten_from_itself_does_not_drift(tmp_path):
    io.write(year(), tmp_path / "a.nc", PROVENANCE)
    with io.read(tmp_path / "a.nc") as once:
        io.write(once.load(), tmp_path / "b" / "a.nc", PROVENANCE)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b" / "a.nc").read_bytes()


def test_product_style_keeps_float32_exactly(tmp_path):
    dataset = year()[["tb"]]
    io.write(dataset, tmp_path / "a.nc", PROVENANCE, style=io.PRODUCT)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["tb"].dtype == np.float32
        assert file["tb"].filters()["zlib"] and not file["tb"].filters()["zstd"]
        assert list(file["tb"].valid_range) == [0.0, 400.0]
        assert np.isnan(file["tb"]._FillValue)
    with io.read(tmp_path / "a.nc") as back:
        assert np.array_equal(back["tb"], dataset["tb"], equal_nan=True)


def test_chunks_are_a_month_and_a_tile(tmp_path):
    io.write(year(), tmp_path / "a.nc", PROVENANCE)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["tb"].chunking() == [31, 5, 2]
        assert file["tb"].dtype == np.int16
        assert file["tb"]._FillValue == FILL


def test_whole_numbers_with_gaps_get_a_missing_value(tmp_path):
    flags = xr.Dataset({"scene_flags": ("cell", np.array([1.0, np.nan, 3.0], np.float32))})
    io.write(flags, tmp_path / "a.nc", PROVENANCE)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["scene_flags"].dtype == np.int16
        assert list(file["scene_flags"].flag_masks) == [1, 2, 4, 8]
        assert file["scene_flags"][:].mask.tolist() == [False, True, False]


def test_a_gap_that_comes_late_to_whole_numbers_is_refused(tmp_path):
    first, second = blocks(year()[["count"]].isel(time=slice(0, 62)))
    second = second.astype(np.float32)
    second["count"][0, 0] = np.nan
    with pytest.raises(GlabError, match="missing value in a variable whose first block"):
        io.write_blocks([first, second], tmp_path / "a.nc", PROVENANCE, time=DAYS[:62])


def test_time_bounds_have_no_unit_of_their_own(tmp_path):
    bounds = np.stack([DAYS, DAYS + 18], axis=1)
    dataset = xr.Dataset(
        {"time_bnds": (("time", "nv"), bounds), "count": ("time", np.ones(366, np.int16))},
        {"time": ("time", DAYS, {"bounds": "time_bnds"})},
    )
    io.write(dataset, tmp_path / "a.nc", PROVENANCE)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["time_bnds"].ncattrs() == []
        assert file["time"].ncattrs().count("_FillValue") == 0
    with io.read(tmp_path / "a.nc") as back:
        assert np.array_equal(back["time_bnds"].values.astype("datetime64[D]"), bounds)


# --- what cannot be ---


@pytest.mark.parametrize("value", [-1.0, 401.0, np.inf, -np.inf])
def test_values_outside_of_the_physical_range_are_refused(tmp_path, value):
    dataset = year()
    dataset["tb"][3, 2, 1] = value
    with pytest.raises(GlabError, match="valid range") as fault:
        io.write(dataset, tmp_path / "a.nc", PROVENANCE)
    assert fault.value.variable == "tb"
    assert str(tmp_path / "a.nc") in str(fault.value)
    assert leftovers(tmp_path) == []


def test_an_infinite_residual_is_refused_though_residuals_have_no_range(tmp_path):
    dataset = xr.Dataset({"VOD_residual": ("cell", np.array([-3.0, np.inf], np.float32))})
    with pytest.raises(GlabError, match="valid range"):
        io.write(dataset, tmp_path / "a.nc", PROVENANCE, style=io.PRODUCT)


def test_a_residual_beyond_sixteen_bits_is_refused(tmp_path):
    dataset = xr.Dataset({"tb_residual": ("cell", np.array([0.0, 400.0], np.float32))})
    with pytest.raises(GlabError, match="does not fit the packing"):
        io.write(dataset, tmp_path / "a.nc", PROVENANCE)


def test_an_undeclared_variable_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(GlabError, match="did you mean 'soil_moisture'"):
        io.write(xr.Dataset({"soil_moistur": ("cell", [0.1])}), tmp_path / "a.nc", PROVENANCE)
    assert leftovers(tmp_path) == []


def test_no_block_at_all_is_refused(tmp_path):
    with pytest.raises(GlabError, match="there is no block"):
        io.write_blocks([], tmp_path / "a.nc", PROVENANCE, time=DAYS)
    assert leftovers(tmp_path) == []


# --- streaming ---


@pytest.mark.parametrize("length", [1, 31, 73, 366])
def test_streaming_in_blocks_gives_the_values_of_the_whole(tmp_path, length):
    dataset = year()
    io.write(dataset, tmp_path / "whole.nc", PROVENANCE)
    parts = blocks(dataset, length)
    io.write_blocks(iter(parts), tmp_path / "parts.nc", PROVENANCE, time=DAYS)
    with io.read(tmp_path / "whole.nc") as whole, io.read(tmp_path / "parts.nc") as streamed:
        xr.testing.assert_identical(whole.load(), streamed.load())


def test_days_that_no_block_brings_are_missing_and_their_counts_zero(tmp_path):
    dataset = year()
    some = [block for number, block in enumerate(blocks(dataset)) if number not in (2, 5)]
    io.write_blocks(some, tmp_path / "a.nc", PROVENANCE, time=DAYS)
    with io.read(tmp_path / "a.nc") as back:
        gap = back.isel(time=slice(62, 93))
        assert np.isnan(gap["tb"]).all() and (gap["count"] == 0).all()
        rest = back.isel(time=slice(0, 62))
        assert np.array_equal(rest["count"], dataset["count"][:62])


def test_a_block_off_the_time_axis_is_refused(tmp_path):
    stray = year().isel(time=slice(0, 31)).assign_coords(time=DAYS[:31] + 400)
    with pytest.raises(GlabError, match="does not fit the time axis"):
        io.write_blocks([stray], tmp_path / "a.nc", PROVENANCE, time=DAYS)
    holes = year().isel(time=[0, 2, 3])
    with pytest.raises(GlabError, match="does not fit the time axis"):
        io.write_blocks([holes], tmp_path / "a.nc", PROVENANCE, time=DAYS)
    assert leftovers(tmp_path) == []


def test_a_block_unlike_the_first_is_refused(tmp_path):
    first, second = blocks(year())[:2]
    for odd in (second.isel(cell=slice(0, 3)), second.rename(tb="tb_std")):
        with pytest.raises(GlabError, match="differs from the first"):
            io.write_blocks([first, odd], tmp_path / "a.nc", PROVENANCE, time=DAYS)
    assert leftovers(tmp_path) == []


# --- atomic and reproducible ---


def test_a_rewrite_gives_the_same_bytes(tmp_path):
    for folder in "ab":
        io.write(year(), tmp_path / folder / "x.nc", PROVENANCE)
    assert (tmp_path / "a" / "x.nc").read_bytes() == (tmp_path / "b" / "x.nc").read_bytes()


def test_the_same_bytes_in_another_process_with_another_hash_seed(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]);"
        "from test_io import year, PROVENANCE, io; from pathlib import Path;"
        "io.write(year(), Path(sys.argv[1]), PROVENANCE)"
    )
    for seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": seed}
        arguments = [str(tmp_path / seed / "x.nc"), str(Path(__file__).parent)]
        subprocess.run([sys.executable, "-c", code, *arguments], env=environment, check=True)
    assert (tmp_path / "1" / "x.nc").read_bytes() == (tmp_path / "2" / "x.nc").read_bytes()


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.nc"
    io.write(year(), path, PROVENANCE)
    before = path.read_bytes()

    def failing():
        yield blocks(year())[0]
        raise ValueError("the stage broke")

    with pytest.raises(ValueError, match="the stage broke"):
        io.write_blocks(failing(), path, PROVENANCE, time=DAYS)
    assert path.read_bytes() == before
    assert leftovers(tmp_path) == ["a.nc"]


def test_a_runtime_error_of_the_stage_is_not_taken_for_a_disk_fault(tmp_path):
    def failing():
        yield blocks(year())[0]
        raise RuntimeError("out of device memory")

    with pytest.raises(RuntimeError, match="device memory"):
        io.write_blocks(failing(), tmp_path / "a.nc", PROVENANCE, time=DAYS)
    assert leftovers(tmp_path) == []


def test_the_name_appears_only_when_the_file_is_complete(tmp_path):
    path = tmp_path / "a.nc"

    def watching():
        for block in blocks(year()):
            assert not path.exists()
            yield block

    io.write_blocks(watching(), path, PROVENANCE, time=DAYS)
    assert path.exists()


def test_a_folder_replaces_an_older_folder(tmp_path):
    for content in ("old", "new"):
        with io.atomic_path(tmp_path / "store.zarr") as place:
            place.mkdir()
            (place / content).write_text(content)
    assert leftovers(tmp_path) == ["store.zarr"]
    assert leftovers(tmp_path / "store.zarr") == ["new"]


def test_what_a_killed_process_left_goes_with_the_next_that_succeeds(tmp_path):
    for name in (".a.nc.1234.tmp", ".b.nc.99.tmp", ".a.nc.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.nc").write_text("half")
    with pytest.raises(RuntimeError), io.atomic_path(tmp_path / "a.nc"):
        raise RuntimeError("stage failed")
    assert ".a.nc.1234.tmp" in leftovers(tmp_path)
    with io.atomic_path(tmp_path / "a.nc") as place:
        place.write_text("whole")
    assert leftovers(tmp_path) == [".a.nc.old", ".b.nc.99.tmp", "a.nc"]


def test_a_block_that_writes_nothing_is_a_fault(tmp_path):
    with pytest.raises(GlabError, match="no file was written"), io.atomic_path(tmp_path / "a"):
        pass
    assert leftovers(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for path in (tmp_path / "file" / "a.nc", Path("/proc/glab/a.nc")):
        with pytest.raises(GlabError, match="cannot write") as fault:
            io.write(year(), path, PROVENANCE)
        assert str(path) in str(fault.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_while_writing_is_told(tmp_path, number):
    with pytest.raises(GlabError, match="cannot write"), io.atomic_path(tmp_path / "page.html"):
        raise OSError(number, os.strerror(number))
    assert leftovers(tmp_path) == []


def test_a_file_missing_while_writing_another_keeps_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError), io.atomic_path(tmp_path / "a"):
        (tmp_path / "absent").read_text()


def test_netcdf_on_a_disk_that_fills_up_gives_an_error_and_no_file(tmp_path):
    """A limit on the file size stands for a full disk: the library fails in the same place."""
    code = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[2]);"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from test_io import year, PROVENANCE, io; from pathlib import Path;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));\n"
        "try: io.write(year(2000), Path(sys.argv[1]), PROVENANCE)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    arguments = [str(tmp_path / "a.nc"), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("GlabError cannot write the file")
    assert leftovers(tmp_path) == []


# --- reading ---


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(GlabError, match="file not found"):
        io.read(tmp_path / "a.nc")


def test_a_source_that_breaks_while_it_is_copied_is_named(tmp_path):
    io.write(year(4000), tmp_path / "a.nc", PROVENANCE)
    content = (tmp_path / "a.nc").read_bytes()
    with io.read(tmp_path / "a.nc") as source:
        os.truncate(tmp_path / "a.nc", len(content) // 2)
        with pytest.raises(GlabError, match="cannot read") as fault:
            io.write(source, tmp_path / "b.nc", PROVENANCE)
    assert "a.nc" in str(fault.value)
    assert leftovers(tmp_path) == ["a.nc"]


@pytest.mark.parametrize("content", [b"", b"not netCDF at all", b"\x89HDF\r\n\x1a\n" + b"\0" * 90])
def test_a_file_that_is_no_netcdf_is_named(tmp_path, content):
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(GlabError, match="not a readable netCDF file") as fault:
        io.read(tmp_path / "a.nc")
    assert "a.nc" in str(fault.value)
