"""Series of a source: selected positions, frozen ground and open water masked."""

import numpy as np
import pytest
import xarray as xr

from glab.calendar import days_of_year
from glab.climatology.series import concatenate_blocks, series, series_blocks, surface_of
from glab.config import Mask, Series
from glab.errors import GlabError

DAYS = days_of_year(2012)
CELLS = np.array([70, 12, 33, 90], np.int32)
COORDS = {"time": DAYS.astype("datetime64[ns]"), "cell": CELLS}


def source(**dims):
    """A year of tb whose value is its position in the further dimensions."""
    shape = (len(DAYS), len(CELLS), *map(len, dims.values()))
    values = np.broadcast_to(np.arange(np.prod(shape[2:], dtype=int)).reshape(shape[2:]), shape)
    return xr.Dataset(
        {"tb": (("time", "cell", *dims), values.astype(np.float32))},
        COORDS | {name: (name, values) for name, values in dims.items()},
    )


def ground(t_surface=290.0, snow=0.0):
    full = np.ones((len(DAYS), len(CELLS)), np.float32)
    return xr.Dataset(
        {
            "t_surface": (("time", "cell"), t_surface * full),
            "snow": (("time", "cell"), snow * full),
        },
        COORDS,
    )


def domain(water=(0, 0, 0, 0)):
    return xr.Dataset({"water_fraction": ("cell", np.array(water, float))}, {"cell": CELLS})


SMOS = {
    "overpass": np.array(["ascending", "descending"]),
    "angle": np.array([37.5, 40.0, 42.5]),
    "channel": np.array(["h", "v"]),
}


def test_one_overpass_and_angle_are_taken():
    spec = Series(variables=["tb"], select={"overpass": "descending", "angle": 42.5})
    got = series(source(**SMOS), ground(), domain(), spec, Mask())
    assert got["tb"].dims == ("time", "cell", "channel")
    np.testing.assert_array_equal(got["tb"].values[0, 0], [10, 11])


def test_a_position_is_ignored_where_a_file_has_no_such_dimension():
    spec = Series(variables=["tb"], select={"overpass": "descending"})
    got = series(source(), ground(), domain(), spec, Mask())
    assert got["tb"].dims == ("time", "cell")


def test_dimensions_come_in_canonical_order():
    dataset = source(channel=np.array(["h", "v"])).transpose("channel", "cell", "time")
    got = series(dataset, ground(), domain(), Series(variables=["tb"]), Mask())
    assert got["tb"].dims == ("time", "cell", "channel")


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"max": 8.0}, [True, False, False, True]),
        ({"min": 4.0}, [False, True, False, True]),
        ({"bits_clear": 8}, [True, False, False, True]),
        ({"max": 4.0, "plus": "tb_error"}, [True, False, False, True]),
    ],
)
def test_values_of_doubtful_quality_are_dropped(rule, kept):
    quality = np.broadcast_to(np.float32([3, 9, np.nan, 5]), (len(DAYS), 4))
    dataset = source(overpass=SMOS["overpass"], channel=SMOS["channel"]).assign(
        tb_rmse=(("time", "cell", "overpass"), np.stack([quality + np.nan, quality], axis=-1)),
        tb_error=(("time", "cell"), np.full((len(DAYS), 4), 1.0, np.float32)),
    )
    rules = [{"variable": "tb_rmse", "applies_to": ["tb"], **rule}]
    spec = Series(variables=["tb"], select={"overpass": "descending"}, quality=rules)
    got = series(dataset, ground(), domain(), spec, Mask())
    assert got["tb"].dims == ("time", "cell", "channel")
    finite = np.isfinite(got["tb"].values)
    np.testing.assert_array_equal(finite[5], np.repeat(np.array(kept)[:, None], 2, axis=1))


