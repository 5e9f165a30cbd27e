"""Frozen ground and open water: known, unknown and absent states; log lines."""

import numpy as np
import pytest
import xarray as xr

from glab import mask
from glab.config import Mask
from glab.errors import GlabError
from glab.mask import UnknownGround, mask_frozen_ground, mask_open_water, select_days

WARM, COLD, UNKNOWN_K = 280.0, 270.0, np.nan
BARE, SNOWY, UNKNOWN_SNOW = 0.0, 9.0, np.nan


def ground(**layers):
    """A surface of one value per layer, (time, cell)."""
    fields = {name: (("time", "cell"), np.float32([[value]])) for name, value in layers.items()}
    return xr.Dataset(fields, {"time": np.array(["2012-01-01"], "datetime64[ns]"), "cell": [7]})


@pytest.mark.parametrize(
    ("t_surface", "snow", "masked", "unknown"),
    [
        (WARM, BARE, False, 0),
        (WARM, SNOWY, True, 0),
        (COLD, BARE, True, 0),
        (COLD, SNOWY, True, 0),
        (COLD, UNKNOWN_SNOW, True, 0),
        (UNKNOWN_K, SNOWY, True, 0),
        (WARM, UNKNOWN_SNOW, True, 1),
        (UNKNOWN_K, BARE, True, 1),
        (UNKNOWN_K, UNKNOWN_SNOW, True, 1),
        (WARM, None, False, 0),
        (COLD, None, True, 0),
        (UNKNOWN_K, None, True, 1),
        (None, BARE, False, 0),
        (None, SNOWY, True, 0),
        (None, UNKNOWN_SNOW, True, 1),
    ],
)
def test_ground_is_used_only_where_all_that_is_known_says_thawed(t_surface, snow, masked, unknown):
    layers = {"t_surface": t_surface, "snow": snow}
    surface = ground(**{name: value for name, value in layers.items() if value is not None})
    counts = UnknownGround()
    assert mask_frozen_ground(surface, Mask(), counts).values.tolist() == [[masked]]
    assert (counts.unknown, counts.total) == (unknown, 1)


def test_a_surface_without_temperature_and_snow_is_refused():
    with pytest.raises(GlabError, match="no variable of frozen ground"):
        mask_frozen_ground(ground(t_deep=WARM), Mask())


def test_the_limits_are_those_of_the_settings():
    limits = Mask(t_surface_min_k=275.0, snow_max_kg_m2=1.0)
    for layers, masked in (
        ({"t_surface": 274.9}, True),
        ({"t_surface": 275.1}, False),
        ({"snow": 1.1}, True),
        ({"snow": 0.9}, False),
    ):
        assert bool(mask_frozen_ground(ground(**layers), limits).values[0, 0]) is masked


def test_unknown_ground_is_counted_and_logged_in_one_line(capsys):
    counts = UnknownGround()
    counts.log()
    for t_surface in (WARM, UNKNOWN_K, UNKNOWN_K):
        mask_frozen_ground(ground(t_surface=t_surface), Mask(), counts)
    counts.log()
    assert capsys.readouterr().err == "frozen state unknown for 2 of 3 values: masked\n"


def test_open_water_is_masked_above_the_limit_and_where_it_is_unknown():
    domain = xr.Dataset(
        {"water_fraction": ("cell", np.float32([0.0, 0.1, 0.11, np.nan]))}, {"cell": np.arange(4)}
    )
    assert mask_open_water(domain, Mask()).values.tolist() == [False, False, True, True]


def test_a_domain_without_water_masks_nothing_and_says_so_once(capsys):
    mask._print_once.cache_clear()
    domain = xr.Dataset(coords={"cell": np.arange(3, dtype=np.int32)})
    for _ in range(2):
        water = mask_open_water(domain, Mask())
        assert water.dims == ("cell",) and water.dtype == bool and not water.any()
    assert capsys.readouterr().err == "the domain has no water_fraction: open water is not masked\n"


def test_a_surface_is_selected_on_the_days_of_a_source():
    days = np.arange("2012-01-01", "2012-01-11", dtype="datetime64[D]").astype("datetime64[ns]")
    surface = xr.Dataset(
        {"t_surface": (("time", "cell"), np.arange(20.0).reshape(10, 2))},
        {"time": days, "cell": [4, 9]},
    )
    part = select_days(surface, surface[["time", "cell"]].isel(time=slice(3, 6)))
    np.testing.assert_array_equal(part["t_surface"], surface["t_surface"][3:6])
    assert select_days(surface, surface.isel(time=slice(0))).sizes["time"] == 0
    with pytest.raises(GlabError, match="lacks days"):
        select_days(surface.isel(time=slice(4)), surface.isel(time=slice(3, 6)))
    with pytest.raises(GlabError, match="another domain"):
        select_days(surface, surface.assign_coords(cell=[4, 8]))
