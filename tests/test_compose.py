"""Composition: weights by error, modes, origins, single-polarisation links, and the step."""

import numpy as np
import pytest
import xarray as xr

from fixtures_learning import toy_domain
from glab import io
from glab.calendar import days_of_year
from glab.config import Compose, ComposeOptions, Mask, Series
from glab.errors import GlabError
from glab.products.compose import compose_tb
from glab.steps.compose import compose as step

NAN = np.nan
SENSORS = {"amsr_smos": ["amsre", "amsr2"]}


def days(values, channels=("h", "v"), first="2012-08-01", **others):
    """A dataset of one cell: a value for each day, the same in each channel."""
    time = np.datetime64(first, "ns") + np.arange(len(values)) * np.timedelta64(1, "D")

    def layer(column):
        column = np.asarray(column, "f4")[:, None, None]
        return ("time", "cell", "channel"), np.repeat(column, len(channels), axis=2)

    dataset = xr.Dataset(
        {"tb": layer(values)} | {name: layer(column) for name, column in others.items()},
        {"time": time, "cell": [5], "channel": list(channels)},
    )
    dataset["sensor"] = ("time", "cell"), np.ones((len(values), 1), "i2")
    return dataset


def network(values, structural=1.0, data=1.5, **kwargs):
    size = len(values)
    return days(values, tb_std=[structural] * size, tb_std_data=[data] * size, **kwargs)


def choice(**changes):
    return ComposeOptions(**{"mode": "blend", "reference_error_k": 2.0} | changes)


SMOS = days([240, NAN, 240, NAN])
NETWORK = network([250, 250, NAN, NAN])


