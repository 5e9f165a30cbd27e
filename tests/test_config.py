"""Settings: closed sections, overlays, slices, and what results need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from glab.config import Config, config_from, load_config, merge_overlay, plan
from glab.config.__main__ import schema
from glab.config.faults import FORMERLY
from glab.errors import GlabError

FOLDER = Path(__file__).parents[1] / "config"
GLOBAL = FOLDER / "config.yaml"
OVERLAYS = sorted(path for path in FOLDER.glob("*.yaml") if path != GLOBAL)


@pytest.fixture(scope="module")
def content() -> dict:
    return yaml.safe_load(GLOBAL.read_text())


@pytest.fixture(scope="module")
def whole() -> Config:
    return load_config([GLOBAL])


@pytest.fixture(scope="module")
def small() -> Config:
    return load_config([GLOBAL, FOLDER / "test.yaml"])


def changed(content: dict, **overlay: object) -> Config:
    return config_from(merge_overlay(content, overlay))


# --- reading ---------------------------------------------------------------------------------


def test_the_schema_is_that_of_the_code() -> None:
    assert (FOLDER / "schema.json").read_text() == schema(), "make schema"


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_overlays_hold_differences_only(overlay: Path, content: dict) -> None:
    same = [
        key
        for key, value in yaml.safe_load(overlay.read_text()).items()
        if content.get(key) == value
    ]
    assert not same
    load_config([GLOBAL, overlay])


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"yaers": {"first": 2003}}, "did you mean 'years'"),
        ({"domain": {"tile_cell": 3}}, "did you mean 'tile_cells'"),
        ({"links": {"tb_vod": {"network": {"epoch": 3}}}}, "did you mean 'epochs'"),
        ({"domain": {"land_fraction_min": 1.5}}, "domain.land_fraction_min"),
        ({"baselines": {"vod": {"start": "2021-01-01"}}}, "before it starts"),
        ({"links": {"tb_vod": {"start_from": "tb_vdo"}}}, "did you mean 'tb_vod'"),
        ({"sources": {"casm": {"reader": None}}}, "needs a reader"),
        ({"sources": {"casm": None}}, "unknown source 'casm'"),
        ({"baselines": {"vod": None}}, "unknown baseline 'vod'"),
        ({"train": {"form": "."}}, "did you mean 'from'"),
        ({"evaluate": {"controls": ["tb_vod_lin"]}}, "did you mean 'tb_vod'"),
        ({"products": {"glab_vdo": {"first": 2002, "last": 2003}}}, "did you mean 'glab_vod'"),
        ({"products": {"glab_vod": {"link": "tb_vodd"}}}, "did you mean 'tb_vod'"),
        ({"products": {"glab_tb": {"baseline": "amsr"}}}, "did you mean 'amsre'"),
    ],
)
def test_an_invalid_setting_is_an_error(overlay: dict, message: str, content: dict) -> None:
    with pytest.raises(GlabError, match=message):
        changed(content, **overlay)


@pytest.mark.parametrize(
    ("overlay", "new"),
    [
        ({"links": {"tb_vod": {"records": []}}}, "links.tb_vod.sensors"),
        ({"links": {"mine": {"records": [], "target": {}}}}, "links.mine.sensors"),
        ({"links": {"tb_vod": {"member_share": 1}}}, "links.tb_vod.member_fraction"),
        ({"links": {"tb_vod": {"noise_share": 1}}}, "links.tb_vod.noise_fraction"),
        ({"links": {"tb_vod": {"network": {"rebased_share": 1}}}}, "network.rebased_fraction"),
        ({"links": {"tb_vod": {"network": {"places_share": 1}}}}, "network.places_fraction"),
        ({"splits": {"held_out_share": 1}}, "splits.held_out_fraction"),
        ({"splits": {"validation_share": 1}}, "splits.validation_fraction"),
        ({"regrid": {"bad_share_max": 1}}, "regrid.bad_fraction_max"),
        ({"evaluate": {"stations": {"archive": "x"}}}, "{kind: stations, archive: data/ismn}}"),
        ({"evaluate": {"window_share_min": 1}}, "evaluate.window_fraction_min"),
        ({"evaluate": {"trend_share_min": 1}}, "evaluate.trend_fraction_min"),
    ],
)
def test_a_renamed_setting_is_an_error_with_its_new_name(
    overlay: dict, new: str, content: dict
) -> None:
    with pytest.raises(GlabError, match="this setting was renamed") as error:
        changed(content, **overlay)
    assert error.value.remedy.endswith(new)


def test_every_renamed_setting_is_in_the_changelog() -> None:
    text = (FOLDER.parent / "CHANGELOG.md").read_text().partition("#### Settings")[2]
    rows = re.findall(r"^\| `([\w.<>]+)` \| `([\w.<>]+)` \|", text.partition("####")[0], re.M)
    table = {old.rpartition(".")[2]: new.rpartition(".")[2] for old, new in rows}
    assert table == FORMERLY


@pytest.mark.parametrize("table", ["sources", "baselines", "links"])
@pytest.mark.parametrize("name", ["a b", "../x", "$(id)", "a;b", "a|b", ""])
def test_names_are_letters_digits_and_underscores(table: str, name: str, content: dict) -> None:
    entry = next(iter(content[table].values()))
    with pytest.raises(GlabError, match=f"variable: {table}"):
        changed(content, **{table: {name: entry}})


@pytest.mark.parametrize("text", ["years: [", None])
def test_a_file_that_cannot_be_read_is_named(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(GlabError, match=r"mine\.yaml"):
        load_config([GLOBAL, path])


def test_an_overlay_changes_what_it_names_and_no_more(whole: Config, content: dict) -> None:
    other = changed(content, links={"tb_vod": {"members": 7}})
    assert other.links["tb_vod"].members == 7
    assert other.links["tb_vod"].sensors == whole.links["tb_vod"].sensors
    assert other.links["amsr_smos"] == whole.links["amsr_smos"]


# --- slices ----------------------------------------------------------------------------------


def test_a_slice_holds_what_its_own_source_needs(whole: Config, content: dict) -> None:
    other = changed(content, sources={"amsre": {"doi": "10.1/other", "quality": []}})
    assert other.regrid_of("amsre") != whole.regrid_of("amsre")
    assert other.regrid_of("amsr2") == whole.regrid_of("amsr2")


def test_a_slice_holds_what_its_own_link_needs(whole: Config, content: dict) -> None:
    other = changed(content, links={"tb_vod": {"network": {"epochs": 3}, "members": 9}})
    assert other.train_of("tb_vod") != whole.train_of("tb_vod")
    assert other.samples_of("tb_vod") == whole.samples_of("tb_vod")
    assert other.train_of("amsr_smos") == whole.train_of("amsr_smos")


def test_a_source_may_share_an_archive_at_another_hour(whole: Config, content: dict) -> None:
    assert whole.regrid_of("surface").local_hour == 6.0
    assert whole.regrid_of("surface_evening").local_hour == 18.0
    with pytest.raises(GlabError, match="did you mean 'surface'"):
        changed(content, sources={"surface_evening": {"archive": "surfaces"}})


def test_the_simulated_earth_has_its_own_maps(whole: Config, small: Config) -> None:
    assert {"clay", "igbp_fraction"} <= set(whole.domain_of().maps)
    assert small.domain_of().maps == {}


def test_the_parameters_of_l_meb_reach_both_stages_of_the_inversion(content: dict) -> None:
    other = changed(content, lmeb={"q_r": 0.1}, mask={"snow_max_kg_m2": 1.0})
    assert other.tb40_of().lmeb == other.retrieve_of().lmeb == other.lmeb
    assert other.retrieve_of().mask.snow_max_kg_m2 == 1.0
    assert other.retrieve_of().surface == other.tb40_of().surface


def test_members_are_no_setting_of_a_member(whole: Config, content: dict) -> None:
    other = changed(content, links={"tb_vod": {"members": 9}})
    assert other.train_of("tb_vod") == whole.train_of("tb_vod")


def test_a_baseline_touches_its_own_cycles_only(whole: Config, content: dict) -> None:
    other = changed(content, baselines={"vod": {"start": "2016-01-01"}})
    assert other.climatology_of("casm", "vod") != whole.climatology_of("casm", "vod")
    assert other.climatology_of("amsre", "amsre") == whole.climatology_of("amsre", "amsre")


def test_a_source_without_series_has_no_cycle(whole: Config) -> None:
    with pytest.raises(GlabError, match=r"sources\.surface_evening\.series"):
        whole.residuals_of("surface_evening")


# --- what results need -----------------------------------------------------------------------


def test_years_of_a_source_lie_in_its_period_and_the_run(whole: Config) -> None:
    assert whole.source_years("amsre") == list(range(2002, 2012))
    assert whole.source_years("smap_ib") == list(range(2015, 2021))


def test_inputs_and_target_of_a_link_have_the_baseline_of_the_sensor(whole: Config) -> None:
    assert plan.training_cycles(whole, "amsr_smos") == [
        ("amsre", "amsre"),
        ("amsre", "tb40"),
        ("amsr2", "amsr2"),
        ("amsr2", "tb40"),
    ]


def test_samples_read_training_years_only(whole: Config) -> None:
    residuals = plan.training_residuals(whole, "amsr_smos")
    years = {(r.baseline, r.source): [] for r in residuals}
    for r in residuals:
        years[r.baseline, r.source].append(r.year)
    assert years["amsre", "amsre"] == years["amsre", "tb40"] == [2010, 2011]
    assert years["amsr2", "amsr2"] == years["amsr2", "tb40"] == list(range(2013, 2021))


@pytest.mark.parametrize(
    ("year", "sensor", "years"),
    [
        (2002, "amsre", [2002, 2003]),
        (2011, "amsre", [2010, 2011]),
        (2013, "amsr2", [2012, 2013, 2014]),
    ],
)
def test_prediction_reads_the_years_beside_its_own(
    whole: Config, year: int, sensor: str, years: list[int]
) -> None:
    residuals = plan.prediction_residuals(whole, "amsr_smos", year)
    assert residuals == [(sensor, sensor, y) for y in years]


def test_the_last_trained_year_of_the_composed_tb_never_looks_beyond(content: dict) -> None:
    longer = changed(content, years={"last": 2022})
    near = [r.year for r in plan.prediction_residuals(longer, "amsr_smos", 2020)]
    assert near == [2019, 2020]
    near = [r.year for r in plan.prediction_residuals(longer, "amsr_smos", 2021)]
    assert near == [2020, 2021, 2022]
    near = {r.year for r in plan.prediction_residuals(longer, "tb_vod", 2019)}
    assert near == {2018, 2019, 2020}


def test_a_year_without_inputs_is_an_error(whole: Config) -> None:
    with pytest.raises(GlabError, match="cannot predict 1999"):
        plan.prediction_residuals(whole, "amsr_smos", 1999)


def test_a_link_without_overlap_is_an_error(small: Config, content: dict) -> None:
    sensors = [{"baseline": "amsre", "inputs": [{"source": "amsre", "variable": "tb"}]}]
    target = {"source": "smap_ib", "variable": "vod"}
    other = changed(content, links={"amsr_smos": {"sensors": sensors, "target": target}})
    with pytest.raises(GlabError, match="overlap"):
        plan.training_residuals(other, "amsr_smos")


def test_a_sensor_is_used_in_its_role(content: dict) -> None:
    observed = {"source": "smos_l3", "variable": "tb"}
    composed = {"source": "compose", "variable": "tb"}
    sensors = [
        {"baseline": "vod", "inputs": [observed], "role": "train"},
        {"baseline": "vod", "inputs": [composed], "role": "predict"},
    ]
    other = changed(content, links={"tb_vod": {"sensors": sensors}})
    assert {r.source for r in plan.training_residuals(other, "tb_vod")} == {"smos_l3", "smap_ib"}
    assert {r.source for r in plan.prediction_residuals(other, "tb_vod", 2010)} == {"compose"}
    assert ("vod", "compose") not in plan.training_cycles(other, "tb_vod")
    assert ("vod", "compose") in plan.prediction_cycles(other, "tb_vod", 2010)
