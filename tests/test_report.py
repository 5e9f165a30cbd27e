"""The page: self-contained, reproducible, and with the numbers of the tables."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

import fixtures_products as work
from glab import io
from glab.config import Evaluate, Period, Product, Report, Splits
from glab.evaluation.breaks import Segment
from glab.evaluation.records import ProductAndTruth
from glab.grids.cells import extent_of, horizontal_coordinates
from glab.report import figures
from glab.report.content import number, sensors_named
from glab.report.figures import Example, Panel
from glab.report.figures.style import image, origin_colours
from glab.report.material import Material, example_cells
from glab.report.page import sections
from glab.steps.evaluate import evaluate
from glab.steps.product import product
from glab.steps.report import report

SPLITS = Splits(held_out_years=[2012], held_out_fraction=0.3)
SETTINGS = Report(
    splits=SPLITS, seed=3, run={"name": "tiny", "method": "x", "seed": "3"}, dots_per_inch=50
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    work.write_work_files(folder, 2011, 2012)
    results = folder / "results"
    for year in (2011, 2012):
        inputs = {  # of daily products one year is enough
            "glab_tb": [f"compose/{year}.nc", f"residuals/vod/compose/{year}.nc"],
            "glab_vod": [f"predict/tb_vod/{year}.nc"],
            "smos_ib": [f"tb40/{year}.nc", f"retrieve/{year}.nc"],
        }
        if year == 2011:
            inputs = {"glab_vod": inputs["glab_vod"]}
        for name, layers in inputs.items():
            files = [results / layer for layer in layers]
            path = results / "product" / name / f"{year}.nc"
            product(files, results / "domain.nc", year, path, Product(product=name))
    for member in (0, 1):
        curve = results / "train" / "tb_vod" / str(member) / "curve.csv"
        curve.parent.mkdir(parents=True)
        rows = [f"{e},0.001,{0.5 / (e + 1)},{0.6 / (e + 1)}" for e in range(5)]
        curve.write_text("\n".join(["epoch,learning_rate,train_loss,validation_loss", *rows]))
    for kind, truth in (("evaluate", folder / "data" / "truth.nc"), ("described", None)):
        evaluate(
            products=sorted((results / "product").glob("*/*.nc")),
            domain=results / "domain.nc",
            output=results / kind / "skill.csv",
            cells=results / kind / "cells.nc",
            breaks=results / kind / "breaks.csv",
            settings=Evaluate(
                splits=SPLITS,
                seed=3,
                periods={"2011, SMOS": Period(start="2011-01-01", end="2011-12-31")},
            ),
            truth=truth,
        )
    return folder


def write_page(run: Path, output: Path, kind: str = "evaluate") -> str:
    results = run / "results"
    report(
        products=sorted((results / "product").glob("*/*.nc")),
        skill=results / kind / "skill.csv",
        cells=results / kind / "cells.nc",
        breaks=results / kind / "breaks.csv",
        output=output,
        settings=SETTINGS,
        truth=run / "data" / "truth.nc" if kind == "evaluate" else None,
        curves=sorted(results.glob("train/*/*/curve.csv")),
    )
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(run, tmp_path_factory) -> str:
    return write_page(run, tmp_path_factory.mktemp("page") / "index.html")


class Outline(HTMLParser):
    """Tags that are open, headings, images and references of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.headings: list[str] = []
        self.images: list[dict] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)
        if tag == "img":
            self.images.append(attributes)
        self.links += [attributes[key] for key in ("href", "src") if key in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


# --- the page -----------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_refers_to_nothing_outside(page):
    outline = Outline(page)
    assert outline.faults == [] and outline.open == []
    assert all(link.startswith(("data:image/", "#")) for link in outline.links)
    assert not re.search(r"https?://(?!creativecommons)", re.sub(r"data:[^\"]+", "", page))
    assert "<script" not in page
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)


def test_every_figure_has_a_title_and_a_caption(page):
    outline = Outline(page)
    assert len(outline.images) >= 14
    assert all(len(image_tag["alt"]) > 60 for image_tag in outline.images)
    for image_tag in outline.images:
        content = base64.b64decode(image_tag["src"].split(",")[1])
        assert content.startswith((b"\x89PNG", b"<?xml"))


def test_the_page_has_every_section(page):
    assert Outline(page).headings == [
        "Mean fields",
        "Origin of values",
        "Time series of single cells",
        "Anomalies by latitude and time",
        "Trends",
        "Skill of VOD",
        "Breaks at sensor changes",
        "Uncertainty",
        "Brightness temperature",
        "SMOS-IB: retrievals from the 40° brightness temperature",
        "Training curves",
        "Provenance",
    ]


def test_the_page_has_the_numbers_of_the_table(run, page):
    skill = pd.read_csv(run / "results" / "evaluate" / "skill.csv")
    rows = skill[(skill["product"] == "glab_vod") & (skill["truth"] == "footprint")]
    rows = rows[(rows["period"] == "all") & (rows["cells"] == "held_out")]
    rmse = rows[(rows["metric"] == "rmse") & (rows["signal"] == "full")]["value"].iloc[0]
    assert f'<div class="number">{rmse:.3f}' in page


