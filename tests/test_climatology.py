"""Seasonal cycles: analytic cases, gaps, flags, invariants, and scipy cell by cell."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from glab import io
from glab.calendar import annual_phase, days_between, days_of_year
from glab.climatology.cycles import (
    CYCLE,
    MEDIAN,
    NONE,
    check_has_data,
    cycle_variables,
    evaluate_cycle,
    fit_cycle,
    fit_cycles,
    join_tiles,
    name_series,
)
from glab.climatology.sine import ORIGIN, least_in_annulus
from glab.config import Climatology, ClimatologyOptions, Period, Series
from glab.errors import GlabError
from glab.steps.climatology import climatology as step

DAYS = days_between("2010-06-01", "2013-10-03")
PURE = ClimatologyOptions(ridge=0.0)
PUBLISHED = ClimatologyOptions(form="published")


def array(values, name="tb"):
    values = np.asarray(values, np.float32)
    dims = ("time", "cell", "channel")[: values.ndim]
    coords = {"cell": np.arange(values.shape[1], dtype=np.int32)}
    if values.ndim == 3:
        coords["channel"] = [f"c{number}" for number in range(values.shape[2])]
    return xr.DataArray(values, coords, dims, name)


def waves(days, coefficients):
    """mean + a1 cos + b1 sin + a2 cos 2 + … at each day, (time, cell)."""
    x = annual_phase(days)[:, None]
    orders = range(1, len(coefficients) // 2 + 1)
    basis = [np.ones_like(x)] + [f(n * x) for n in orders for f in (np.cos, np.sin)]
    return np.hstack(basis) @ np.asarray(coefficients, float)


def noisy(days, cells, seed=0, gaps=0.6, level=250.0, noise=3.0):
    rng = np.random.default_rng(seed)
    values = waves(days, rng.normal(0, 8, (5, cells))) + level
    values += rng.normal(0, noise, values.shape)
    values[rng.random(values.shape) < gaps] = np.nan
    return values


# --- harmonics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("harmonics", [1, 2, 3])
def test_known_harmonics_are_recovered_through_gaps(harmonics):
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 5, (1 + 2 * harmonics, 7))
    values = waves(DAYS, truth)
    values[rng.random(values.shape) < 0.9] = np.nan
    got = fit_cycle(array(values, "vod"), DAYS, ClimatologyOptions(harmonics=harmonics, ridge=0.0))
    np.testing.assert_allclose(got["vod_coefficients"].values.T, truth, atol=1e-5)
    assert (got["vod_fit"] == CYCLE).all()
    np.testing.assert_array_equal(got["vod_count"], np.isfinite(values).sum(axis=0))


def test_the_cycle_of_any_date_follows_29_february_included():
    truth = [[270.0], [12.0], [-4.0], [3.0], [1.0]]
    got = fit_cycle(array(waves(DAYS, truth)), DAYS, PURE)
    for year in (2003, 2012, 2020):
        days = days_of_year(year)
        cycle = evaluate_cycle(got, days)
        assert cycle.dims == ("time", "cell")
        assert cycle.dtype == np.float32
        np.testing.assert_allclose(cycle, waves(days, truth), atol=1e-3)


def test_channels_are_fitted_separately():
    values = np.stack([noisy(DAYS, 3, seed) for seed in range(2)], axis=2)
    got = fit_cycle(array(values), DAYS, PURE)
    assert got["tb_coefficients"].dims == ("cell", "channel", "coefficient")
    assert list(got["coefficient"].values) == ["mean", "cos_1", "sin_1", "cos_2", "sin_2"]
    alone = fit_cycle(array(values[:, :, 1]), DAYS, PURE)
    np.testing.assert_allclose(
        got["tb_coefficients"].values[:, 1], alone["tb_coefficients"].values, rtol=1e-6
    )
    assert evaluate_cycle(got, DAYS[:3]).dims == ("time", "cell", "channel")


def test_more_series_than_are_fitted_together(monkeypatch):
    values = array(noisy(DAYS, 11))
    whole = fit_cycle(values, DAYS, PURE)
    monkeypatch.setattr("glab.climatology.cycles.SERIES_AT_ONCE", 4)
    parts = fit_cycle(values, DAYS, PURE)
    xr.testing.assert_allclose(whole, parts, rtol=1e-6)
    np.testing.assert_allclose(
        evaluate_cycle(whole, DAYS[:9]), evaluate_cycle(parts, DAYS[:9]), rtol=1e-6
    )


def test_harmonics_agree_with_numpy_lstsq():
    values = noisy(DAYS, 4)
    got = fit_cycle(array(values), DAYS, PURE)["tb_coefficients"].values
    for cell in range(4):
        finite = np.isfinite(values[:, cell])
        basis = np.stack([waves(DAYS[finite], row) for row in np.eye(5)], axis=1)
        expected = np.linalg.lstsq(basis, values[finite, cell].astype(np.float32))[0]
        np.testing.assert_allclose(got[cell], expected, rtol=1e-4, atol=1e-4)


@given(seed=st.integers(0, 999), gaps=st.floats(0, 0.9), ridge=st.floats(0, 0.1))
@settings(max_examples=25, deadline=None)
def test_residuals_have_mean_zero_over_the_baseline(seed, gaps, ridge):
    values = noisy(DAYS, 3, seed, gaps)
    got = fit_cycle(array(values), DAYS, ClimatologyOptions(ridge=ridge))
    residual = values - evaluate_cycle(got, DAYS)
    np.testing.assert_allclose(np.nanmean(residual, axis=0), 0, atol=1e-3)


@given(seed=st.integers(0, 999), shift=st.floats(-50, 50), scale=st.floats(0.1, 3))
@settings(max_examples=25, deadline=None)
def test_the_cycle_moves_and_grows_with_the_values(seed, shift, scale):
    values = noisy(DAYS, 2, seed)
    plain = evaluate_cycle(fit_cycle(array(values), DAYS, ClimatologyOptions()), DAYS[::30])
    moved = evaluate_cycle(
        fit_cycle(array(shift + scale * values), DAYS, ClimatologyOptions()), DAYS[::30]
    )
    np.testing.assert_allclose(moved, shift + scale * plain, atol=5e-3)


def test_the_ridge_reduces_harmonics_only():
    values = array(noisy(DAYS, 3, gaps=0.0))
    free, held = (fit_cycle(values, DAYS, ClimatologyOptions(ridge=r)) for r in (0.0, 10.0))
    size = {k: abs(v["tb_coefficients"].values[:, 1:]).sum() for k, v in
            {"free": free, "held": held}.items()}  # fmt: skip
    assert size["held"] < 0.1 * size["free"]
    np.testing.assert_allclose(held["tb_coefficients"][:, 0], np.nanmean(values, axis=0), rtol=1e-3)


# --- too few values ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["harmonics", "published"])
def test_too_few_values_give_the_median_and_none_gives_nan(form):
    values = np.full((len(DAYS), 4), np.nan)
    values[::30, 0] = 200.0  # 41 values in twelve months
    values[:39, 1] = np.arange(200.0, 239.0)
    values[3:5, 2] = 210.0, 215.0
    got = fit_cycle(array(values), DAYS, ClimatologyOptions(form=form))
    np.testing.assert_array_equal(got["tb_fit"], [CYCLE, MEDIAN, MEDIAN, NONE])
    np.testing.assert_array_equal(got["tb_count"], [41, 39, 2, 0])
    cycle = evaluate_cycle(got, days_of_year(2016)).values
    np.testing.assert_allclose(cycle[:, 1], 219.0)
    np.testing.assert_allclose(cycle[:, 2], 212.5)
    assert np.isnan(cycle[:, 3]).all()
    assert np.isfinite(cycle[:, :3]).all()


def test_many_values_in_few_months_give_the_median():
    months = DAYS.astype("datetime64[M]").astype(int) % 12
    values = np.stack([np.where(months < n, 230.0, np.nan) for n in (7, 8)], axis=1)
    got = fit_cycle(array(values), DAYS, ClimatologyOptions())
    np.testing.assert_array_equal(got["tb_fit"], [MEDIAN, CYCLE])


def test_sparse_days_never_make_a_singular_system():
    values = np.full((len(DAYS), 1), np.nan)
    for month in np.unique(DAYS.astype("datetime64[M]")):
        values[np.flatnonzero(DAYS.astype("datetime64[M]") == month)[:2], 0] = 230.0
    got = fit_cycle(array(values), DAYS, ClimatologyOptions(harmonics=6, ridge=0.0))
    assert got["tb_fit"] == CYCLE
    np.testing.assert_allclose(evaluate_cycle(got, days_of_year(2012)), 230.0, rtol=1e-4)


# --- the published form ------------------------------------------------------------------------


def sine(days, b, a, phase, period):
    t = (days - ORIGIN).astype(float)
    return b + a * np.sin(2 * np.pi * t / period + phase)


def by_scipy(days, values, bounds):
    """Cost of the best bounded fit of one cell that scipy finds from some starts."""
    (a0, a1), (b0, b1) = bounds
    best = np.inf
    for start in np.linspace(0.3, 6.0, 4):
        inside = [np.clip(np.mean(values), b0 + 1e-3, b1 - 1e-3), (a0 + a1) / 4 + a0, start, 365.5]
        fit = least_squares(
            lambda p: sine(days, *p) - values,
            inside,
            bounds=([b0, a0, -np.pi, 365], [b1, a1, 3 * np.pi, 366]),
            x_scale=[1, 1, 0.1, 0.1],
        )
        best = min(best, 2 * fit.cost)
    return best


def test_a_known_sine_is_recovered_with_its_period():
    days = days_between("2002-06-19", "2020-12-31")
    truth = np.array([[250.0, 20.0, 1.0, 365.3], [180.0, 5.0, 4.0, 365.9], [300, 75, 6.0, 365.0]])
    values = np.stack([sine(days, *row) for row in truth], axis=1)
    values[np.random.default_rng(0).random(values.shape) < 0.7] = np.nan
    got = fit_cycle(array(values), days, PUBLISHED)
    np.testing.assert_allclose(got["tb_coefficients"], truth, atol=3e-3)
    assert (got["tb_fit"] == CYCLE).all()


@pytest.mark.parametrize(
    ("name", "level", "size", "noise"),
    [
        ("tb", 260.0, 12.0, 4.0),
        ("tb", 280.0, 0.3, 4.0),  # amplitude held at its lower bound
        ("tb", 118.0, 30.0, 4.0),  # level held at its lower bound
        ("tb", 240.0, 100.0, 4.0),  # amplitude held at its upper bound
        ("vod", 0.5, 0.1, 0.05),
        ("vod", 1.3, 0.05, 0.05),  # level above its bound, as over dense forest
        ("soil_moisture", 0.05, 0.04, 0.03),
    ],
)
def test_published_fits_are_never_worse_than_scipy(name, level, size, noise):
    rng = np.random.default_rng(3)
    days, cells = DAYS[::3], 4
    values = np.stack([sine(days, level, size, p, 365.4) for p in rng.uniform(0, 6, cells)], axis=1)
    values += rng.normal(0, noise, values.shape)
    values[rng.random(values.shape) < 0.5] = np.nan
    values[100:180, 0] = np.nan  # and a long gap
    values = values.astype(np.float32).astype(float)
    got = fit_cycle(array(values, name), days, PUBLISHED)
    bounds = PUBLISHED.amplitude_bounds[name], PUBLISHED.offset_bounds[name]
    for cell, parameters in enumerate(got[f"{name}_coefficients"].values.astype(float)):
        finite = np.isfinite(values[:, cell])
        cost = ((sine(days[finite], *parameters) - values[finite, cell]) ** 2).sum()
        assert cost <= by_scipy(days[finite], values[finite, cell], bounds) * (1 + 1e-5)
        b, a, phase, period = parameters
        slack = 1e-5 * max(abs(b), 1)
        assert bounds[0][0] - slack <= a <= bounds[0][1] + slack
        assert bounds[1][0] - slack <= b <= bounds[1][1] + slack
        assert 365 <= period <= 366
        assert 0 <= phase <= 2 * np.pi + 1e-5


def test_the_published_cycle_is_the_median_over_the_years_of_the_baseline():
    truth = 250.0, 20.0, 1.0, 365.9
    got = fit_cycle(array(sine(DAYS, *truth)[:, None]), DAYS, PUBLISHED)
    for date, number in (("2016-02-29", 59), ("2007-03-01", 59), ("2016-12-31", 365)):
        firsts = np.array([f"{year}-01-01" for year in range(2010, 2014)], "datetime64[D]")
        expected = np.median(sine(firsts + np.timedelta64(number, "D"), *truth))
        got_there = evaluate_cycle(got, np.array([date], "datetime64[D]")).item()
        assert got_there == pytest.approx(expected, abs=2e-2)


def test_the_published_cycle_repeats_from_year_to_year():
    got = fit_cycle(array(noisy(DAYS, 3)), DAYS, PUBLISHED)
    np.testing.assert_array_equal(
        evaluate_cycle(got, days_of_year(2003)), evaluate_cycle(got, days_of_year(2019))
    )


def test_a_fixed_period_is_a_bound_like_any_other():
    form = PUBLISHED.model_copy(update={"period_days": (365.25, 365.25)})
    got = fit_cycle(array(noisy(DAYS, 2)), DAYS, form)
    np.testing.assert_allclose(got["tb_coefficients"][:, 3], 365.25)


def test_published_needs_bounds_of_the_variable():
    with pytest.raises(GlabError, match="unknown variable 't_surface'"):
        fit_cycle(array(noisy(DAYS, 2), "t_surface"), DAYS, PUBLISHED)


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_the_least_value_in_an_annulus_beats_every_other_point(seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2, 2)) * rng.choice([1e-4, 1.0], (2, 1))
    q, p = root @ root.T, rng.normal(size=2) * rng.choice([0.0, 1.0, 10.0])
    radii = tuple(np.sort(rng.uniform(0, 3, 2)))
    u, v = (
        value[0] for value in least_in_annulus(*(np.array([x]) for x in (*q[[0, 0, 1], [0, 1, 1]],
                                                                       *p)), radii)
    )  # fmt: skip
    angle, radius = np.meshgrid(np.linspace(0, 2 * np.pi, 181), np.linspace(*radii, 25))
    w = np.stack([radius * np.cos(angle), radius * np.sin(angle)])

    def form(w):
        return np.einsum("i...,ij,j...->...", w, q, w) - 2 * np.tensordot(p, w, 1)

    assert radii[0] - 1e-9 <= np.hypot(u, v) <= radii[1] + 1e-9
    assert form(np.array([u, v])) <= form(w).min() + 1e-6


# --- tiles and files ---------------------------------------------------------------------------


def tile(cells, values=None):
    days = DAYS[:500]
    values = noisy(days, len(cells)) if values is None else values
    return fit_cycle(array(values).assign_coords(cell=np.array(cells, np.int32)), days, PURE)


def test_tiles_join_in_the_order_of_the_domain():
    tiles = [tile([7, 3]), tile([5, 9, 1])]
    whole = join_tiles(tiles, np.array([3, 7, 9, 5], np.int32))
    np.testing.assert_array_equal(whole["cell"], [3, 7, 9, 5])
    np.testing.assert_array_equal(
        whole["tb_coefficients"].sel(cell=9), tiles[1]["tb_coefficients"].sel(cell=9)
    )
    assert whole["tb_coefficients"].attrs["form"] == "harmonics"


def test_a_missing_tile_is_an_error():
    with pytest.raises(GlabError, match="do not cover the domain"):
        join_tiles([tile([7, 3])], np.array([3, 8], np.int32))


def test_an_empty_tile_is_legal_and_an_empty_baseline_is_not():
    empty = name_series(tile([1, 2], np.full((500, 2), np.nan)), "amsre", "amsre_years")
    assert (empty["tb_fit"] == NONE).all()
    assert np.isfinite(join_tiles([empty, tile([3])], np.array([1, 3]))["tb_coefficients"][1]).all()
    with pytest.raises(GlabError, match="'amsre' has no data .*'amsre_years' .2010…2011"):
        check_has_data(empty)


def test_a_file_of_several_variables_needs_a_name():
    values = xr.merge([array(noisy(DAYS, 2), name) for name in ("vod", "soil_moisture")])
    whole = fit_cycles(values.assign_coords(time=DAYS.astype("datetime64[ns]")), PURE)
    assert cycle_variables(whole) == ["vod", "soil_moisture"]
    assert evaluate_cycle(whole, DAYS[:2], "vod").name == "vod"
    with pytest.raises(GlabError, match="name one of them"):
        evaluate_cycle(whole, DAYS[:2])
    with pytest.raises(GlabError, match="did you mean 'vod'"):
        evaluate_cycle(whole, DAYS[:2], "vodd")


def write_world(folder, years=(2010, 2011), tiles=(0, 0, 1), missing=False):
    """Year files of a source, of the surface, and a domain; three cells."""
    cells = np.array([20, 10, 30], np.int32)
    coords = {"cell": ("cell", cells, {"compress": "y x"})}
    domain = {"tile": ("cell", np.array(tiles, np.int32)), "water_fraction": ("cell", np.zeros(3))}
    io.write(xr.Dataset(domain, coords), folder / "domain.nc", io.Provenance("domain"))
    for year in years:
        days = days_of_year(year)
        at = coords | {"time": days.astype("datetime64[ns]"), "channel": ["h", "v"]}
        values = np.stack([waves(days, [[250.0] * 3, [9, 5, 2], [0, 1, 4.0]])] * 2, axis=2)
        values[::3] = np.nan
        warm = np.full(values.shape[:2], 280.0)
        warm[:10] = 260.0
        tb = {"tb": (("time", "cell", "channel"), np.where(missing, np.nan, values))}
        surface = {"t_surface": (("time", "cell"), warm)}
        io.write(xr.Dataset(tb, at), folder / f"s/{year}.nc", io.Provenance("regrid"))
        del at["channel"]
        io.write(xr.Dataset(surface, at), folder / f"g/{year}.nc", io.Provenance("regrid"))


def settings_of(baseline=("2010-02-01", "2011-11-30"), **change):
    return Climatology(
        source="amsr2",
        baseline_name="recent",
        baseline=Period(start=baseline[0], end=baseline[1]),
        series=Series(variables=["tb"]),
        ridge=0.0,
    ).model_copy(update=change)


def run_step(folder, tile=0, years=(2010, 2011), **change):
    output = folder / f"c/{tile}.nc"
    files = {name: [folder / f"{name}/{year}.nc" for year in years] for name in "sg"}
    step(files["s"][::-1], folder / "domain.nc", output, tile, settings_of(**change), files["g"])
    return output


def test_the_step_fits_a_tile_over_the_days_of_the_baseline(tmp_path):
    write_world(tmp_path)
    files = [run_step(tmp_path, number) for number in (0, 1)]
    assert io.read(files[0])["cell"].values.tolist() == [20, 10]
    whole = join_tiles([io.read(file).load() for file in files], np.array([20, 10, 30]))
    mean, cos, sin = whole["tb_coefficients"].values[:, 0, :3].T
    np.testing.assert_allclose(mean, 250, atol=1e-2)
    np.testing.assert_allclose(cos, [9, 5, 2], atol=1e-2)
    np.testing.assert_allclose(sin, [0, 1, 4], atol=1e-2)
    in_baseline = 2 * 365 - 31 - 31
    expected = in_baseline - in_baseline // 3 - 7  # less each third day and the frozen ones
    assert abs(whole["tb_count"] - expected).max() <= 2
    assert whole["tb_fit"].attrs["flag_meanings"] == "none median cycle"
    assert whole["tb_coefficients"].attrs["baseline"] == "recent"


def test_the_step_writes_the_same_bytes_again(tmp_path):
    write_world(tmp_path)
    first = run_step(tmp_path).read_bytes()
    assert run_step(tmp_path).read_bytes() == first


@pytest.mark.parametrize(
    "arguments", [{"baseline": ("2015-01-01", "2016-12-31")}, {"years": ()}, {"missing": True}]
)
def test_a_baseline_without_data_is_an_error_and_leaves_no_file(tmp_path, arguments):
    write_world(tmp_path, tiles=(0, 0, 0), missing=arguments.pop("missing", False))
    with pytest.raises(GlabError, match=r"'amsr2' has no data in the baseline 'recent' \(20"):
        run_step(tmp_path, **arguments)
    assert not (tmp_path / "c").exists() or not list((tmp_path / "c").iterdir())


def test_an_open_baseline_takes_all_days_from_its_start(tmp_path):
    write_world(tmp_path)
    closed = io.read(run_step(tmp_path)).load()
    whole = io.read(run_step(tmp_path, baseline=("2010-02-01", None)))
    assert (whole["tb_count"] > closed["tb_count"]).all()


def test_a_year_outside_of_the_baseline_adds_nothing(tmp_path):
    write_world(tmp_path, years=(2010, 2011, 2012))
    without = io.read(run_step(tmp_path)).load()
    (tmp_path / "g/2012.nc").unlink()
    files = [tmp_path / f"g/{year}.nc" for year in (2010, 2011)]
    step(
        [tmp_path / f"s/{year}.nc" for year in (2010, 2011, 2012)], tmp_path / "domain.nc",
        tmp_path / "o.nc", 0, settings_of(), files,
    )  # fmt: skip
    assert io.read(tmp_path / "o.nc").equals(without)


def test_an_unknown_tile_is_an_error(tmp_path):
    write_world(tmp_path)
    with pytest.raises(GlabError, match="no tile 7"):
        run_step(tmp_path, 7)


def test_a_missing_surface_year_is_an_error(tmp_path):
    write_world(tmp_path)
    (tmp_path / "g/2011.nc").write_bytes((tmp_path / "g/2010.nc").read_bytes())
    with pytest.raises(GlabError, match="no surface file"):
        run_step(tmp_path)
