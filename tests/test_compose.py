"""Composition: weights by error, modes, several references, origins, and the step."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from fixtures_learning import toy_domain
from glab import io
from glab.calendar import days_of_year
from glab.config import Compose, Mask, Series, config_from, load_config
from glab.errors import GlabError
from glab.products.compose import compose_tb, difference_sums, origin_flags
from glab.steps.compose import compose as step
from glab.variables import lookup

ROOT = Path(__file__).parents[1]

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


def settings(sensors=SENSORS, **changes):
    """Settings of `compose`; `series` and `origins` for every reference that is named."""
    options = {"mode": "blend", "reference_error_k": 2.0} | changes
    references = options.setdefault("references", ["smos_l3"])
    spec = Series(variables=["tb"], select={"angle": 42.5})
    origins = {name: name.partition("_")[0] for name in references}
    return Compose(
        series=dict.fromkeys(references, spec),
        origins=origins,
        mask=Mask(),
        sensors=sensors,
        **options,
    )


def compose_smos(smos, predictions, sensors=SENSORS, **changes):
    """The composition of one reference or none."""
    references = {} if smos is None else {"smos_l3": smos}
    return compose_tb(references, predictions, settings(sensors, **changes))


SMOS = days([240, NAN, 240, NAN])
NETWORK = network([250, 250, NAN, NAN])


def test_blend_weights_by_inverse_error_variance():
    composed = compose_smos(SMOS, {"amsr_smos": NETWORK})
    smos, net = 1 / 4, 1 / (1 + 2.25)
    fraction = net / (smos + net)
    expected = [240 + 10 * fraction, 250, 240, NAN]
    np.testing.assert_allclose(composed["tb"][:, 0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(composed["tb_std"][:, 0, 1], [fraction, 1, 0, NAN], rtol=1e-5)
    data = [np.hypot(fraction * 1.5, (1 - fraction) * 2), 1.5, 2, NAN]
    np.testing.assert_allclose(composed["tb_std_data"][:, 0, 0], data, rtol=1e-5)
    total = np.hypot(composed["tb_std"], composed["tb_std_data"])
    np.testing.assert_allclose(composed["tb_std_total"], total, rtol=1e-6)
    best = np.sqrt(1 / (smos + net))
    assert composed["tb_std_total"][0, 0, 0] == pytest.approx(best, rel=1e-5)
    assert composed["origin"][:, 0].values.tolist() == [5, 3, 1, 0]


@pytest.mark.parametrize("mode,first,origin", [("observed", 240, 1), ("network", 250, 3)])
def test_precedence(mode, first, origin):
    composed = compose_smos(SMOS, {"amsr_smos": NETWORK}, mode=mode)
    np.testing.assert_allclose(composed["tb"][:, 0, 0], [first, 250, 240, NAN])
    assert composed["origin"][:, 0].values.tolist() == [origin, 3, 1, 0]
    std = 2 if mode == "observed" else 3.25**0.5
    assert composed["tb_std_total"][0, 0, 0] == pytest.approx(std)


def test_the_reference_brings_its_own_error_where_it_has_one():
    smos = days([240, 240], tb_error=[1.0, NAN])
    composed = compose_smos(smos, {"amsr_smos": network([250, 250])})
    fraction = np.array([(1 / 3.25) / (1 / 3.25 + 1 / v) for v in (1.0, 4.0)])
    np.testing.assert_allclose(composed["tb"][:, 0, 0], 240 + 10 * fraction, rtol=1e-6)


def test_the_origin_names_the_sensor_of_the_network():
    predicted = network([250, 250])
    predicted["sensor"].values[:, 0] = [0, 1]
    composed = compose_smos(days([240, NAN]), {"amsr_smos": predicted})
    assert composed["origin"][:, 0].values.tolist() == [4, 3]


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
    composed = compose_smos(None, links, sensors)
    assert composed["channel"].values.tolist() == ["h", "v"]
    np.testing.assert_allclose(composed["tb"][:, 0], [[250, 260], [251, 261]])
    assert composed["origin"][:, 0].values.tolist() == [2, 3]


def test_a_value_of_one_polarisation_only():
    smos = days([240.0])
    smos["tb"].values[0, 0, 1] = NAN
    composed = compose_smos(smos, {})
    np.testing.assert_allclose(composed["tb"][0, 0], [240, NAN])
    assert composed["origin"].item() == 1


def test_a_perfect_network_takes_all_the_weight():
    predicted = network([250.0], structural=0.0, data=0.0)
    composed = compose_smos(days([240.0]), {"amsr_smos": predicted})
    np.testing.assert_allclose(composed["tb"][0, 0], 250, atol=1e-4)


def test_faults_are_reported():
    with pytest.raises(GlabError, match="nothing to compose"):
        compose_smos(None, {})
    with pytest.raises(GlabError, match="different days"):
        compose_smos(SMOS, {"amsr_smos": network([250])})
    with pytest.raises(GlabError, match="unknown channel"):
        compose_smos(days([240], channels=("h",)), {})


# --- several references -----------------------------------------------------------------------

TWO = {"references": ["smos_l3", "smap_l3"], "reference_error_k": {"smos_l3": 2.0, "smap_l3": 1.0}}
SMAP = days([246, 246, NAN, NAN])


def test_several_references_are_weighted_by_their_errors():
    observed = {"smos_l3": SMOS, "smap_l3": SMAP}
    composed = compose_tb(observed, {"amsr_smos": NETWORK}, settings(**TWO))
    values, errors = np.array([240, 246, 250]), np.array([2.0, 1.0, 3.25**0.5])
    weights = 1 / errors**2
    both = weights[1:] / weights[1:].sum()
    expected = [(weights * values).sum() / weights.sum(), both @ [246, 250], 240, NAN]
    np.testing.assert_allclose(composed["tb"][:, 0, 0], expected, rtol=1e-6)
    best = 1 / np.sqrt(weights.sum())
    assert composed["tb_std_total"][0, 0, 1] == pytest.approx(best, rel=1e-5)
    assert meanings(composed) == ["smos_and_smap_and_amsr2_network", "smap_and_amsr2_network",
                                  "smos", "none"]  # fmt: skip


@pytest.mark.parametrize("mode", ["observed", "network"])
def test_modes_with_several_references(mode):
    observed = {"smos_l3": SMOS, "smap_l3": SMAP}
    composed = compose_tb(observed, {"amsr_smos": NETWORK}, settings(mode=mode, **TWO))
    mean = (240 / 4 + 246) / (1 / 4 + 1)
    expected = [mean, 246, 240, NAN] if mode == "observed" else [250, 250, 240, NAN]
    np.testing.assert_allclose(composed["tb"][:, 0, 0], expected, rtol=1e-6)
    origins = ["smos_and_smap", "smap"] if mode == "observed" else ["amsr2_network"] * 2
    assert meanings(composed) == [*origins, "smos", "none"]
    if mode == "observed":
        assert composed["tb_std"].max() == 0
        assert composed["tb_std_data"][0, 0, 0] == pytest.approx(0.8**0.5)


def test_the_order_of_references_is_that_of_the_settings():
    observed = {"smap_l3": SMAP, "smos_l3": SMOS}
    one = compose_tb(observed, {}, settings(**TWO))
    two = compose_tb(dict(reversed(observed.items())), {}, settings(**TWO))
    xr.testing.assert_identical(one, two)


def test_a_year_without_a_further_reference_is_composed_as_without_it():
    alone = compose_smos(SMOS, {"amsr_smos": NETWORK})
    other = compose_tb({"smos_l3": SMOS}, {"amsr_smos": NETWORK}, settings(**TWO))
    for name in alone.data_vars:
        np.testing.assert_array_equal(alone[name], other[name])


def test_errors_of_references_by_source():
    observed = {"smos_l3": SMOS, "smap_l3": SMAP}
    options = {"references": list(observed), "reference_error_k": {"smap_l3": 1.0}}
    composed = compose_tb(observed, {}, settings(mode="observed", **options))
    expected = np.array([1 / (1 / 6.25 + 1), 1, 6.25, NAN]) ** 0.5
    np.testing.assert_allclose(composed["tb_std_total"][:, 0, 0], expected, rtol=1e-6)


def test_differences_of_references_over_common_values():
    observed = {"smos_l3": days([240, NAN, 242, NAN]), "smap_l3": days([246, 246, 243, NAN])}
    sums = difference_sums(observed)
    np.testing.assert_array_equal(sums["smap_l3"], [[7, 7], [2, 2]])
    assert difference_sums({"smos_l3": SMOS}) == {}


def test_origins_of_the_default_run_keep_their_values():
    first = list(lookup("origin").flags)
    assert first[:5] == ["none", "smos", "amsre_network", "amsr2_network", "smos_and_amsre_network"]
    one = origin_flags(["smos"], ["amsre", "amsr2"])
    assert one["flag_meanings"].split() == first
    assert one["flag_values"].tolist() == list(range(6))
    two = origin_flags(["smos", "smap"], ["amsre", "amsr2"])
    further = two["flag_meanings"].split()
    assert further[:6] == first and len(set(further)) == len(two["flag_values"]) == 12
    assert further[6:8] == ["smap", "smap_and_amsre_network"]
    assert further[-1] == "smos_and_smap_and_amsr2_network"


def test_a_sensor_that_is_no_amsr():
    composed = compose_smos(days([240, NAN]), {"x": network([250, 250])}, {"x": ["ssmi", "gmi"]})
    assert meanings(composed) == ["smos_and_gmi_network", "gmi_network"]


def meanings(composed):
    """The meaning of each day's `origin`, of one cell, by the array's own flags."""
    names = composed["origin"].attrs["flag_meanings"].split()
    return [names[code] for code in composed["origin"].values[:, 0]]


def test_names_of_references_in_origin():
    load = [ROOT / "config" / name for name in ("config.yaml", "smap_l3.yaml")]
    assert load_config(load).compose_of().origins == {"tb40": "smos", "smap_l3": "smap"}
    content = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    content["compose"]["references"] = ["tb40", "smos_l3"]
    names = config_from(content).compose_of().origins
    assert names == {"tb40": "tb40", "smos_l3": "smos_l3"}, "one name for two would not tell them"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "tb40"}, "write compose.references"),
        ({"references": []}, "at least 1"),
        ({"references": ["tb40", "tb40"]}, "twice"),
        ({"references": ["tb41"]}, "tb41"),
        ({"references": ["tb40"], "reference_error_k": {"smap": 1.0}}, "no reference 'smap'"),
        ({"references": ["surface_evening"]}, "has no series"),
    ],
)
def test_faults_of_the_settings(options, message):
    content = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    content["compose"] = {"links": ["amsr_smos"]} | options
    with pytest.raises(GlabError, match=message):
        config_from(content).compose_of()


# --- the step ---------------------------------------------------------------------------------


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
        io.write(dataset, paths[name], io.Provenance("regrid"))
    return paths


def test_step_masks_the_reference_and_writes_every_day(files, tmp_path):
    arguments = {
        "domain": files["domain"], "year": 2012, "settings": settings(mode="observed"),
        "predictions": [files["amsr_smos"]], "references": [files["smos_l3"]],
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
    common = {"domain": files["domain"], "year": 2012, "settings": settings(mode="observed")}
    step(output=tmp_path / "n.nc", predictions=[files["amsr_smos"]], **common)
    found = io.read(tmp_path / "n.nc").load()
    assert np.isnan(found["tb"].values[300:]).all()
    assert set(np.unique(found["origin"])) == {0, 3}
    common |= {"references": [files["smos_l3"]], "surface": [files["surface"]]}
    step(output=tmp_path / "s.nc", **common)
    assert set(np.unique(io.read(tmp_path / "s.nc")["origin"])) == {0, 1}


def test_step_with_two_references(files, tmp_path, capsys):
    smap = io.read(files["smos_l3"]).load().isel(angle=[0]) + 4
    smap["tb"].values[:100] = NAN
    io.write(smap, tmp_path / "smap_l3" / "2012.nc", io.Provenance("regrid"))
    references = [tmp_path / "smap_l3" / "2012.nc", files["smos_l3"]]
    common = {"domain": files["domain"], "year": 2012, "settings": settings(**TWO)}
    common |= {"references": references, "surface": [files["surface"]]}
    step(output=tmp_path / "two.nc", **common)
    composed = io.read(tmp_path / "two.nc").load()
    tb, names = composed["tb"].values[:, 4, 0], composed["origin"].attrs["flag_meanings"].split()
    np.testing.assert_allclose(tb[[50, 200]], [240, 243.2], atol=0.01)
    assert [names[code] for code in composed["origin"].values[[50, 200], 4]] == [
        "smos", "smos_and_smap",
    ]  # fmt: skip
    assert capsys.readouterr().out.startswith(
        "tb of smap_l3 minus smos_l3: h +4.00 K (2394 values), v +4.00 K"
    )


def test_step_refuses_a_file_of_no_reference(files, tmp_path):
    common = {"domain": files["domain"], "year": 2012, "settings": settings()}
    with pytest.raises(GlabError, match="unknown reference 'surface'"):
        step(output=tmp_path / "n.nc", references=[files["surface"]], **common)


def test_step_replaces_the_composed_tb_by_the_truth(files, tmp_path):
    domain, time = io.read(files["domain"]).load(), np.arange("2012", "2014", dtype="datetime64[D]")
    cells = np.sort(np.append(domain["cell"].values, 900_000))
    tb = np.empty((len(time), len(cells), 2), "f4")
    tb[...] = 200.0 + np.arange(len(cells))[:, None]
    truth = xr.Dataset(
        {"tb": (("time", "cell", "channel"), tb)},
        {"time": time.astype("datetime64[ns]"), "cell": cells, "channel": ["h", "v"]},
    )
    io.write(truth, tmp_path / "truth.nc", io.Provenance("simulate"))
    common = {"domain": files["domain"], "year": 2012, "settings": settings(mode="observed")}
    step(output=tmp_path / "t.nc", truth=tmp_path / "truth.nc", **common)
    found = io.read(tmp_path / "t.nc").load()
    np.testing.assert_array_equal(found["cell"], domain["cell"])
    expected = 200.0 + np.searchsorted(cells, domain["cell"].values)
    np.testing.assert_allclose(found["tb"].values[100, :, 1], expected, atol=0.01)
    assert found.sizes["time"] == 366
