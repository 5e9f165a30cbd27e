"""Settings of links: both methods, the slices of their stages, and what they forbid."""

from pathlib import Path

import pytest

from glab.config import Config, Features, config_from, load_config, merge_overlay, plan
from glab.errors import GlabError

FOLDER = Path(__file__).parents[1] / "config"


def load(*names: str) -> Config:
    return load_config([FOLDER / f"{name}.yaml" for name in names])


@pytest.fixture(scope="module")
def default():
    return load("config")


@pytest.fixture(scope="module")
def published():
    return load("config", "published")


def test_the_default_pools_both_sensors_and_gives_no_coordinates(default):
    link = default.links["amsr_smos"]
    assert [sensor.inputs[0].source for sensor in link.sensors] == ["amsre", "amsr2"]
    assert {sensor.baseline for sensor in link.sensors} == {"amsre", "amsr2"}
    assert not any(each.features.coordinates for each in default.links.values())
    assert default.links["tb_vod"].footprint == "M36"
    assert default.links["tb_vod"].offset_pairs is None


def test_published_has_a_network_for_each_sensor_and_polarisation(published):
    names = {f"{sensor}_smos_{p}" for sensor in ("amsre", "amsr2") for p in "hv"}
    assert set(published.links) == names | {"tb_vod"}
    for p in "hv":
        start, moved = published.links[f"amsr2_smos_{p}"], published.links[f"amsre_smos_{p}"]
        assert start.target.channels == moved.target.channels == [p]
        assert (moved.start_from, moved.frozen_layers) == (f"amsr2_smos_{p}", 2)
        assert (start.network.epochs, moved.network.epochs) == (100, 70)
        assert start.network.hidden == moved.network.hidden == [1512, 1000, 800, 600, 400, 200]
    for link in published.links.values():
        assert link.features == Features(
            means_days=[], means_values_min=[], climatology=False, coordinates=True
        )
        assert link.noise_fraction == 0.1 and link.footprint is None
    assert published.climatology.form == "published"
    assert published.compose_of().sensors["amsre_smos_v"] == ["amsre"]


def test_published_trains_on_smos_and_predicts_from_the_composed_record(published):
    trained = {r.source for r in plan.training_residuals(published, "tb_vod")}
    applied = {r.source for r in plan.prediction_residuals(published, "tb_vod", 2005)}
    assert trained == {"smos_l3", "casm", "smap_ib"}
    assert applied == {"compose", "casm"}


def test_held_out_years_are_sampled_outside_of_the_baselines():
    demo = load("config", "demo")
    assert demo.splits.held_out_years == [2018]
    assert 2018 not in demo.baseline_years("vod")
    assert 2018 in demo.training_years("tb_vod")
    years = {r.year for r in plan.training_residuals(demo, "tb_vod") if r.source == "smap_ib"}
    assert years == {2015, 2016, 2017, 2018}


def test_a_slice_holds_what_its_stage_depends_on_and_no_more(default):
    changed = config_from(
        merge_overlay(default.model_dump(), {"links": {"tb_vod": {"network": {"epochs": 7}}}})
    )
    for stage, same in (
        ("samples", True),
        ("train", False),
        ("calibrate", True),
        ("predict", True),
    ):
        before, after = (getattr(each, f"{stage}_of")("tb_vod") for each in (default, changed))
        assert (before == after) == same, stage
    again = type(default.samples_of("tb_vod")).model_validate_json(
        default.samples_of("tb_vod").model_dump_json()
    )
    assert again == default.samples_of("tb_vod")


@pytest.mark.parametrize(
    "overlay",
    [
        {"compose": {"links": ["amsr_smoss"]}},
        {"links": {"tb_vod": {"start_from": "nothing"}}},
        {"links": {"tb_vod": {"features": {"means_days": [365, 91]}}}},
        {"links": {"tb_vod": {"features": {"means_days": [91]}}}},
        {"links": {"tb_vod": {"sensors": []}}},
        {"links": {"tb_vod": {"network": {"activations": []}}}},
        {"links": {"tb_vod": {"network": {"los": "huber"}}}},
    ],
)
def test_an_invalid_link_is_an_error(default, overlay):
    with pytest.raises(GlabError):
        config_from(merge_overlay(default.model_dump(), overlay))


