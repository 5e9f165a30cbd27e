"""The domain: land, order, tiles, blocks, static maps."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from glab import io
from glab.config import Box, Domain
from glab.errors import GlabError
from glab.grids import M25, regular
from glab.regrid.domain import block_number, box_window, build_domain, hilbert_index
from glab.regrid.land import land_fraction
from glab.steps.domain import domain as domain_step

CONGO = Domain(box=Box(west=18, east=24, south=-3, north=3), tiles=5, tile_cells=150, block_cells=5)


@pytest.fixture(scope="module")
def congo():
    return build_domain(CONGO)


def test_the_cells_and_what_is_known_of_them(congo):
    rows, cols = box_window(CONGO.box).shape
    assert congo.sizes["cell"] == rows * cols  # land everywhere
    row, col = congo["row"].values, congo["col"].values
    np.testing.assert_array_equal(congo["cell"], row * 1388 + col)
    np.testing.assert_array_equal(M25.index(congo["lat"], congo["lon"]), (row, col))
    np.testing.assert_allclose(congo["area"], 25025.26**2, rtol=1e-6)
    assert (congo["land_fraction"] > 0.99).all() and (congo["water_fraction"] < 0.01).all()
    assert congo["cell"].attrs["compress"] == "y x"


def test_neighbours_lie_together(congo):
    steps = np.abs(np.diff(congo["row"])) + np.abs(np.diff(congo["col"]))
    assert np.mean(steps == 1) > 0.9
    tile = congo["tile"].values
    assert np.bincount(tile).tolist() == [150, 150, 150, 150, 120]
    assert (np.diff(tile) >= 0).all()


def test_a_smaller_domain_keeps_the_order_of_the_larger(congo):
    small = build_domain(
        Domain(box=Box(west=20, east=22, south=-1, north=1), tiles=1, block_cells=5)
    )
    whole = congo["cell"].values
    kept = whole[np.isin(whole, small["cell"])]
    np.testing.assert_array_equal(small["cell"], kept)
    common = congo.set_index(cell="cell").sel(cell=small["cell"].values)
    np.testing.assert_array_equal(small["block"], common["block"])


def test_blocks_are_squares_of_cells():
    row, col = np.divmod(np.arange(584 * 1388), 1388)
    block = block_number(row, col, 20)
    assert np.bincount(block).max() == 400
    assert len(np.unique(block)) == 30 * 70
    one = block == block[300 * 1388 + 700]
    assert np.ptp(row[one]) == np.ptp(col[one]) == 19


def test_the_curve_visits_every_cell_by_single_steps():
    row, col = (axis.ravel() for axis in np.indices((32, 32)))
    position = hilbert_index(row, col, order=5)
    assert np.array_equal(np.sort(position), np.arange(1024))
    order = np.argsort(position)
    assert (np.abs(np.diff(row[order])) + np.abs(np.diff(col[order])) == 1).all()


def test_land_fraction_is_the_area_weighted_fraction_of_the_mask():
    globe = pytest.importorskip("global_land_mask").globe
    window = box_window(Box(west=-10, east=-8, south=36.5, north=38.5))  # a coast of Portugal
    lat = 90 - (np.arange(21600) + 0.5) / 120
    lon = (np.arange(43200) + 0.5) / 120 - 180
    fraction = land_fraction(window)
    assert fraction.min() == 0 and fraction.max() == pytest.approx(1)
    assert 0.2 < fraction.mean() < 0.8
    for i, j in ((0, 4), (3, 5), (5, 2)):
        (south, north), (west, east) = window.lat_bounds[i], window.lon_bounds[j]
        fine_lat = np.linspace(south, north, 400)
        fine_lon = np.linspace(west, east, 400)
        near = [np.abs(axis[:, None] - fine[None]).argmin(0)
                for axis, fine in ((lat, fine_lat), (lon, fine_lon))]  # fmt: skip
        land = globe.is_land(lat[near[0]][:, None], lon[near[1]][None])
        assert fraction[i, j] == pytest.approx(land.mean(), abs=0.005)


def test_little_land_is_left_out_unless_asked_for():
    coast = Box(west=-10, east=-8, south=36.5, north=38.5)
    sizes = [
        build_domain(Domain(box=coast, tiles=1, land_fraction_min=least)).sizes["cell"]
        for least in (0.0, 0.5, 0.99)
    ]
    assert sizes[0] > sizes[1] > sizes[2] > 0


def test_domains_that_cannot_be_are_refused():
    sea = Box(west=-30, east=-25, south=-5, north=0)
    with pytest.raises(GlabError, match="without land"):
        build_domain(Domain(box=sea))
    with pytest.raises(GlabError, match="no cell"):
        build_domain(Domain(box=Box(west=10.0, east=10.01, south=0.0, north=0.01)))
    with pytest.raises(GlabError, match="tiles: 5"):
        build_domain(CONGO.model_copy(update={"tiles": 27}))


def static_maps():
    grid = regular(0.5)
    rows, cols = slice(160, 200), slice(380, 420)
    lat, lon = grid.lat[rows], grid.lon[cols]
    clay = np.broadcast_to(lat[:, None] / 10, (40, 40)).astype("f4").copy()
    clay[:20] = np.nan  # the north is missing
    igbp = np.stack([np.full((40, 40), 0.25), np.full((40, 40), 0.75)]).astype("f4")
    steep = np.where(lon > 21.01, 2, 0)[None, :].repeat(40, 0)
    planes = {"clay": (("y", "x"), np.abs(clay)), "igbp_fraction": (("igbp", "y", "x"), igbp),
              "topography": (("y", "x"), steep), "water_fraction": (("y", "x"), clay * 0 + 0.05),
              "unknown_map": (("y", "x"), clay)}  # fmt: skip
    return xr.Dataset(planes, {"lat": ("y", lat), "lon": ("x", lon), "igbp": [1, 2]})


def test_static_maps_come_onto_the_cells(tmp_path):
    maps = static_maps().drop_vars("unknown_map")
    io.write(maps, tmp_path / "static.nc", io.Provenance("domain"))
    domain_step(tmp_path / "domain.nc", CONGO, static=tmp_path / "static.nc")
    cells = io.read(tmp_path / "domain.nc")
    south = cells["lat"].values < -0.5
    np.testing.assert_allclose(cells["clay"][south], -cells["lat"][south] / 10, atol=0.03)
    assert np.isnan(cells["clay"][cells["lat"].values > 0.5]).all()
    assert cells["igbp_fraction"].dims == ("cell", "igbp")
    np.testing.assert_allclose(cells["igbp_fraction"].sum("igbp"), 1, atol=1e-3)
    assert set(np.unique(cells["topography"])) == {0, 2}
    np.testing.assert_allclose(cells["water_fraction"][south], 0.05, atol=1e-4)


def test_the_same_settings_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        domain_step(tmp_path / name / "domain.nc", CONGO)
    first, second = ((tmp_path / name / "domain.nc").read_bytes() for name in ("a", "b"))
    assert first == second


@pytest.mark.real
@pytest.mark.slow
def test_land_agrees_with_the_mask_of_the_smos_readers():
    folder = os.environ.get("GLAB_REAL_DATA")
    if not folder:
        pytest.skip("GLAB_REAL_DATA is not set")
    with xr.open_dataset(Path(folder) / "Grid_Point_Mask_USGS.nc") as file:
        usgs = file["USGS_Land_Flag"].values[::-1] == 1  # water below 10 %, lakes are water
    cells = build_domain(Domain(land_fraction_min=0.9, tiles=28))
    land = np.zeros(M25.shape, bool)
    land[cells["row"], cells["col"]] = True
    assert usgs.sum() == 217_622
    assert (land & usgs).sum() / usgs.sum() > 0.98
    assert (land == usgs).mean() > 0.98


# --- a user's maps -----------------------------------------------------------------------------


@pytest.fixture
def maps(tmp_path, monkeypatch):
    """Maps of the Congo box on a half-degree grid, as their providers write them."""
    monkeypatch.chdir(tmp_path)
    lat, lon = np.arange(-3.75, 4, 0.5), np.arange(17.25, 25, 0.5)
    east = np.broadcast_to(lon, (lat.size, lon.size))
    classes = np.zeros((17, lat.size, lon.size), np.float32)
    classes[0], classes[2], classes[12] = 10.0, 60.0, 30.0

    def write(name, values, units, dims=("lat", "lon")):
        data = xr.Dataset({name: (dims, np.float32(values))}, {"lat": lat, "lon": lon})
        data[name].attrs["units"] = units
        data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
        data.to_netcdf(f"{name}.nc")

    write("clay", 200.0 + 10 * (east - 21), "g kg-1")
    write("land_cover", classes, "%", ("class", "lat", "lon"))
    write("roughness", np.where(east < 21, 0.1, np.nan), "1")
    write("index", np.where(east < 21, 1.0, 7.0), "1")
    return Domain(
        **CONGO.model_dump(exclude={"maps"}),
        maps={
            "clay": {"reader": "clay", "path": "clay.nc"},
            "igbp_fraction": {"reader": "landcover", "path": "land_cover.nc"},
            "water_fraction": {"reader": "landcover", "path": "land_cover.nc", "igbp": [0]},
            "h_r": {"path": "roughness.nc"},
            "topography": {"path": "index.nc", "classes": [3.0, 9.0]},
            "altitude": None,
        },
    )


def test_a_user_s_maps_come_onto_the_cells(maps, tmp_path):
    domain_step(tmp_path / "domain.nc", maps)
    got = io.read(tmp_path / "domain.nc")
    lon = got["lon"].values
    np.testing.assert_allclose(got["clay"], 0.2 + 0.01 * (lon - 21), atol=2e-3)
    assert got["igbp"].values.tolist() == list(range(1, 17))
    np.testing.assert_allclose(
        got["igbp_fraction"].sel(igbp=[2, 12, 5])[0], [0.6, 0.3, 0], atol=1e-4
    )
    np.testing.assert_allclose(got["water_fraction"], 0.1, atol=1e-4)
    west, east = lon < 20.6, lon > 21.4
    np.testing.assert_allclose(got["h_r"].values[west], 0.1, atol=1e-6)
    assert np.isnan(got["h_r"].values[east]).all()
    assert set(got["topography"].values[west]) == {0} and set(got["topography"].values[east]) == {1}


def test_a_map_that_is_not_there_is_told(maps, tmp_path):
    Path("clay.nc").unlink()
    with pytest.raises(GlabError, match=r"domain\.maps\.clay"):
        domain_step(tmp_path / "domain.nc", maps)
    assert not (tmp_path / "domain.nc").exists()