def test_frozen_and_snowy_ground_is_masked_day_by_day():
    surface = ground()
    surface["t_surface"][5, 0] = 274.0
    surface["t_surface"][6, 0] = 274.3
    surface["snow"][7, 1] = 5.5
    surface["snow"][8, 1] = 4.5
    surface["t_surface"][9, 2] = np.nan
    got = series(source(), surface, domain(), Series(variables=["tb"]), Mask())["tb"]
    masked = {tuple(int(i) for i in place) for place in np.argwhere(np.isnan(got.values))}
    assert masked == {(5, 0), (7, 1), (9, 2)}


@pytest.mark.parametrize("layer", ["t_surface", "snow"])
def test_one_of_temperature_and_snow_is_enough(layer):
    surface = ground(t_surface=260.0, snow=50.0)[[layer]]
    got = series(source(), surface, domain(), Series(variables=["tb"]), Mask())
    assert np.isnan(got["tb"]).all()


def test_open_water_is_masked_above_the_threshold():
    got = series(
        source(), ground(), domain((0.05, 0.1, 0.11, np.nan)), Series(variables=["tb"]), Mask()
    )
    np.testing.assert_array_equal(np.isnan(got["tb"]).all("time"), [False, False, True, True])


def test_without_a_water_layer_nothing_is_masked():
    land = domain().drop_vars("water_fraction")
    got = series(source(), ground(), land, Series(variables=["tb"]), Mask())
    assert not np.isnan(got["tb"]).any()


def test_missing_values_stay_missing_and_the_source_is_untouched():
    dataset = source()
    dataset["tb"][3, 3] = np.nan
    got = series(dataset, ground(260.0), domain(), Series(variables=["tb"]), Mask())
    assert np.isnan(got["tb"]).all()
    assert np.isnan(dataset["tb"]).sum() == 1


def test_the_months_of_a_year_come_together_again():
    dataset, spec = source(channel=np.array(["h", "v"])), Series(variables=["tb"])
    dataset["tb"] += np.arange(len(DAYS))[:, None, None]
    blocks = list(series_blocks(dataset, [ground()], domain(), spec, Mask()))
    assert len(blocks) == 12
    assert max(block.sizes["time"] for block in blocks) == 31
    whole = concatenate_blocks(iter(blocks), DAYS)
    xr.testing.assert_equal(whole, series(dataset, ground(), domain(), spec, Mask()))


def test_the_surface_file_of_the_right_year_is_found():
    other = ground().assign_coords(
        time=days_of_year(2011)[0].astype("datetime64[ns]")
        + (COORDS["time"] - COORDS["time"][0])
        - np.timedelta64(400, "D")
    )
    assert surface_of(source(), [other, ground()], Mask()).equals(ground())
    assert surface_of(source(), [], Mask(frozen_source=None)) is None
    with pytest.raises(GlabError, match="no surface file"):
        surface_of(source(), [other], Mask())


def test_nothing_is_frozen_where_no_source_is_named():
    mask = Mask(frozen_source=None)
    got = series(source(), ground(200.0), domain(), Series(variables=["tb"]), mask)
    assert not np.isnan(got["tb"]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec": Series(variables=["tbb"])}, "did you mean 'tb'"),
        ({"spec": Series(variables=["tb"], select={"overpas": "x"})}, "did you mean 'overpass'"),
        ({"spec": Series(variables=["tb"], select={"angle": 40.2, "overpass": "ascending"})},
         "unknown angle"),
        ({"spec": Series(variables=["tb"], select={"angle": 40.0})}, "series.select.overpass"),
        ({"domain": domain().assign_coords(cell=CELLS[::-1])}, "another domain"),
        ({"surface": ground().isel(cell=slice(2))}, "another domain"),
        ({"surface": ground().isel(time=slice(30))}, "lacks days"),
        ({"surface": ground().drop_vars(["t_surface", "snow"])}, "no variable of frozen ground"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error(change, message):
    arguments = {
        "dataset": source(**SMOS),
        "surface": ground(),
        "domain": domain(),
        "spec": Series(variables=["tb"], select={"overpass": "ascending", "angle": 40}),
        "mask": Mask(),
    }
    with pytest.raises(GlabError, match=message):
        series(**arguments | change)