@pytest.mark.parametrize(
    ("overlay", "target", "inputs"),
    [
        ("smosmap_ib", "smosmap_ib", {"compose", "casm", "surface"}),
        ("smos_ib", "retrieve", {"compose", "inversion", "surface"}),
    ],
)
def test_a_target_that_begins_in_2010(default, overlay, target, inputs):
    other = load("config", overlay)
    assert other.links["amsr_smos"] == default.links["amsr_smos"]
    kept = {"sensors", "target", "network"}
    link, before = other.links["tb_vod"], default.links["tb_vod"]
    assert link.model_dump(exclude=kept) == before.model_dump(exclude=kept)
    assert link.target.variable == "vod" and other.baselines["vod"].start.year == 2010
    drawn = plan.training_residuals(other, "tb_vod")
    assert {r.source for r in drawn} == inputs | {target}
    assert {r.year for r in drawn if r.source == target} == set(range(2010, 2021))


def test_without_casm_the_vod_link_predicts_years_after_2020():
    later = config_from(
        merge_overlay(load("config", "smos_ib").model_dump(), {"years": {"last": 2023}})
    )
    assert plan.link_years(later, "tb_vod")[-1] == 2023


@pytest.mark.parametrize(
    ("source", "series"),
    [
        ("smos_l3", {"select": {"overpass": "ascending", "angle": 40.0}}),
        ("smos_ic", {"variables": ["tb"], "select": {"overpass": "ascending"}}),
    ],
)
def test_the_tb_of_smos_is_a_setting(default, source, series):
    """A bin of SMOS L3, or SMOS-IC's fitted TB, in place of the 40° TB."""
    changed = {
        "sources": {source: {"series": series}},
        "links": {"amsr_smos": {"target": {"source": source}}},
        "compose": {"references": [source]},
    }
    other = config_from(merge_overlay(default.model_dump(), changed))
    assert other.compose_of().series[source].select == series["select"]
    drawn = {r.source for r in plan.training_residuals(other, "amsr_smos")}
    assert drawn == {"amsre", "amsr2", source}


# --- products and the links they come from -------------------------------------------------------


def with_overlay(base: Config, **overlay) -> Config:
    return config_from(merge_overlay(base.model_dump(), overlay))


def test_products_use_the_default_vod_link_and_its_baseline(default, published):
    assert plan.links_in_use(default) == ["amsr_smos", "tb_vod"]
    assert plan.residual_baseline(default, 2010) == "vod"
    assert plan.residual_baseline(published, 2010) == "own"


@pytest.mark.parametrize(
    ("products", "links"),
    [
        ({"glab_tb": None, "glab_vod": None}, []),
        ({"smos_ib": None, "glab_vod": None}, ["amsr_smos"]),
        ({"smos_ib": None, "glab_tb": None}, ["amsr_smos", "tb_vod"]),
    ],
)
def test_a_product_uses_its_own_links_only(default, products, links):
    assert plan.links_in_use(with_overlay(default, products=products)) == links


def test_a_vod_link_without_composed_tb_needs_no_other_link(default):
    sensor = {"baseline": "vod", "inputs": [{"source": "smos_l3", "variable": "tb"}]}
    links = {"smos_vod": default.links["tb_vod"].model_dump() | {"sensors": [sensor]}}
    products = {"glab_tb": None, "glab_vod": {"link": "smos_vod"}}
    assert plan.links_in_use(with_overlay(default, links=links, products=products)) == ["smos_vod"]
    other = with_overlay(default, links=links, products={"glab_tb": {"link": "smos_vod"}})
    with pytest.raises(GlabError, match=r"products\.glab_tb\.baseline"):
        plan.residual_baseline(other, 2010)


def test_the_residual_of_glab_tb_can_have_a_baseline_of_its_own(default):
    products = {"glab_vod": None, "glab_tb": {"baseline": "amsr2"}}
    other = with_overlay(default, links={"tb_vod": None}, products=products)
    assert plan.residual_baseline(other, 2010) == "amsr2"
    assert plan.links_in_use(other) == ["amsr_smos"]


def test_glab_tb_goes_on_where_other_inputs_of_the_vod_link_end(default):
    later = with_overlay(default, years={"last": 2023})
    assert 2023 not in plan.link_years(later, "tb_vod")
    assert plan.residual_baseline(later, 2023) == "vod"