def test_blend_weights_by_inverse_error_variance():
    found = compose_tb(SMOS, {"amsr_smos": NETWORK}, choice(), SENSORS)
    smos, made = 1 / 4, 1 / (1 + 2.25)
    share = made / (smos + made)
    expected = [240 + 10 * share, 250, 240, NAN]
    np.testing.assert_allclose(found["tb"][:, 0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(found["tb_std"][:, 0, 1], [share, 1, 0, NAN], rtol=1e-5)
    data = [np.hypot(share * 1.5, (1 - share) * 2), 1.5, 2, NAN]
    np.testing.assert_allclose(found["tb_std_data"][:, 0, 0], data, rtol=1e-5)
    total = np.hypot(found["tb_std"], found["tb_std_data"])
    np.testing.assert_allclose(found["tb_std_total"], total, rtol=1e-6)
    assert found["tb_std_total"][0, 0, 0] == pytest.approx(np.sqrt(1 / (smos + made)), rel=1e-5)
    assert found["origin"][:, 0].values.tolist() == [5, 3, 1, 0]


@pytest.mark.parametrize("mode,first,origin", [("observed", 240, 1), ("network", 250, 3)])
def test_precedence(mode, first, origin):
    found = compose_tb(SMOS, {"amsr_smos": NETWORK}, choice(mode=mode), SENSORS)
    np.testing.assert_allclose(found["tb"][:, 0, 0], [first, 250, 240, NAN])
    assert found["origin"][:, 0].values.tolist() == [origin, 3, 1, 0]
    assert found["tb_std_total"][0, 0, 0] == pytest.approx(2 if mode == "observed" else 3.25**0.5)


def test_the_reference_brings_its_own_error_where_it_has_one():
    smos = days([240, 240], tb_error=[1.0, NAN])
    found = compose_tb(smos, {"amsr_smos": network([250, 250])}, choice(), SENSORS)
    share = [(1 / 3.25) / (1 / 3.25 + 1 / v) for v in (1.0, 4.0)]
    np.testing.assert_allclose(found["tb"][:, 0, 0], 240 + 10 * np.array(share), rtol=1e-6)


def test_records_tell_the_sensor():
    made = network([250, 250])
    made["sensor"].values[:, 0] = [0, 1]
    found = compose_tb(days([240, NAN]), {"amsr_smos": made}, choice(), SENSORS)
    assert found["origin"][:, 0].values.tolist() == [4, 3]


def test_one_network_for_each_polarisation():
    links = {
        "e_h": network([250, NAN], channels=("h",)),
        "e_v": network([260, NAN], channels=("v",)),
        "two_h": network([999, 251], channels=("h",)),
        "two_v": network([999, 261], channels=("v",)),
    }
    for dataset in links.values():
        dataset["sensor"].values[:] = 0
    sensors = {name: ["amsre" if name[0] == "e" else "amsr2"] for name in links}
    found = compose_tb(None, links, choice(), sensors)
    assert found["channel"].values.tolist() == ["h", "v"]
    np.testing.assert_allclose(found["tb"][:, 0], [[250, 260], [251, 261]])
    assert found["origin"][:, 0].values.tolist() == [2, 3]


def test_a_value_of_one_polarisation_only():
    smos = days([240.0])
    smos["tb"].values[0, 0, 1] = NAN
    found = compose_tb(smos, {}, choice(), SENSORS)
    np.testing.assert_allclose(found["tb"][0, 0], [240, NAN])
    assert found["origin"].item() == 1


def test_a_perfect_network_takes_all_the_weight():
    made = network([250.0], structural=0.0, data=0.0)
    found = compose_tb(days([240.0]), {"amsr_smos": made}, choice(), SENSORS)
    np.testing.assert_allclose(found["tb"][0, 0], 250, atol=1e-4)


def test_faults_are_told():
    with pytest.raises(GlabError, match="nothing to compose"):
        compose_tb(None, {}, choice(), SENSORS)
    with pytest.raises(GlabError, match="different days"):
        compose_tb(SMOS, {"amsr_smos": network([250])}, choice(), SENSORS)
    with pytest.raises(GlabError, match="unknown sensor 'ssmi'"):
        compose_tb(None, {"x": NETWORK}, choice(), {"x": ["ssmi", "amsr2"]})
    with pytest.raises(GlabError, match="unknown channel"):
        compose_tb(days([240], channels=("h",)), {}, choice(), SENSORS)


@pytest.fixture
def files(tmp_path):
    """A year of SMOS at two angles, of one link, and of a frost."""
    domain, time = toy_domain(3, tiles=1), days_of_year(2012).astype("datetime64[ns]")
    coords = {"time": time, "cell": domain["cell"]}
    shape = (366, 9)
    raw = np.full((*shape, 2, 2), 240.0, "f4")
    raw[:, :, 1] = 100.0
    places = {"angle": [42.5, 52.5], "channel": ["h", "v"]}
    smos = xr.Dataset({"tb": (("time", "cell", "angle", "channel"), raw)}, coords | places)
    warm = np.where(np.arange(366) < 40, 260.0, 290.0)[:, None] * np.ones(9)
    frost = xr.Dataset({"t_surface": (("time", "cell"), warm.astype("f4"))}, coords)
    layers = {"tb": 250.0, "tb_std": 1.0, "tb_std_data": 1.0}
    made = xr.Dataset(
        {n: (("time", "cell", "channel"), np.full((*shape, 2), v, "f4")) for n, v in layers.items()}
        | {"sensor": (("time", "cell"), np.ones(shape, "i2"))},
        coords | {"channel": ["h", "v"]},
    )
    made["tb"].values[300:] = NAN
    paths = {}
    for name, dataset in {
        "domain": domain, "surface": frost, "smos_l3": smos, "amsr_smos": made,
    }.items():  # fmt: skip
        paths[name] = tmp_path / name / "2012.nc"
        io.write(dataset, paths[name], io.Provenance(name))
    return paths


def slice_of(**changes):
    given = {
        "mode": "observed",
        "series": Series(variables=["tb"], select={"angle": 42.5}),
        "mask": Mask(),
        "sensors": SENSORS,
    }
    return Compose(**given | changes)


def test_step_masks_the_reference_and_writes_every_day(files, tmp_path):
    arguments = {
        "domain": files["domain"], "year": 2012, "settings": slice_of(),
        "predictions": [files["amsr_smos"]], "reference": files["smos_l3"],
        "surface": [files["surface"]],
    }  # fmt: skip
    for name in ("one", "two"):
        step(output=tmp_path / name / "2012.nc", **arguments)
    one, two = ((tmp_path / name / "2012.nc").read_bytes() for name in ("one", "two"))
    assert one == two
    found = io.read(tmp_path / "one" / "2012.nc").load()
    values = found["tb"].values[:, 4, 0]
    np.testing.assert_allclose(values[:40], 250, atol=0.01)
    np.testing.assert_allclose(values[40:], 240, atol=0.01)
    assert found["origin"].values[[0, 50, 350], 0].tolist() == [3, 1, 1]
    assert found.sizes["time"] == 366


def test_step_without_reference_or_without_networks(files, tmp_path):
    common = {"domain": files["domain"], "year": 2012, "settings": slice_of()}
    step(output=tmp_path / "n.nc", predictions=[files["amsr_smos"]], **common)
    found = io.read(tmp_path / "n.nc").load()
    assert np.isnan(found["tb"].values[300:]).all()
    assert set(np.unique(found["origin"])) == {0, 3}
    step(output=tmp_path / "s.nc", reference=files["smos_l3"], surface=[files["surface"]], **common)
    assert set(np.unique(io.read(tmp_path / "s.nc")["origin"])) == {0, 1}


def test_step_puts_the_truth_in_the_place_of_the_record(files, tmp_path):
    domain, time = io.read(files["domain"]).load(), np.arange("2012", "2014", dtype="datetime64[D]")
    cells = np.sort(np.append(domain["cell"].values, 900_000))
    tb = np.empty((len(time), len(cells), 2), "f4")
    tb[...] = 200.0 + np.arange(len(cells))[:, None]
    truth = xr.Dataset(
        {"tb": (("time", "cell", "channel"), tb)},
        {"time": time.astype("datetime64[ns]"), "cell": cells, "channel": ["h", "v"]},
    )
    io.write(truth, tmp_path / "truth.nc", io.Provenance("simulate"))
    common = {"domain": files["domain"], "year": 2012, "settings": slice_of()}
    step(output=tmp_path / "t.nc", truth=tmp_path / "truth.nc", **common)
    found = io.read(tmp_path / "t.nc").load()
    np.testing.assert_array_equal(found["cell"], domain["cell"])
    expected = 200.0 + np.searchsorted(cells, domain["cell"].values)
    np.testing.assert_allclose(found["tb"].values[100, :, 1], expected, atol=0.01)
    assert found.sizes["time"] == 366