def test_the_same_run_gives_the_same_bytes(run, page, tmp_path):
    assert write_page(run, tmp_path / "index.html") == page
    assert "Date" not in base64.b64decode(Outline(page).images[1]["src"].split(",")[1]).decode(
        errors="ignore"
    )


def test_provenance_contains_code_and_settings(run, page):
    with io.read(run / "results" / "product" / "glab_vod" / "2012.nc") as year:
        assert year.attrs["glab_code"] in page and year.attrs["glab_settings_sha256"] in page
        assert json.loads(year.attrs["glab_settings"])["license"].split("//")[1] in page
    assert "method: x" in page and "2011–2012" in page
    assert str(run) not in page


def test_without_a_truth_the_page_shows_the_products(run, tmp_path):
    text = write_page(run, tmp_path / "index.html", "described")
    headings = set(Outline(text).headings)
    assert not {"Skill of VOD", "Breaks at sensor changes"} & headings
    assert {"Mean fields", "Origin of values", "Training curves"} <= headings
    assert "The truth of this run is not known" in text


def test_a_failing_page_leaves_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr("glab.steps.report.page", lambda material: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_page(run, tmp_path / "index.html")
    assert list(tmp_path.iterdir()) == []


# --- material -----------------------------------------------------------------------------------


def material(value: np.ndarray, skill: list[float], **fields: list[int]) -> Material:
    cells = value.shape[1]
    time = np.arange("2012-01-01", "2014-01-01", 18, dtype="datetime64[D]")[: len(value)]
    record = xr.Dataset({"value": (("time", "cell"), value)}, {"time": time})
    known = xr.Dataset(
        {
            "VOD_r": (("product", "truth", "cell"), np.array(skill)[None, None]),
            "lat": ("cell", np.linspace(-30, 30, cells)),
            "lon": ("cell", np.full(cells, 21.0)),
            "split": ("cell", np.array(fields.get("split", [0] * cells))),
            "change_kind": ("cell", np.array(fields.get("change_kind", [0] * cells))),
        },
        {"product": ["glab_vod"], "truth": ["footprint"], "cell": np.arange(cells)},
    )
    named = record.assign_attrs(product="glab_vod", variable="VOD", window_days=18)
    empty = pd.DataFrame(columns=["product", "variable", "truth", "cells", "metric", "value"])
    return Material(SETTINGS, {}, {"VOD": ProductAndTruth(named, {})}, known, empty, empty)


def test_examples_are_median_cells_of_the_half_with_more_vod():
    value = np.tile([0.1, 0.9, 0.8, 0.7, 0.6, 0.2, 0.9], (20, 1))
    page_data = material(
        value, [0.9, 0.1, 0.5, 0.9, 0.3, 0.2, 0.8], change_kind=[0] * 6 + [3], split=[0] * 6 + [3]
    )
    chosen = dict(example_cells(page_data, "VOD"))
    assert set(chosen) == {2, 6}
    assert chosen[6].startswith("Cleared, held out, 30.0° N")
    assert chosen[2].startswith("Unchanged, trained")


def test_examples_without_a_truth_lie_along_the_domain():
    page_data = material(np.full((5, 40), 0.5), [np.nan] * 40)
    chosen = [cell for cell, _ in example_cells(page_data, "VOD")]
    assert chosen[0] == 0 and chosen[-1] == 39 and len(chosen) == SETTINGS.example_cells


def test_values_of_cells_are_put_on_the_extent():
    domain = work.domain()
    grid = horizontal_coordinates(extent_of(domain))
    summary = grid.assign(VOD_mean=("y", np.zeros(grid.sizes["y"])), year=2012)
    empty = pd.DataFrame()
    page_data = Material(SETTINGS, {"glab_vod": [summary]}, {}, domain, empty, empty)
    field = page_data.to_map(domain["lat"].values.astype(np.float32))
    inside = np.isfinite(field)
    assert inside.sum() == domain.sizes["cell"]
    rows = np.repeat(grid["lat"].values[:, None], grid.sizes["x"], axis=1)
    assert np.allclose(field[inside], rows[inside], atol=1e-4)
    means = page_data.row_means(np.tile(domain["lat"].values, (3, 1)))
    assert np.allclose(means, grid["lat"].values, atol=1e-4)


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [(0.1234, 2, False, "0.12"), (-0.1, 1, True, "−0.1"), (0.04, 1, True, "0.0")]
    + [(-0.001, 2, False, "0.00"), (0.5, 1, True, "+0.5"), (np.nan, 2, False, "–")],
)
def test_numbers_for_readers(value, digits, sign, text):
    assert number(value, digits, sign) == text


def test_a_page_without_products_has_provenance_alone():
    empty = pd.DataFrame(columns=["product", "variable", "truth", "cells", "metric", "value"])
    page_data = Material(SETTINGS, {}, {}, work.domain(), empty, empty)
    assert [section.title for section in sections(page_data)] == ["Provenance"]


