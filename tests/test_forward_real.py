"""A real day of GLDAS through the forward model, against what L-band radiometers see there."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(os.environ.get("GLAB_REAL_DATA", ""))
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "real_forward.py"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def tb():
    spec = importlib.util.spec_from_file_location("real_forward", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    files = FOLDER / script.GLDAS, FOLDER / script.MASK
    if not all(path.is_file() for path in files):
        pytest.skip("GLAB_REAL_DATA holds no GLDAS and ESA CCI mask")
    return script.forward(*files)["tb"]


def box(tb, south, north, west, east):
    """(H, V) of the cells in a box."""
    lat = (tb["lat"].values >= south) & (tb["lat"].values <= north)
    lon = (tb["lon"].values >= west) & (tb["lon"].values <= east)
    cells = tb.values[:, lat][:, :, lon].reshape(2, -1)
    return cells[:, np.isfinite(cells).all(axis=0)]


def test_every_thawed_land_cell_has_a_possible_value(tb):
    seen = np.isfinite(tb.values).all(axis=0)
    assert seen.sum() > 80_000
    h, v = tb.values[:, seen]
    assert h.min() > 120 and v.max() < 305 and (v > h).all()


def test_rain_forest_is_warm_and_unpolarised(tb):
    h, v = box(tb, -6, 0, -68, -58)
    assert 268 < np.median(h) < 285 and np.median(v - h) < 6


def test_desert_is_strongly_polarised(tb):
    h, v = box(tb, 19, 25, 0, 25)
    assert 225 < np.median(h) < 260 and 265 < np.median(v) < 295
    assert 25 < np.median(v - h) < 50


def test_wet_ground_is_colder_than_dry(tb):
    sahel, tunisia = box(tb, 13, 16, -5, 20), box(tb, 34, 37, 7, 11)
    assert np.median(tunisia[0]) < np.median(sahel[0]) - 20
