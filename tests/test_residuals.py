"""Residuals: value − cycle, missing where either is."""

import numpy as np
import pytest
import xarray as xr

from glab import io
from glab.calendar import days_of_year
from glab.climatology.cycles import fit_cycles
from glab.climatology.residuals import subtract_cycle
from glab.config import ClimatologyOptions, Residuals, Series
from glab.errors import GlabError
from glab.steps.residuals import residuals as step
from test_climatology import run_step, waves, write_world

DAYS = days_of_year(2012)


def a_series(**names):
    coords = {"time": DAYS.astype("datetime64[ns]"), "cell": np.arange(3, dtype=np.int32)}
    return xr.Dataset({n: (("time", "cell"), np.float32(v)) for n, v in names.items()}, coords)


def test_the_rest_of_the_values_is_the_residual():
    cycle = waves(DAYS, [[250.0, 260, 270], [9, 5, 2], [0, 1, 4]])
    anomaly = np.random.default_rng(0).normal(size=cycle.shape)
    climatology = fit_cycles(a_series(tb=cycle), ClimatologyOptions(ridge=0.0))
    got = subtract_cycle(a_series(tb=cycle + anomaly), climatology)
    assert list(got.data_vars) == ["tb_residual"]
    np.testing.assert_allclose(got["tb_residual"], anomaly, atol=1e-3)
    assert got["tb_residual"].dtype == np.float32


def test_missing_values_and_missing_cycles_are_missing():
    values = np.full((len(DAYS), 3), 1.0)
    values[:, 2] = np.nan
    climatology = fit_cycles(a_series(vod=values), ClimatologyOptions())
    values[:, 2] = 1.0
    values[5, 0] = np.nan
    got = subtract_cycle(a_series(vod=values), climatology)["vod_residual"]
    assert np.isnan(got[:, 2]).all()
    assert np.isnan(got[5, 0])
    assert np.isnan(got).sum() == len(DAYS) + 1


def test_a_variable_without_a_cycle_is_an_error():
    values = np.ones((len(DAYS), 3))
    climatology = fit_cycles(a_series(vod=values), ClimatologyOptions())
    with pytest.raises(GlabError, match="unknown variable 'tb'"):
        subtract_cycle(a_series(tb=values), climatology)


def run_residuals(folder, year=2012):
    tiles = [run_step(folder, number, years=(2010, 2011)) for number in (0, 1)]
    settings = Residuals(series=Series(variables=["tb"]))
    step(
        folder / f"s/{year}.nc", tiles, folder / "domain.nc", folder / "r.nc", settings,
        [folder / f"g/{year}.nc"],
    )  # fmt: skip
    return folder / "r.nc"


def test_the_step_writes_every_day_of_its_year(tmp_path):
    write_world(tmp_path, years=(2010, 2011, 2012))
    path = run_residuals(tmp_path)
    got = io.read(path)
    assert list(got.data_vars) == ["tb_residual"]
    assert got["tb_residual"].dims == ("time", "cell", "channel")
    np.testing.assert_array_equal(got["time"].values.astype("datetime64[D]"), DAYS)
    np.testing.assert_array_equal(got["cell"], [20, 10, 30])
    finite = np.isfinite(got["tb_residual"].values)
    assert not finite[:10].any()  # frozen
    np.testing.assert_array_equal(finite[10:, 0, 0], np.arange(10, 366) % 3 != 0)
    np.testing.assert_allclose(got["tb_residual"].values[finite], 0, atol=0.03)
    first = path.read_bytes()
    assert run_residuals(tmp_path).read_bytes() == first


def test_a_faulty_input_leaves_no_file(tmp_path):
    write_world(tmp_path, years=(2010, 2011, 2012))
    (tmp_path / "g/2012.nc").write_bytes(b"no netCDF")
    with pytest.raises(GlabError, match="not a readable"):
        run_residuals(tmp_path)
    assert not (tmp_path / "r.nc").exists()