# --- figures on a user's own arrays ---------------------------------------------------------------


def drawn(figure: Figure, form: str = "svg") -> bytes:
    return base64.b64decode(image(figure, form, 50).split(",")[1])


def shape_of(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_narrow_domain_is_a_horizontal_strip():
    grid = horizontal_coordinates(
        extent_of(xr.Dataset({"row": ("cell", [0, 300]), "col": ("cell", [3, 6])}))
    )
    field = np.zeros((grid.sizes["y"], grid.sizes["x"]))
    narrow = figures.maps([Panel("a strip", field, "VOD")], grid)
    width, height = shape_of(drawn(narrow, "png"))
    assert width > 3 * height
    (axes, _) = narrow.axes
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert "0°" in labels and labels[-1].endswith("N") and labels[0].endswith(("S", "°"))


def test_a_globe_has_north_above_in_any_order_of_rows():
    grid = horizontal_coordinates(extent_of(work.domain(), "grid")).isel(y=slice(None, None, 8))
    field = np.repeat(grid["lat"].values[:, None], grid.sizes["x"], axis=1)
    shown = figures.maps([Panel("latitude", field, "VOD")], grid).axes[0].images[0].get_array()
    turned = grid.isel(y=slice(None, None, -1))
    again = figures.maps([Panel("latitude", field[::-1], "VOD")], turned).axes[0].images[0]
    assert shown[0, 0] > shown[-1, 0]
    assert np.array_equal(shown, again.get_array())


def test_latitude_against_time_has_north_above():
    grid = horizontal_coordinates(extent_of(work.domain()))
    days = np.arange("2012-01-01", "2012-07-01", 18, dtype="datetime64[D]")
    field = np.tile(grid["lat"].values, (len(days), 1))
    figure = figures.hovmoller(
        [Panel("x", field, "VOD", "residual")], grid.assign_coords(time=days)
    )
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (grid.sizes["y"], len(days)) and shown[0, 0] > shown[-1, 0]


def test_a_series_shows_bands_truth_clearing_and_held_out_years():
    days = np.arange("2010-01-01", "2014-01-01", 18, dtype="datetime64[D]")
    wave = np.sin(np.arange(len(days)) / 4)
    event = np.datetime64("2012-03-01")
    segments = [Segment("amsre_smos", days[0], days[40]), Segment("smos", days[41], days[-1])]
    example = Example("a cell", wave, np.full(len(days), 0.1), wave + 0.05, event)
    figure = figures.time_series([example], days, "VOD", segments, [2013])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["±2σ", "±1σ", "product", "truth", "clearing", "held-out year"]
    assert "AMSR-E + SMOS" in [text.get_text() for text in figure.axes[0].texts]
    bare = figures.time_series([Example("b", wave, None, None)], days, "VOD")
    assert [text.get_text() for text in bare.legends[0].get_texts()] == ["product"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.time_series([], np.array([], "datetime64[D]"), "VOD"),
        lambda: figures.density({}, "VOD"),
        lambda: figures.training_curves({}),
        lambda: figures.sensor_breaks(pd.DataFrame(columns=["date"]), "VOD"),
        lambda: figures.coverage(pd.DataFrame({"metric": [""], "value": [np.nan]})),
        lambda: figures.origin_fraction(
            np.array([], "datetime64[D]"), np.zeros((0, 2)), ["none", "smos"]
        ),
        lambda: figures.trend_scatter({"none": (np.full(3, np.nan),) * 2}, "VOD"),
        lambda: figures.spread_error({"none": (np.full((3, 2), np.nan),) * 3}, "VOD"),
        lambda: figures.skill_by_period(pd.DataFrame({"metric": [""], "value": [np.nan]}), "r", ""),
    ],
)
def test_nothing_to_show_is_a_figure_too(draw):
    assert len(drawn(draw())) > 500


def test_the_style_does_not_leak_and_is_not_leaked_into():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 40, "lines.linewidth": 9}):
        big = drawn(figures.training_curves({}))
    assert dict(mpl.rcParams) == before
    assert drawn(figures.training_curves({})) == big


def test_origins_are_named_by_the_flags_of_the_file():
    flags = ["none", "smos", "smap", "smos_and_smap_and_amsr2_network", "gmi_network"]
    time = np.arange("2015-01-01", "2015-03-01", dtype="datetime64[D]")
    fraction = np.tile([0.2, 0.3, 0.0, 0.4, 0.1], (len(time), 1))
    figure = figures.origin_fraction(time, fraction, flags)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    expected = ["SMOS alone", "SMOS, SMAP and AMSR2", "gmi through the network", "no value"]
    assert names == expected, "a flag without any value is left out"
    colours = origin_colours(["none", "smos", "x_network", "y_network"])
    assert colours["x_network"] != colours["y_network"]


def test_names_for_readers():
    assert sensors_named("amsr2_smos_smap") == "AMSR2 + SMOS + SMAP"
    assert figures.QUANTITIES["tb_h"].label("trend") == "TB, H trend (K per year)"
    assert figures.QUANTITIES["VOD"].label() == "VOD"
