"""Merge the granules of one day; recognise the grid of a granule."""

import numpy as np
import pytest
import xarray as xr

from glab.config import Regrid
from glab.errors import GlabError
from glab.grids import CurvilinearGrid, ProjectedGrid, regular
from glab.regrid.on_domain import DomainValues, ToDomain, is_flag, source_grid, split_by_day
from glab.regrid.year import GranuleDay, find_layout, merge_day

LON = np.array([0.0, 10.0, 20.0])
DAY = np.array(["2015-01-01"], "datetime64[s]")


def dataset(labels, **variables):
    """A granule with planes (dims, values) on one row of three native cells."""
    planes = {
        name: ((*dims, "y", "x"), np.asarray(v, "f4")[..., None, :])
        for name, (dims, v) in variables.items()
    }
    return xr.Dataset(planes, labels)


def on_cells(granule, hour=None):
    """The same granule as if it were regridded one to one."""
    variables = {n: xr.Variable((*v.dims[:-2], "cell"), v.values[..., 0, :])
                 for n, v in granule.data_vars.items()}  # fmt: skip
    labels = {d: granule[d].values.tolist() for d in granule.dims if d in granule.coords}
    return GranuleDay(DomainValues(variables, labels, DAY), hour)


def merge(*granules):
    return merge_day([on_cells(g) for g in granules], find_layout(granules), LON)


def test_bits_are_united_and_of_other_flags_the_highest_wins():
    assert is_flag("scene_flags") and is_flag("topography") and not is_flag("vod")
    one = dataset({}, scene_flags=((), [1, 8, np.nan]), topography=((), [0, 1, np.nan]))
    two = dataset({}, scene_flags=((), [2, np.nan, np.nan]), topography=((), [2, 0, np.nan]))
    day = merge(one, two)
    np.testing.assert_array_equal(day["scene_flags"], [3, 8, np.nan])
    np.testing.assert_array_equal(day["topography"], [2, 1, np.nan])


def test_bits_of_several_hours_are_united_not_averaged():
    flags = xr.Variable(("time", "cell"), np.array([[1, 8, np.nan], [2, 8, np.nan]], "f4"))
    times = np.array(["2015-01-01T03", "2015-01-01T06"], "datetime64[s]")
    ((_, day, hour),) = split_by_day(DomainValues({"scene_flags": flags}, {}, times), LON, 6.0)
    np.testing.assert_array_equal(day.variables["scene_flags"], [3, 8, np.nan])
    assert hour is None


def test_means_are_weighted_by_the_observations_behind_them():
    def seen(tb, count):
        dims = ("overpass", "channel")
        return dataset({"overpass": ["descending"], "channel": ["18h"]},
                       tb=(dims, [[tb]]), count=(dims, [[count]]))  # fmt: skip

    day = merge(seen([250, 250, np.nan], [3, 1, 0]), seen([260, np.nan, 270], [1, 0, 2]))
    np.testing.assert_allclose(day["tb"][:, 0, 0], [252.5, 250, 270])
    assert day["count"][:, 0, 0].tolist() == [4, 1, 2] and day["count"].dtype == np.int16


def test_channels_in_files_of_their_own_are_side_by_side_by_frequency():
    files = [
        dataset(
            {"overpass": ["descending"], "channel": [channel]},
            tb=(("overpass", "channel"), [[[tb, tb, tb]]]),
        )  # fmt: skip
        for channel, tb in (("18h", 2.0), ("6v", 1.0), ("36v", 3.0))
    ]
    assert find_layout(files).labels["channel"] == ["6v", "18h", "36v"]
    day = merge(*files)
    np.testing.assert_array_equal(day["tb"][0, 0], [1, 2, 3])
    assert day["count"].shape == (3, 1) and (day["count"] == 3).all()


def test_labels_that_are_not_consecutive_find_their_positions():
    whole = dataset({"channel": ["10h", "18h", "36h"]}, tb=(("channel",), np.ones((3, 3))))
    ends = dataset({"channel": ["10h", "36h"]}, tb=(("channel",), np.full((2, 3), 5.0)))
    day = merge(whole, ends)
    np.testing.assert_array_equal(day["tb"][1], [3, 1, 3])


def test_granules_that_do_not_belong_together_are_refused():
    one = dataset({"channel": ["h"]}, tb=(("channel",), np.ones((1, 3))))
    with pytest.raises(GlabError, match="differ"):
        find_layout([one, dataset({}, tb=((), np.ones(3)))])
    other = on_cells(dataset({"channel": ["v"]}, tb=(("channel",), np.ones((1, 3)))))
    with pytest.raises(GlabError, match="labels"):
        find_layout([one]).check(other.values)


def test_the_grid_of_a_granule_follows_from_its_coordinates():
    grid = regular(1.0).window(slice(0, 5), slice(0, 6))
    lat, lon = np.meshgrid(grid.lat, grid.lon, indexing="ij")
    flat = xr.Dataset(coords={"lat": ("y", grid.lat), "lon": ("x", grid.lon)})
    plane = xr.Dataset(coords={"lat": (("y", "x"), lat), "lon": (("y", "x"), lon)})
    assert source_grid(flat).shape == source_grid(plane).shape == (5, 6)
    swath = plane.assign_coords(lat=(("y", "x"), lat + 0.1 * lon))
    assert isinstance(source_grid(swath), CurvilinearGrid)
    metres = 25e3 * np.arange(6.0)
    polar = plane.assign_coords(x=metres, y=-metres[:5]).assign_attrs(crs="EPSG:6931")
    assert source_grid(polar) == ProjectedGrid(metres, -metres[:5], "EPSG:6931")
    assert len({source_grid(polar), source_grid(polar), source_grid(swath)}) == 2
    assert source_grid(swath) == source_grid(swath)


def test_a_swath_needs_the_other_backend():
    lat, lon = np.meshgrid(np.arange(3.0), np.arange(3.0), indexing="ij")
    swath = xr.Dataset(
        {"tb": (("y", "x"), np.full((3, 3), 250.0))},
        {"lat": (("y", "x"), lat + 0.3 * lon), "lon": (("y", "x"), lon)},
    )
    with pytest.raises(GlabError, match="xesmf"):
        ToDomain(np.array([400_000]), Regrid())(swath)


def test_planes_may_have_any_order():
    grid = regular(1.0).window(slice(80, 100), slice(190, 210))
    field = np.arange(400.0, dtype="f4").reshape(20, 20) / 4 + 200
    usual = xr.Dataset({"tb": (("y", "x"), field)},
                       {"lat": ("y", grid.lat), "lon": ("x", grid.lon)})  # fmt: skip
    cell = np.array([292 * 1388 + 750, 300 * 1388 + 760])
    onto = ToDomain(cell, Regrid())
    results = [onto(g).variables["tb"].values for g in (usual, usual.transpose("x", "y"))]
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[0]).all()
