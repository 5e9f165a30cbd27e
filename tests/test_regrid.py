"""Regridding: weights against a naive peer, gaps, conservation, interpolation, backends."""

import sys
import types

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from scipy import sparse

from glab.errors import GlabError
from glab.grids import EASE1_ML, M09, M25, M36, CurvilinearGrid, ProjectedGrid, from_edges, regular
from glab.regrid.regridder import regridder
from glab.regrid.weights import Cells, separable_weights

EUROPE = M25.window(slice(80, 110), slice(690, 730))
SOURCES = {
    "0.25": regular(0.25).window(slice(140, 220), slice(690, 790)),
    "south_up": regular(0.25, south_up=True).window(slice(500, 580), slice(690, 790)),
    "EASE-1": EASE1_ML.window(slice(78, 115), slice(680, 740)),
    "M36": M36.window(slice(54, 80), slice(478, 510)),
    "M09": M09.window(slice(215, 310), slice(1915, 2030)),
}


def lengths(low, high, source):
    return np.maximum(np.minimum(high, source[:, 1]) - np.maximum(low, source[:, 0]), 0)


def naive(source, target):
    """Shared areas by the definition, one target row and column at a time."""
    sin = _sin_authalic_by_geod(source.lat_bounds), _sin_authalic_by_geod(target.lat_bounds)
    rows = np.array([lengths(*pair, sin[0]) / np.ptp(pair) for pair in sin[1]])
    cols = [
        sum(lengths(*(pair + turn), source.lon_bounds) for turn in (-360, 0, 360)) / np.ptp(pair)
        for pair in target.lon_bounds
    ]
    return rows, np.array(cols)


def _sin_authalic_by_geod(lat):
    """Share of a hemisphere's area south of each latitude, by PROJ's geodesic polygons."""
    geod = Geod(ellps="WGS84")

    def zone(phi):
        lon = np.linspace(0, 1, 101)
        ring = np.r_[np.zeros(lon.size), np.full(lon.size, phi)]
        return geod.polygon_area_perimeter(np.r_[lon, lon[::-1]], ring)[0]

    pole = abs(zone(90.0))
    return np.vectorize(lambda phi: np.copysign(abs(zone(phi)) / pole, phi))(lat)


@pytest.mark.parametrize("name", SOURCES)
def test_weights_are_the_shared_areas(name):
    weights = separable_weights(SOURCES[name], EUROPE)
    rows, cols = naive(SOURCES[name], EUROPE)
    np.testing.assert_allclose(weights.y.dense(), rows, atol=2e-5)
    np.testing.assert_allclose(weights.x.dense(), cols, atol=2e-6)


@pytest.mark.parametrize("name", SOURCES)
def test_gap_aware_mean_against_dense_matrices(name):
    rng = np.random.default_rng(1)
    source = SOURCES[name]
    fields = rng.normal(270, 20, (3, *source.shape)).astype("f4")
    fields[rng.random(fields.shape) < 0.6] = np.nan
    rows, cols = (band.dense() for band in vars(separable_weights(source, EUROPE)).values())
    valid = np.isfinite(fields)
    top = rows @ np.where(valid, fields, 0).astype(float) @ cols.T
    bottom = rows @ valid.astype(float) @ cols.T
    expected = np.where(bottom >= 0.3, top / np.maximum(bottom, 1e-9), np.nan)
    result = regridder(source, EUROPE, valid_fraction_min=0.3)(fields)
    np.testing.assert_allclose(result, expected, atol=2e-4)
    row, col = np.unravel_index(rng.permutation(1200)[:200], EUROPE.shape)
    cells = regridder(source, EUROPE, cells=Cells(row, col), valid_fraction_min=0.3)(fields)
    np.testing.assert_array_equal(cells, result[:, row, col])


@pytest.mark.parametrize(
    ("source", "target"),
    [(regular(1.0), M36), (M36, regular(1.0)), (EASE1_ML, M25), (regular(0.25), M25)],
    ids=lambda grid: repr(grid),
)
def test_the_area_mean_of_a_full_field_is_kept(source, target):
    rng = np.random.default_rng(2)
    field = (270 + 20 * rng.standard_normal(source.shape)).astype("f4")
    bands = separable_weights(source, target)
    covered = np.outer(bands.y.weight.sum(1), bands.x.weight.sum(1)) * target.areas()
    # what the target sees of each source cell, by the same areas on the source's side
    back = separable_weights(target, source)
    seen = np.outer(back.y.weight.sum(1), back.x.weight.sum(1)) * source.areas()
    result = regridder(source, target, valid_fraction_min=0.0)(field).astype(float)
    kept = np.nansum(result * covered) / covered.sum()
    assert kept == pytest.approx((field.astype(float) * seen).sum() / seen.sum(), abs=2e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    fraction=st.floats(0, 1),
    method=st.sampled_from(["conservative", "bilinear"]),
)
def test_results_stay_within_the_range_of_the_values(seed, fraction, method):
    rng = np.random.default_rng(seed)
    source = SOURCES["M36"]
    field = rng.uniform(100, 300, source.shape).astype("f4")
    field[rng.random(field.shape) < fraction] = np.nan
    result = regridder(source, EUROPE, method, valid_fraction_min=0.0)(field)
    finite = result[np.isfinite(result)]
    if finite.size:
        assert np.nanmin(field) * (1 - 1e-6) <= finite.min()
        assert finite.max() <= np.nanmax(field) * (1 + 1e-6)


