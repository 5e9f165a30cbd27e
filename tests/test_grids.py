"""Grids: published numbers, pyproj as the independent peer, recognition from coordinates."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from glab.errors import GlabError
from glab.grids import (
    EASE1_ML,
    M09,
    M25,
    M36,
    NAMED,
    CurvilinearGrid,
    Grid,
    ProjectedGrid,
    from_coordinates,
    from_edges,
    latitude_from_q,
    regular,
)
from glab.grids.rectilinear import authalic_q

PUBLISHED = [
    (M25, (584, 1388), 84.4397903, 83.5171357, -179.8703169),
    (M36, (406, 964), 85.0445664, 83.6319753, -179.813278),
    (M09, (1624, 3856), 85.0445664, 84.6564188, -179.953320),
    (EASE1_ML, (586, 1383), None, 85.3122711, -179.8698439),
]


@pytest.mark.parametrize(("grid", "shape", "edge", "lat", "lon"), PUBLISHED)
def test_named_grids_have_their_published_shape_and_first_centre(grid, shape, edge, lat, lon):
    assert grid.shape == shape
    assert grid.lat[0] == pytest.approx(lat, abs=1e-5)
    assert grid.lon[0] == pytest.approx(lon, abs=1e-5)
    assert (grid.lat == -grid.lat[::-1]).all() or np.allclose(grid.lat, -grid.lat[::-1], atol=1e-12)
    if edge is not None:
        assert grid.lat_bounds.max() == pytest.approx(edge, abs=1e-6)


@pytest.mark.parametrize(
    ("grid", "crs", "cell_m"),
    [
        (M25, "EPSG:6933", 25025.26),
        (M36, "EPSG:6933", 36032.220840584),
        (M09, "EPSG:6933", 9008.055210146),
        (EASE1_ML, "EPSG:3410", 25067.525),
    ],
)
def test_centres_and_edges_are_even_in_the_projection(grid, crs, cell_m):
    geographic = Transformer.from_crs(crs, crs).source_crs.geodetic_crs
    to_metres = Transformer.from_crs(geographic, crs, always_xy=True)
    y_m = np.array(to_metres.transform(np.zeros(grid.lat.size), grid.lat)[1])
    expected = (grid.lat.size / 2 - 0.5 - np.arange(grid.lat.size)) * cell_m
    np.testing.assert_allclose(y_m, expected, atol=0.01)
    x_m = np.array(to_metres.transform(grid.lon_bounds[:-1, 1], np.zeros(grid.lon.size - 1))[0])
    np.testing.assert_allclose(np.diff(x_m), cell_m, rtol=1e-6)


def test_points_fall_into_their_known_cells():
    rows, cols = M25.index([45.0, -3.1, -33.9], [5.0, -60.0, 151.2])
    assert list(zip(rows.tolist(), cols.tolist())) == [(85, 713), (307, 462), (455, 1276)]
    assert [int(i) for i in EASE1_ML.index(45.0, 5.0)] == [85, 710]
    assert [int(i) for i in M25.index(45.0, 365.0)] == [85, 713]
    assert [int(i) for i in M25.index(89.0, 0.0)] == [-1, -1]


@given(lat=st.floats(-84, 84), lon=st.floats(-180, 179.999), name=st.sampled_from(list(NAMED)))
def test_a_point_lies_within_the_bounds_of_its_cell(lat, lon, name):
    grid = NAMED[name]
    row, col = grid.index(lat, lon)
    assert grid.lat_bounds[row, 0] <= lat <= grid.lat_bounds[row, 1]
    assert grid.lon_bounds[col, 0] - 1e-9 <= lon <= grid.lon_bounds[col, 1] + 1e-9


def test_authalic_latitude_inverts():
    lat = np.linspace(-90, 90, 721)
    back = latitude_from_q(authalic_q(np.sin(np.radians(lat))))
    np.testing.assert_allclose(back, lat, atol=1e-6)


def test_areas_are_those_of_the_ellipsoid():
    earth_m2 = 510065621724088.0
    assert regular(1.0).areas().sum() == pytest.approx(earth_m2, rel=1e-9)
    np.testing.assert_allclose(M25.areas(), 25025.26**2, rtol=1e-7)
    grid = regular(0.5).window(slice(40, 41), slice(10, 11))
    (south, north), (west, east) = grid.lat_bounds[0], grid.lon_bounds[0]
    lon = np.linspace(west, east, 2001)  # parallels are no geodesics: follow them in small steps
    ring_lat = np.r_[np.full(lon.size, south), np.full(lon.size, north)]
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(np.r_[lon, lon[::-1]], ring_lat)
    assert grid.areas()[0, 0] == pytest.approx(abs(area), rel=1e-7)


@pytest.mark.parametrize("named", list(NAMED.values()), ids=list(NAMED))
@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("turn", [0.0, 360.0])
def test_a_rounded_regional_subset_is_recognised(named, south_up, turn):
    rows = np.arange(100, 130)[:: -1 if south_up else 1]
    cols = np.arange(named.shape[1] // 2 - 8, named.shape[1] // 2 + 9)  # over the meridian of 0°
    lat, lon = np.round(named.lat[rows], 3), np.round(np.mod(named.lon[cols] + turn, 360), 3)
    grid = from_coordinates(lat, lon)
    assert grid.name == named.name
    np.testing.assert_array_equal(grid.lat_bounds, named.lat_bounds[rows])
    np.testing.assert_allclose(
        np.mod(grid.lon_bounds, 360), np.mod(named.lon_bounds[cols], 360), atol=1e-9
    )


def test_a_file_from_0_to_360_and_in_single_precision_is_recognised_whole():
    lon = np.sort(np.mod(M36.lon, 360.0)).astype(np.float32)
    grid = from_coordinates(M36.lat[::-1].astype(np.float32), lon)
    assert (grid.name, grid.shape) == ("M36", M36.shape)
    assert np.ptp(grid.lon_bounds) == pytest.approx(360)


def test_missing_rows_of_a_named_grid_keep_their_own_bounds():
    rows = np.r_[50:60, 70:75]
    grid = from_coordinates(M25.lat[rows], M25.lon[5:9])
    np.testing.assert_array_equal(grid.lat_bounds, M25.lat_bounds[rows])
    assert [int(i) for i in grid.index(M25.lat[65], M25.lon[6])] == [-1, -1]


def test_other_coordinates_give_bounds_midway():
    grid = from_coordinates(np.arange(-59.875, 90, 0.25).astype("f4"), np.arange(0.125, 360, 0.25))
    assert grid.name == ""
    np.testing.assert_allclose(grid.lat_bounds[[0, -1]], [[-60, -59.75], [89.75, 90]])
    np.testing.assert_allclose(grid.lon_bounds[[0, -1]], [[0, 0.25], [359.75, 360]])
    poles = from_coordinates(np.arange(90, -91, -1.0), np.arange(0, 360, 1.0))
    assert poles.lat_bounds[0].tolist() == [89.5, 90] and poles.lat_bounds.min() == -90
    uneven = from_coordinates([10.0, 11.0, 13.0], [0.0, 1.0])
    assert uneven.lat_bounds.tolist() == [[9.5, 10.5], [10.5, 12.0], [12.0, 14.0]]


def test_rounded_twelfths_of_a_degree_close_around_the_globe():
    reference = regular(1 / 12)
    grid = from_coordinates(np.round(reference.lat, 3), np.round(reference.lon, 3))
    np.testing.assert_allclose(grid.lon_bounds, reference.lon_bounds, atol=2e-3)
    assert np.ptp(grid.lon_bounds) == pytest.approx(360, abs=1e-9)


def test_planes_of_a_rectilinear_grid_with_fills_collapse():
    lat, lon = np.meshgrid(M36.lat[20:40], M36.lon[:30], indexing="ij")
    lat[3:5, 2:9] = lon[3:5, 2:9] = np.nan
    assert from_coordinates(lat, lon).name == "M36"


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        ([1.0, 1.0], [0.0, 1.0]),
        ([1.0, np.nan], [0.0, 1.0]),
        ([1.0, 2.0], [1.0, 0.0]),
        ([1.23], [0.0, 1.0]),
        (np.random.default_rng(0).random((3, 3)), np.ones((3, 3))),
    ],
)
def test_coordinates_that_are_no_grid_are_refused(lat, lon):
    with pytest.raises(GlabError):
        from_coordinates(lat, lon)


def test_a_grid_validates_itself():
    for broken in ("lat", "bounds", "overlap", "pole"):
        with pytest.raises(GlabError):
            _broken(broken)


def _broken(what):
    lat, lon = np.array([1.0, 2.0]), np.array([0.0, 100.0])
    lat_bounds, lon_bounds = np.array([[0.5, 1.5], [1.5, 2.5]]), np.array([[-50.0, 50], [50, 150]])
    if what == "lat":
        lat = lat + 5
    if what == "bounds":
        lat_bounds = lat_bounds[:1]
    if what == "overlap":
        lon_bounds = np.array([[-200.0, 50], [50, 250]])
    if what == "pole":
        lat, lat_bounds = lat + 88.9, lat_bounds + 88.9
    return Grid(lat, lon, lat_bounds, lon_bounds)


def test_grids_compare_by_content():
    assert M25.window(slice(None), slice(None)) == M25
    assert hash(M25.window(slice(0, 9), slice(0, 9))) != hash(M25)
    assert from_edges([0, 1, 2], [0, 1]) != from_edges([0, 1, 2], [0, 2])
    assert "M25" in repr(M25) and regular(1.0, south_up=True).lat[0] == -89.5


def test_a_projected_grid_is_georeferenced_by_pyproj():
    metres = (np.arange(720) - 359.5) * 25000.0
    north = ProjectedGrid(metres, -metres, "EPSG:6931")
    lat, lon = north.centres()
    assert north.shape == lat.shape == (720, 720)
    x, y = north.project(lat[10, 350], lon[10, 350])
    assert (float(x), float(y)) == pytest.approx((metres[350], -metres[10]), abs=1e-3)


def test_bad_projected_and_curvilinear_grids_are_refused():
    with pytest.raises(GlabError):
        ProjectedGrid(np.zeros(3), np.arange(3.0), "EPSG:6931")
    with pytest.raises(GlabError):
        ProjectedGrid(np.arange(3.0), np.arange(3.0), "EPSG:no").centres()
    with pytest.raises(GlabError):
        CurvilinearGrid(np.zeros(3), np.zeros(3))


@pytest.mark.real
def test_the_grid_of_the_smos_readers_is_m25():
    netcdf4 = pytest.importorskip("netCDF4")
    folder = os.environ.get("GLAB_REAL_DATA")
    if not folder:
        pytest.skip("GLAB_REAL_DATA is not set")
    with netcdf4.Dataset(Path(folder) / "Grid_Point_Mask_USGS.nc") as file:
        lat, lon = file["lat"][:].data, file["lon"][:].data
    assert np.abs(lat[::-1] - M25.lat).max() < 1e-5
    assert np.abs(lon - M25.lon).max() < 1e-5
    assert from_coordinates(lat, lon).name == "M25"
