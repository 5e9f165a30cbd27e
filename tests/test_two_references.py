"""Two years of a small simulated Earth with SMOS and SMAP: regrid, compose, product, truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import in_process
from glab import io
from glab.config import load_config
from glab.evaluation.evaluate import summarise_year
from glab.steps.compose import compose
from planning import ROOT

CONFIGS = [
    *(ROOT / "config" / name for name in ("config.yaml", "test.yaml", "smap_l3.yaml")),
    Path(__file__).with_name("two_references.yaml"),
]
YEAR = 2016
FLAGS = ["none", "smos", "smap", "smos_and_smap"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The run, as far as the product of the second year."""
    folder = tmp_path_factory.mktemp("run")
    in_process.run(folder, CONFIGS[1:], f"results/product/glab_tb/{YEAR}.nc")
    return folder


@pytest.fixture(scope="module")
def alone(folder):
    """The composition of the second year from SMOS alone."""
    config = load_config(CONFIGS)
    options = {"references": ["tb40"], "reference_error_k": 2.5}
    other = config.model_copy(update={"compose": config.compose.model_copy(update=options)})
    compose(
        domain=folder / "results/domain.nc",
        year=YEAR,
        output=folder / "alone.nc",
        settings=other.compose_of(),
        references=[folder / f"results/tb40/{YEAR}.nc"],
        surface=[folder / f"results/regrid/surface/{YEAR}.nc"],
    )
    return io.read(folder / "alone.nc").load()


@pytest.fixture(scope="module")
def both(folder):
    return io.read(folder / f"results/compose/{YEAR}.nc").load()


def rmse(tb, truth, where):
    return float(np.sqrt(np.mean((tb - truth)[where] ** 2)))


def test_a_second_reference_lowers_the_error_against_the_truth(folder, alone, both):
    nature = io.read(folder / "data/truth.nc")["tb"]
    truth = nature.sel(time=both["time"], cell=both["cell"].values)
    truth = truth.transpose("time", "cell", "channel").values
    one, two = alone["tb"].values, both["tb"].values
    common = np.isfinite(one)
    assert common.sum() > 5000 and np.isfinite(two[common]).all()
    assert rmse(two, truth, common) < 0.9 * rmse(one, truth, common)
    names = both["origin"].attrs["flag_meanings"].split()
    joint = np.repeat((both["origin"].values == names.index("smos_and_smap"))[..., None], 2, 2)
    error = rmse(two, truth, joint)
    assert error < 0.7 * rmse(one, truth, joint)
    stated = float(np.sqrt((both["tb_std_total"].values[joint] ** 2).mean()))
    assert error == pytest.approx(stated, rel=0.2), "the stated error is the error"
    more = np.isfinite(two) & ~common
    assert more.sum() > 3000, "days that SMAP alone observes"
    assert rmse(two, truth, more) < 1.5


def test_days_without_smap_stay_as_they_are(alone, both):
    smos = both["origin"].values == FLAGS.index("smos")
    for name in ("tb", "tb_std_data"):
        np.testing.assert_array_equal(both[name].values[smos], alone[name].values[smos])


def test_the_product_states_the_origins_of_the_run(folder):
    with io.read(folder / f"results/product/glab_tb/{YEAR}.nc") as product:
        assert product["origin"].attrs["flag_meanings"].split() == FLAGS
        assert product["origin"].attrs["flag_values"].tolist() == [0, 1, 2, 3]
        assert "10.5067/4XXOGX0OOW1S" in product.attrs["references"]
        summary = summarise_year(product, [])
    fractions = summary["origin_fraction"].mean("time")
    assert summary["flag"].values.tolist() == FLAGS
    assert (fractions > 0.05).all()


def test_the_log_states_the_mean_difference_of_the_references(folder, capsys):
    config = load_config(CONFIGS)
    compose(
        domain=folder / "results/domain.nc",
        year=YEAR,
        output=folder / "again.nc",
        settings=config.compose_of(),
        references=[folder / f"results/{s}/{YEAR}.nc" for s in ("tb40", "regrid/smap_l3")],
        surface=[folder / f"results/regrid/surface/{YEAR}.nc"],
    )
    said = capsys.readouterr().out
    assert said.startswith("tb of smap_l3 minus tb40: h ")
    assert abs(float(said.split("h ")[1].split(" K")[0])) < 0.5