@pytest.mark.parametrize("method", ["conservative", "bilinear", "nearest"])
def test_orientation_and_turn_of_longitude_do_not_matter(method):
    field = np.random.default_rng(3).random((90, 120)).astype("f4")
    lat, lon = np.linspace(90, -90, 91), np.linspace(-180, 180, 121)
    plain = regridder(from_edges(lat, lon), EUROPE, method)(field)
    turned = from_edges(lat[::-1], lon + 180.0)
    again = regridder(turned, EUROPE, method)(np.roll(field[::-1], 60, axis=1))
    np.testing.assert_allclose(again, plain, atol=1e-6)


def test_cells_across_the_date_line_see_both_sides():
    source = from_edges([-1, 1], np.linspace(-180, 180, 37))
    target = from_edges([-1, 1], [175, 185])
    field = np.zeros(source.shape, "f4")
    field[0, 0], field[0, -1] = 10, 20
    assert regridder(source, target)(field).item() == pytest.approx(15)


def test_a_cell_is_missing_where_too_little_of_it_was_seen():
    source, target = from_edges([0, 1], [0, 1, 2, 3, 4]), from_edges([0, 1], [0, 4])
    field = np.array([[5, np.nan, np.nan, np.nan]], "f4")
    assert regridder(source, target, valid_fraction_min=0.25)(field).item() == 5
    assert np.isnan(regridder(source, target, valid_fraction_min=0.26)(field).item())
    half = from_edges([0, 1], [2, 6])  # half of it lies outside of the source
    full = np.ones((1, 4), "f4")
    assert regridder(source, half, valid_fraction_min=0.5)(full).item() == 1
    assert np.isnan(regridder(source, half, valid_fraction_min=0.51)(full).item())
    assert np.isnan(regridder(source, from_edges([5, 6], [0, 4]))(full)).all()


def test_bilinear_is_exact_for_a_plane_and_goes_around_the_globe():
    source = regular(1.0)
    lat, lon = np.meshgrid(source.lat, source.lon, indexing="ij")
    result = regridder(source, EUROPE, "bilinear")((lat + 2 * lon).astype("f4"))
    expected = EUROPE.lat[:, None] + 2 * EUROPE.lon[None, :]
    np.testing.assert_allclose(result, expected, atol=2e-4)
    edge = from_edges([0, 1], [179.9, 180.1])
    wave = np.broadcast_to(np.abs(lon), source.shape).astype("f4")
    assert regridder(source, edge, "bilinear")(wave).item() == pytest.approx(179.5, abs=1e-3)


def test_bilinear_ends_with_the_outermost_cells():
    source = from_edges([0, 1, 2], [0, 1, 2])
    target = from_edges([0.9, 1.1], [-1.2, -0.8, 0.2, 1.0, 1.8, 2.6])
    result = regridder(source, target, "bilinear")(np.array([[0, 1], [0, 1]], "f4"))[0]
    assert np.isnan(result[[0, 4]]).all()
    np.testing.assert_allclose(result[1:4], [np.nan, 0.1, 0.9], atol=1e-5)
    one = M25.window(slice(5, 6), slice(7, 8))
    assert regridder(one, one, "bilinear")(np.full((1, 1), 4.0)).item() == 4


def test_flags_come_from_the_cell_that_holds_the_centre():
    flags = np.arange(M36.shape[0] * M36.shape[1], dtype="f4").reshape(M36.shape)
    result = regridder(M36, EUROPE, "nearest")(flags)
    row, col = M36.index(*np.meshgrid(EUROPE.lat, EUROPE.lon, indexing="ij"))
    np.testing.assert_array_equal(result, flags[row, col])


def polar(hemisphere):
    metres = (np.arange(720) - 359.5) * 25000.0
    return ProjectedGrid(metres, -metres, {"N": "EPSG:6931", "S": "EPSG:6932"}[hemisphere])


@pytest.mark.parametrize("hemisphere", ["N", "S"])
def test_projected_sources_are_interpolated_in_their_own_metres(hemisphere):
    grid = polar(hemisphere)
    x, y = np.meshgrid(grid.x, grid.y)
    field = (x * 1e-5 + y * 2e-5).astype("f4")
    row, col = np.array([40, 110, 470, 540]), np.array([713, 3, 900, 1380])
    result = regridder(grid, M25, "bilinear", cells=Cells(row, col))(field)
    north = M25.lat[row] > 0
    seen = north if hemisphere == "N" else ~north
    x, y = grid.project(M25.lat[row], M25.lon[col])
    np.testing.assert_allclose(result[seen], (x * 1e-5 + y * 2e-5)[seen], atol=1e-4)
    lat, lon = grid.centres()
    i, j = 300, 410
    one = regridder(grid, from_edges(lat[i, j] + [-0.01, 0.01], lon[i, j] + [-0.01, 0.01]),
                    "nearest")(field)  # fmt: skip
    assert one.item() == pytest.approx(field[i, j])


