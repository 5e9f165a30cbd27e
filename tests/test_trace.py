"""`glab trace`: the files, values and granules behind one value."""

from __future__ import annotations

from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from fixtures_run import GRANULES, LABELS, write_run
from glab import io
from glab.errors import GlabError
from glab.report.point import nearest_cell, select_point, value_lines
from glab.steps.trace import trace

LAT, LON, DAY = 18.2, 1.95, "2012-07-14"

CHAIN = """\
cell 278301: row 200, column 701, lat 18.2481, lon 1.9452
day 2012-07-14
results/product/glab_vod/2012.nc: product, window 2012-07-08 … 2012-07-25
  VOD: 0.5
  VOD_residual: 0.1
  VOD_std: 0.02
  VOD_std_data: 0.02
  VOD_std_total: 0.02
  VOD_residual_std: 0.02
  VOD_climatology: 0.4
  count: 12
  results/predict/tb_vod/2012.nc: predict, window 2012-07-08 … 2012-07-25
    vod: 0.5
    vod_residual: 0.1
    vod_std: 0.02
    vod_std_data: 0.02
    vod_std_total: 0.02
    count: 12
    sensor: 0 (compose)
    results/residuals/vod/compose/2012.nc: residuals
      tb_residual: h=0.4, v=20.4 K
      results/compose/2012.nc: compose
        tb: h=244.67, v=264.67 K
        tb_std: h=0.67, v=0.67 K
        tb_std_data: h=0.94281, v=0.94281 K
        tb_std_total: h=1.1547, v=1.1547 K
        origin: 5 (smos_and_amsr2_network)
        weight of tb40: h=0.33333, v=0.33333
        weight of amsr_smos: h=0.66667, v=0.66667
        results/predict/amsr_smos/2012.nc: predict
          tb: h=246, v=266 K
          tb_std: h=1, v=1 K
          tb_std_data: h=1, v=1 K
          count: 1
          sensor: 1 (amsr2)
          results/residuals/amsr2/amsr2/2012.nc: residuals
            tb_residual: h=-5, v=15 K
            results/regrid/amsr2/2012.nc: regrid
              tb: h=250, v=270 K
              count: 2
              data/amsr2/2012/manifest.json: granules of 2012-07-14
                AMSR_U2_L2_Land_B02_201207141114_A.he5
                AMSR_U2_L2_Land_B02_201207142335_D.he5
            results/climatology/amsr2/amsr2/0.nc: climatology
              tb_climatology: h=255, v=255 K
              tb_fit: h=2 (cycle), v=2 (cycle)
              tb_count: h=300, v=300
              fitted to: results/regrid/amsr2/2012.nc, results/regrid/surface/2012.nc
            results/regrid/surface/2012.nc: regrid
              t_surface: 290 K
              snow: 0 kg m-2
              count: 1
              data/surface/2012/manifest.json: granules of 2012-07-14
                granules are not listed by day in results/regrid/surface/2012.ingest.json
          network: results/train/amsr_smos/0/network.safetensors
          calibration: results/calibrate/amsr_smos.nc
            results/samples/amsr_smos.nc: samples, not followed
          not followed, other days: results/residuals/amsr2/amsr2/2013.nc
        results/tb40/2012.nc: tb40
          tb (ascending): h=242, v=262 K
          tb (descending): h=242, v=262 K
          tb_error (ascending): h=2, v=2 K
          tb_error (descending): h=2, v=2 K
          tb_rmse: ascending=3, descending=3 K
          angle_count: ascending=2, descending=2
          results/regrid/smos_l3/2012.nc: regrid
            tb (ascending, 32.5): h=240, v=260 K
            tb (ascending, 42.5): h=240, v=260 K
            count: ascending=1, descending=1
            data/smos_l3/2012/manifest.json: granules of 2012-07-14
              SM_RE07_MIR_CDF3TA_20120714T000000_20120714T235959_330_001_7.DBL.nc
          see above: results/regrid/surface/2012.nc
        see above: results/regrid/surface/2012.nc
      results/climatology/vod/compose/0.nc: climatology
        tb_climatology: h=244, v=244 K
        tb_fit: h=2 (cycle), v=2 (cycle)
        tb_count: h=300, v=300
        fitted to: results/compose/2012.nc, results/regrid/surface/2012.nc
      see above: results/regrid/surface/2012.nc
    network: results/train/tb_vod/0/network.safetensors
    calibration: results/calibrate/tb_vod.nc
      results/samples/tb_vod.nc: samples, not followed
    see above: results/climatology/vod/compose/0.nc
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the small run."""
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of the small run that a test may disturb."""
    import shutil

    return Path(shutil.copytree(made, tmp_path / "run"))


def lines_of(
    capsys: pytest.CaptureFixture[str], file: Path, lat: float = LAT, lon: float = LON,
    day: str = DAY, **options: bool,
) -> list[str]:  # fmt: skip
    """Lines that the command prints."""
    trace(file, lat=lat, lon=lon, day=day, **options)
    return capsys.readouterr().out.splitlines()


def block(lines: list[str], first: str) -> list[str]:
    """Lines below the first that begins with a text, without their indentation."""
    start = next(n for n, line in enumerate(lines) if line.strip().startswith(first))
    depth = len(lines[start]) - len(lines[start].lstrip())
    below = []
    for line in lines[start + 1 :]:
        if len(line) - len(line.lstrip()) <= depth:
            break
        below.append(line.strip())
    return below


# --- the chain ------------------------------------------------------------------------------


def test_a_value_of_glab_vod_is_followed_to_its_granules(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace(made / "results/product/glab_vod/2012.nc", lat=LAT, lon=LON, day=DAY)
    assert capsys.readouterr().out == CHAIN


def test_nothing_depends_on_the_working_directory_or_the_run_s_folder(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run / "results")
    trace(Path("product/glab_vod/2012.nc"), lat=LAT, lon=LON, day=DAY)
    assert capsys.readouterr().out == CHAIN


def test_a_value_of_glab_tb(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(capsys, made / "results/product/glab_tb/2012.nc")
    assert lines[2:4] == ["results/product/glab_tb/2012.nc: product", "  tb_h: 244.67 K"]
    below = block(lines, "results/product/glab_tb/2012.nc")
    assert "origin: 5 (smos_and_amsr2_network)" in below
    assert GRANULES["amsr2"] == block(lines, "data/amsr2/2012/manifest.json")
    assert "see above: results/compose/2012.nc, results/regrid/surface/2012.nc" in below


def test_a_work_file(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(capsys, made / "results/tb40/2012.nc")
    assert block(lines, "results/tb40/2012.nc")[:2] == [
        "tb (ascending): h=242, v=262 K",
        "tb (descending): h=242, v=262 K",
    ]
    assert block(lines, "data/smos_l3/2012/manifest.json") == GRANULES["smos_l3"]


def test_the_tile_of_the_cell_is_shown(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = made / "results/residuals/vod/compose/2012.nc"
    for lat, tile in ((18.25, 0), (18.05, 1)):
        lines = lines_of(capsys, file, lat=lat)
        assert any(
            line.strip().startswith(f"results/climatology/vod/compose/{tile}.nc:") for line in lines
        )
        assert not any(f"compose/{1 - tile}.nc" in line for line in lines)


@pytest.mark.parametrize(("day", "window"), [
    ("2012-07-08", "2012-07-08 … 2012-07-25"),
    ("2012-07-25", "2012-07-08 … 2012-07-25"),
    ("2012-07-26", "2012-07-26 … 2012-08-12"),
])  # fmt: skip
def test_the_window_that_contains_the_day(
    made: Path, capsys: pytest.CaptureFixture[str], day: str, window: str
) -> None:
    lines = lines_of(capsys, made / "results/product/glab_vod/2012.nc", day=day)
    assert lines[2] == f"results/product/glab_vod/2012.nc: product, window {window}"


def test_training_data_are_followed_on_request(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made / "results/product/glab_vod/2012.nc"
    few, many = lines_of(capsys, file), lines_of(capsys, file, training=True)
    assert "results/samples/tb_vod.nc: samples, not followed" in [line.strip() for line in few]
    assert block(many, "results/samples/tb_vod.nc") == ["see above: results/regrid/amsr2/2012.nc"]
    other_year = "results/residuals/amsr2/amsr2/2013.nc"
    assert f"not followed, other days: {other_year}" in block(few, "results/predict/amsr_smos")
    assert f"{other_year}: residuals" in block(many, "results/predict/amsr_smos")


# --- weights --------------------------------------------------------------------------------


def test_weights_are_those_of_the_composed_value(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = block(lines_of(capsys, made / "results/compose/2012.nc"), "results/compose/2012.nc")
    reference, network = 1 / 2.0**2, 1 / (1.0**2 + 1.0**2)
    weight = network / (reference + network)
    assert f"weight of tb40: h={1 - weight:.5g}, v={1 - weight:.5g}" in lines
    assert f"weight of amsr_smos: h={weight:.5g}, v={weight:.5g}" in lines
    assert f"tb: h={242 + 4 * weight:.2f}, v={262 + 4 * weight:.2f} K" in lines


def test_settings_of_another_version_do_not_stop_the_walk(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "results/compose/2012.nc"
    with netCDF4.Dataset(file, "a") as dataset:
        dataset.glab_settings = '{"share": 1}'
    lines = lines_of(capsys, file)
    assert "weights: unknown, composed with settings of another version" in block(lines, "results/")
    assert GRANULES["amsr2"] == block(lines, "data/amsr2/2012/manifest.json")


# --- what is missing ------------------------------------------------------------------------


def test_a_missing_file_is_named_and_the_rest_followed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "results/regrid/smos_l3/2012.nc").unlink()
    (run / "results/train/amsr_smos/0/network.safetensors").unlink()
    lines = lines_of(capsys, run / "results/compose/2012.nc")
    assert block(lines, "results/tb40/2012.nc")[-2] == "regrid/smos_l3/2012.nc: missing in the run"
    below = block(lines, "results/predict/amsr_smos/2012.nc")
    assert "network: amsr_smos/0/network.safetensors, not in this run" in below
    assert GRANULES["amsr2"] == block(lines, "data/amsr2/2012/manifest.json")


def test_a_damaged_file_is_named_and_the_rest_followed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "results/regrid/smos_l3/2012.nc").write_bytes(b"\x89HDF\r\n\x1a\n")
    lines = lines_of(capsys, run / "results/compose/2012.nc")
    assert "results/regrid/smos_l3/2012.nc: not a readable netCDF file" in block(
        lines, "results/tb40/2012.nc"
    )
    assert GRANULES["amsr2"] == block(lines, "data/amsr2/2012/manifest.json")


def test_values_that_cannot_be_read_do_not_stop_the_walk(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "results/tb40/2012.nc"
    with h5py.File(file) as opened:
        start = opened["tb"].id.get_chunk_info(0).byte_offset
    content = bytearray(file.read_bytes())
    content[start : start + 40] = bytes(40)
    file.write_bytes(content)
    lines = lines_of(capsys, run / "results/compose/2012.nc", day="2012-01-01")
    below = block(lines, "results/compose/2012.nc")
    assert "results/tb40/2012.nc: cannot read the file" in below
    assert "weights: unknown, cannot read the file" in below
    assert "results/predict/amsr_smos/2012.nc: predict" in below


@pytest.mark.parametrize(("content", "told"), [
    (None, "results/regrid/amsr2/2012.ingest.json: missing, or not an ingest report"),
    ("[", "results/regrid/amsr2/2012.ingest.json: missing, or not an ingest report"),
    ("{}", "granules are not listed by day in results/regrid/amsr2/2012.ingest.json"),
    ('{"granules": {"2012-07-15": ["x"]}}', "none"),
])  # fmt: skip
def test_an_ingest_report_without_the_day(
    run: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    report = run / "results/regrid/amsr2/2012.ingest.json"
    report.unlink() if content is None else report.write_text(content)
    lines = lines_of(capsys, run / "results/regrid/amsr2/2012.nc")
    assert block(lines, "data/amsr2/2012/manifest.json") == [told]


def test_a_file_of_an_earlier_version_names_its_inputs(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "results/tb40/2012.nc"
    with netCDF4.Dataset(file, "a") as dataset:
        dataset.glab_inputs = "2012.nc 2012.nc domain.nc"
    assert "2012.nc: missing in the run" in block(lines_of(capsys, file), "results/tb40")


# --- errors ---------------------------------------------------------------------------------


def test_a_point_outside_of_the_domain_names_the_nearest_cell(made: Path) -> None:
    with pytest.raises(GlabError, match="no cell of the domain") as fault:
        trace(made / "results/product/glab_vod/2012.nc", lat=18.2, lon=3.0, day=DAY)
    assert "lat 18.2481 lon 1.9452, 112 km away" in fault.value.expected
    for lat, lon in ((89.0, 1.95), (-18.2, 1.95), (18.2, -178.0)):
        with pytest.raises(GlabError, match="no cell of the domain"):
            trace(made / "results/product/glab_vod/2012.nc", lat=lat, lon=lon, day=DAY)


@pytest.mark.parametrize(("day", "told"), [
    ("2011-07-14", "2012-01-10 … 2013-01-03"),
    ("14.7.2012", "2012-07-14"),
])  # fmt: skip
def test_a_day_outside_of_the_file(made: Path, day: str, told: str) -> None:
    with pytest.raises(GlabError, match="day") as fault:
        trace(made / "results/product/glab_vod/2012.nc", lat=LAT, lon=LON, day=day)
    assert fault.value.expected == told


def test_a_file_outside_of_a_run_or_none_at_all(made: Path, tmp_path: Path) -> None:
    with pytest.raises(GlabError, match="not in the folder of a run"):
        trace(tmp_path / "2012.nc", lat=LAT, lon=LON, day=DAY)
    with pytest.raises(GlabError, match="file not found"):
        trace(made / "results/product/glab_tb/1999.nc", lat=LAT, lon=LON, day=DAY)


# --- values as text -------------------------------------------------------------------------


def test_flags_gaps_and_layers_as_text() -> None:
    point = xr.Dataset(
        {
            "scene_flags": (("time", "cell"), [[9.0]], {
                "flag_masks": [1, 2, 4, 8],
                "flag_meanings": "moderate strong polluted frozen",
            }),
            "topography": ("cell", [1], {"flag_meanings": "flat moderate strong"}),
            "sensor": ("cell", [7], {"flag_values": [0, 1], "flag_meanings": "one two"}),
            "t_air": ("cell", [np.nan], {"units": "K"}),
            "tb": (("cell", "overpass", "channel"), [[[240.126, np.nan], [np.nan, np.nan]]], {
                "units": "K",
            }),
            "crs": ((), 0),
        },
        {"overpass": LABELS["overpass"], "channel": LABELS["channel"]},
    )  # fmt: skip
    assert list(value_lines(point)) == [
        "scene_flags: 9 (moderate, frozen)",
        "topography: 1 (moderate)",
        "sensor: 7 (no meaning)",
        "t_air: missing",
        "tb (ascending): h=240.13 K",
    ]


def test_a_point_of_a_file_without_the_cell_or_the_day(made: Path) -> None:
    with io.read(made / "results/regrid/amsr2/2012.nc") as dataset:
        cell = int(dataset["cell"][0])
        assert select_point(dataset, cell, np.datetime64(DAY))["tb"].shape == (1, 1, 2)
        assert select_point(dataset, cell + 700, np.datetime64(DAY)) is None
        assert select_point(dataset, cell, np.datetime64("2013-01-01")) is None
    with io.read(made / "results/samples/amsr_smos.nc") as samples:
        assert select_point(samples, cell, np.datetime64(DAY)) is None


def test_any_point_of_a_cell_gives_the_cell(made: Path) -> None:
    with io.read(made / "results/domain.nc") as domain:
        expected = int(domain["cell"][0])
        lat, lon = float(domain["lat"][0]), float(domain["lon"][0])
        for dy, dx in ((0, 0), (0.09, 0.12), (-0.09, -0.12), (0, 360)):
            assert nearest_cell(domain, lat + dy, lon + dx) == expected
