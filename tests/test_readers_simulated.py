"""Readers return the values that the writers of the simulated Earth wrote."""

import numpy as np
import pytest

from glab import io
from glab.config import Box, Simulate
from glab.grids import EASE1_ML, M25, M36, from_coordinates
from glab.readers.acquire import read_manifest
from glab.readers.formats import naming_of, read
from glab.steps.simulate import READERS as OTHER_NAMES
from glab.steps.simulate import simulate

pytestmark = pytest.mark.slow

BOX = Box(west=20.0, east=21.3, south=4.0, north=6.5)
YEAR = {"smos_l3": 2011, "smos_ic": 2011, "amsre": 2011, "casm": 2011, "surface": 2011}
LATER = {"amsr2": 2015, "smap_l3": 2015, "smap_ib": 2015, "smosmap_ib": 2015}
READERS = {source: source for source in YEAR | LATER} | OTHER_NAMES
GRIDS = {
    **dict.fromkeys(("smos_l3", "smos_ic", "casm", "smosmap_ib"), M25),
    **dict.fromkeys(("smap_ib", "smap_l3"), M36),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Truth of a few cells, and a function that returns the granules of a source-year."""
    folder = tmp_path_factory.mktemp("world")
    truths, archives = {}, {}

    def truth(year):
        if year not in truths:
            settings = Simulate(box=BOX, first_year=year, last_year=year)
            path = folder / str(year) / "truth.nc"
            simulate(path, settings)
            truths[year] = (settings, path)
        return truths[year]

    def granules(source):
        """Return the truth of the year of a source, its granules as read, their paths."""
        year = (YEAR | LATER)[source]
        settings, path = truth(year)
        manifest = folder / source / str(year) / "manifest.json"
        if not manifest.exists():
            simulate(manifest, settings, truth=path, source=source, year=year)
        if source not in archives:
            paths = read_manifest(manifest)
            archives[source] = (
                io.read(path).load(),
                [read(READERS[source], p) for p in paths],
                paths,
            )
        return archives[source]

    return granules


def cells_of(granule):
    """Return the number on M25 of every cell of a granule, shape (y, x)."""
    rows, cols = M25.index(*np.meshgrid(granule.lat.values, granule.lon.values, indexing="ij"))
    return rows * M25.shape[1] + cols


def paired(truth, name, granules, value):
    """Return values and truth of the same days and cells, for granules on M25."""
    days = truth.time.values.astype("datetime64[D]")
    ours, theirs = [], []
    for granule in granules:
        cell = np.searchsorted(truth.cell.values, cells_of(granule).ravel())
        inside = cell < truth.cell.size
        inside[inside] &= truth.cell.values[cell[inside]] == cells_of(granule).ravel()[inside]
        day = np.searchsorted(days, np.datetime64(granule.attrs["date"]))
        ours.append(value(granule).reshape(-1)[inside])
        theirs.append(truth[name].values[day].reshape(truth.cell.size, -1)[cell[inside], 0])
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    known = np.isfinite(ours) & np.isfinite(theirs)
    assert known.sum() > 1000
    return ours[known], theirs[known]


@pytest.mark.parametrize("source", [*YEAR, *LATER])
def test_every_granule_of_a_year_is_read(world, source):
    _, granules, paths = world(source)
    assert paths
    valid = 0
    for path, granule in zip(paths, granules):
        if "date" in granule.attrs:
            assert granule.attrs["date"] == str(naming_of(READERS[source]).date(path.name))
        for name, variable in granule.data_vars.items():
            assert variable.dtype == np.float32, name
            valid += int(np.isfinite(variable.values).sum())
    assert valid > 0
    if source in GRIDS:
        grid = from_coordinates(granule.lat, granule.lon)
        assert grid.name == GRIDS[source].name
    if source in ("amsre", "amsr2"):
        assert from_coordinates(granule.lat, granule.lon).name == EASE1_ML.name


def test_smos_tb_is_the_truth_with_noise(world):
    truth, granules, _ = world("smos_l3")
    morning = [g for g in granules if g.overpass.values[0] == "ascending"]
    ours, theirs = paired(truth, "tb", morning, lambda g: g.tb.sel(angle=40.0, channel="h").values)
    assert abs(np.median(ours - theirs)) < 3.0
    assert np.median(np.abs(ours - theirs)) < 8.0


def test_smos_ic_lies_on_its_own_cells(world):
    truth, granules, _ = world("smos_ic")
    ours, theirs = paired(truth, "vod", granules, lambda g: g.vod.values)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.5


def test_casm_lies_on_its_own_cells_and_days(world):
    truth, (year,), _ = world("casm")
    named = [str(day)[:10] for day in year.time.values]
    days = [year.isel(time=i).assign_attrs(date=day) for i, day in enumerate(named)]
    ours, theirs = paired(truth, "soil_moisture", days, lambda g: g.soil_moisture.values)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.7


@pytest.mark.parametrize("source", ["smap_ib", "smosmap_ib"])
def test_retrieved_vod_is_near_the_truth(world, source):
    truth, granules, _ = world(source)
    vod = np.concatenate([granule.vod.values.ravel() for granule in granules])
    assert np.nanmedian(vod) == pytest.approx(float(truth.vod.median()), abs=0.25)


@pytest.mark.parametrize("source", ["amsre", "amsr2"])
def test_amsr_sees_the_box_in_every_channel(world, source):
    _, granules, _ = world(source)
    assert {str(p) for g in granules for p in g.overpass.values} == {"ascending", "descending"}
    for channel in ("10h", "10v", "18h", "18v", "36h", "36v"):
        mean = np.nanmean([g.tb.sel(channel=channel).mean() for g in granules])
        assert 250 < mean < 310, channel
    granule = granules[0]
    seen = np.isfinite(granule.tb.values).any(axis=(0, 1))
    rows, cols = np.nonzero(seen)
    assert granule.lat.values[rows].min() > 3 and granule.lat.values[rows].max() < 8
    assert granule.lon.values[cols].min() > 19 and granule.lon.values[cols].max() < 22.5


def test_surface_temperature_is_near_the_truth(world):
    truth, months, _ = world("surface")
    hour = np.concatenate([m.t_surface.mean(["y", "x"]).values for m in months])
    time = np.concatenate([m.time.values for m in months]).astype("datetime64[h]")
    assert np.unique(time.astype("datetime64[D]")).size == 365
    assert np.mean(hour) == pytest.approx(float(truth.t_surface_0600.mean()), abs=8.0)