def test_a_gap_in_a_projected_source_is_left_out():
    grid = polar("N")
    field = np.full(grid.shape, 3.0, "f4")
    field[::2] = np.nan
    window = M25.window(slice(60, 90), slice(600, 640))
    result = regridder(grid, window, "bilinear", valid_fraction_min=0.0)(field)
    assert result.shape == window.shape
    np.testing.assert_allclose(result[np.isfinite(result)], 3.0, rtol=1e-6)
    assert np.isnan(regridder(grid, window, "bilinear", valid_fraction_min=0.9)(field)).any()


def test_requests_that_cannot_be_met_are_refused():
    lat, lon = polar("N").centres()
    swath = CurvilinearGrid(lat[:9, :9], lon[:9, :9])
    with pytest.raises(GlabError, match="conservativ"):
        regridder(EUROPE, EUROPE, "conservativ")
    with pytest.raises(GlabError, match="separable"):
        regridder(EUROPE, EUROPE, backend="seperable")
    with pytest.raises(GlabError, match="xesmf"):
        regridder(swath, EUROPE, "bilinear")
    with pytest.raises(GlabError, match="bilinear"):
        regridder(polar("N"), EUROPE, "conservative")
    with pytest.raises(GlabError, match="not on its grid"):
        regridder(EUROPE, EUROPE)(np.zeros((3, 3)))


def test_the_number_of_threads_does_not_change_a_byte():
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread only")
    fields = np.random.default_rng(4).normal(270, 20, (8, *SOURCES["M09"].shape)).astype("f4")
    apply, before = regridder(SOURCES["M09"], EUROPE), numba.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(apply(fields).tobytes())
    finally:
        numba.set_num_threads(before)
    assert results[0] == results[1]


# --- the xesmf backend -------------------------------------------------------------------------


def test_xesmf_agrees_where_it_is_installed():
    pytest.importorskip("xesmf", reason="ESMF is not installed (conda only)", exc_type=ImportError)
    field = np.random.default_rng(5).normal(270, 5, SOURCES["0.25"].shape).astype("f4")
    ours = regridder(SOURCES["0.25"], EUROPE)(field)
    theirs = regridder(SOURCES["0.25"], EUROPE, backend="xesmf")(field)
    np.testing.assert_allclose(theirs, ours, atol=0.02)
    lat, lon = np.meshgrid(EUROPE.lat, EUROPE.lon, indexing="ij")
    swath = regridder(CurvilinearGrid(lat, lon), EUROPE, "bilinear", backend="xesmf")
    np.testing.assert_allclose(swath((lat + lon).astype("f4")), lat + lon, atol=0.01)


def test_a_missing_xesmf_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "xesmf", None)
    with pytest.raises(GlabError, match="not installed"):
        regridder(EUROPE, EUROPE, backend="xesmf")


@pytest.fixture
def stand_in(monkeypatch):
    """Replace xesmf: keep the arguments, return the identity."""
    asked = {}

    def regridder_of(source, target, method, periodic, unmapped_to_nan):
        asked.update(source=source, target=target, method=method, periodic=periodic)
        size = target["lat"].size * (target["lon"].size if target["lat"].ndim == 1 else 1)
        weights = types.SimpleNamespace(data=sparse.coo_array(sparse.eye_array(size)))
        return types.SimpleNamespace(weights=weights)

    monkeypatch.setitem(sys.modules, "xesmf", types.SimpleNamespace(Regridder=regridder_of))
    return asked


def test_arguments_and_result_of_xesmf(stand_in):
    field = np.random.default_rng(6).random(EUROPE.shape).astype("f4")
    field[3, 4] = np.nan
    result = regridder(EUROPE, EUROPE, backend="xesmf")(field)
    np.testing.assert_array_equal(result, field)
    assert stand_in["method"] == "conservative" and not stand_in["periodic"]
    np.testing.assert_allclose(stand_in["source"]["lat_b"][[0, -1]],
                               [EUROPE.lat_bounds.max(), EUROPE.lat_bounds.min()])  # fmt: skip
    assert stand_in["source"]["lon_b"].size == EUROPE.shape[1] + 1
    cells = Cells(np.array([3, 0]), np.array([4, 7]))
    picked = regridder(EUROPE, EUROPE, "bilinear", backend="xesmf", cells=cells)(field)
    np.testing.assert_array_equal(picked, field[cells.row, cells.col])
    regridder(regular(10.0), regular(10.0), "bilinear", backend="xesmf")
    assert stand_in["periodic"]


def test_grids_that_xesmf_does_not_support(stand_in):
    with pytest.raises(GlabError, match="rows or columns are missing"):
        regridder(M25.window(np.array([1, 5]), slice(0, 4)), EUROPE, backend="xesmf")
    with pytest.raises(GlabError, match="corners"):
        regridder(polar("N"), EUROPE, backend="xesmf")
