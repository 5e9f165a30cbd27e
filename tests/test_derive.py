"""Derived variables: their formulas, and the way from values to predictions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from fixtures_learning import link, toy_domain
from glab import io
from glab.calendar import days_of_year
from glab.climatology.derive import (
    DERIVATIONS,
    derive_variable,
    polarisation_difference,
    polarisation_ratio,
)
from glab.climatology.series import series
from glab.config import (
    Calibrate,
    Climatology,
    LinkInput,
    Mask,
    Network,
    Period,
    Predict,
    QualityRule,
    Residuals,
    Samples,
    SensorInputs,
    Series,
    Splits,
    Train,
)
from glab.errors import GlabError
from glab.steps.calibrate import calibrate
from glab.steps.climatology import climatology
from glab.steps.predict import predict
from glab.steps.residuals import residuals
from glab.steps.samples import samples
from glab.steps.train import train
from glab.variables import lookup

AMSR = ["10h", "10v", "18h", "18v", "36v"]
CELLS = np.arange(4, dtype=np.int32)


def array(channels=AMSR, days=3, seed=0):
    values = np.random.default_rng(seed).uniform(200, 300, (days, 4, len(channels)))
    coords = {"cell": CELLS, "channel": channels}
    return xr.DataArray(values.astype("f4"), coords, ("time", "cell", "channel"), "tb")


def test_formulas_by_frequency():
    tb = array()
    h, v = (tb.sel(channel=[f"10{p}", f"18{p}"]).values for p in "hv")
    ratio, difference = polarisation_ratio(tb), polarisation_difference(tb)
    assert ratio.dims == ("time", "cell", "frequency")
    assert ratio["frequency"].values.tolist() == ["10", "18"]  # 36 GHz has one polarisation
    np.testing.assert_array_equal(ratio, (v - h) / (v + h))
    np.testing.assert_array_equal(difference, v - h)


def test_l_band_has_one_layer():
    tb = array(["v", "h"])
    ratio = polarisation_ratio(tb)
    assert ratio.dims == ("time", "cell")
    v, h = tb.values[..., 0], tb.values[..., 1]
    np.testing.assert_array_equal(ratio, (v - h) / (v + h))


@pytest.mark.parametrize("tb", [array(["36v", "10h"]), array(["h"]).isel(channel=0, drop=True)])
def test_a_derivation_without_a_pair_of_channels_is_an_error(tb):
    with pytest.raises(GlabError, match="no pair of polarisations"):
        polarisation_ratio(tb)


def test_values_are_missing_where_an_input_is_or_outside_of_the_valid_range():
    tb = array()
    tb.values[0, 0, 0] = np.nan
    tb.values[1, 1, 2:4] = 1.0, -2.0  # a ratio of 3
    ratio = derive_variable("tb_pr", "polarisation_ratio", {"tb": tb})
    assert ratio.name == "tb_pr" and ratio.dtype == np.float32
    assert {tuple(i) for i in np.argwhere(np.isnan(ratio.values)).tolist()} == {
        (0, 0, 0),
        (1, 1, 1),
    }


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("tb_pr", "polarization_ratio", "did you mean 'polarisation_ratio'"),
        ("tb_prr", "polarisation_ratio", "did you mean 'tb_pr'"),
        ("tb_pd", "polarisation_ratio", "cannot give the variable 'tb_pd'"),
        ("tb", "polarisation_difference", "cannot give the variable 'tb'"),
    ],
)
def test_names_that_cannot_be_are_an_error(name, how, message):
    with pytest.raises(GlabError, match=message):
        derive_variable(name, how, {"tb": array()})


def test_every_derivation_is_declared_in_its_unit():
    declared = {"polarisation_ratio": "tb_pr", "polarisation_difference": "tb_pd"}
    assert declared.keys() == DERIVATIONS.keys()
    for how, name in declared.items():
        assert lookup(name).units == DERIVATIONS[how].units
        assert lookup(f"{name}_residual").scale == lookup(name).scale


def test_a_series_derives_from_values_of_good_quality_and_masks_the_result():
    days = days_of_year(2012)
    tb = array(days=len(days)).assign_coords(time=days.astype("datetime64[ns]"))
    tb.values[4, 2, 1] = 400.0
    spec = Series(
        variables=[],
        derive={"tb_pr": "polarisation_ratio"},
        quality=[QualityRule(variable="tb", applies_to=["tb"], max=340.0)],
    )
    water = xr.Dataset({"water_fraction": ("cell", [0.0, 0.5, 0.0, 0.0])}, {"cell": CELLS})
    derived = series(tb.to_dataset(), None, water, spec, Mask(frozen_source=None))
    assert list(derived.data_vars) == ["tb_pr"]
    expected = polarisation_ratio(tb).values
    expected[:, 1] = np.nan
    expected[4, 2, 0] = np.nan
    np.testing.assert_array_equal(derived["tb_pr"], expected)
    both = spec.model_copy(update={"variables": ["tb"]})
    pair = series(tb.to_dataset(), None, water, both, Mask(frozen_source=None))
    assert pair["tb"].dims == ("time", "cell", "channel")
    xr.testing.assert_identical(pair["tb_pr"], derived["tb_pr"])


# --- from values to predictions -----------------------------------------------------------------

YEARS = (2013, 2014, 2015)
NO_MASK = Mask(frozen_source=None)
SERIES = {
    "amsr2": Series(variables=["tb"], derive={"tb_pr": "polarisation_ratio"}),
    "tb40": Series(variables=["tb"], derive={"tb_pr": "polarisation_ratio"}),
}


def write_values(root):
    """Year files of two sources: the target's polarisation follows that of the input."""
    land, rng = toy_domain(), np.random.default_rng(1)
    io.write(land, root / "domain.nc", io.Provenance("domain"))
    cells = land.sizes["cell"]
    for year in YEARS:
        days = days_of_year(year)
        level = rng.normal(260, 4, (len(days), cells, 1))
        ratio = 0.04 + rng.normal(0, 0.01, level.shape)
        for source, noise, channels in (("amsr2", 0.3, AMSR), ("tb40", 0.6, ["h", "v"])):
            sign = np.array([1.0 if name.endswith("v") else -1.0 for name in channels])
            values = level * (1 + sign * ratio) + rng.normal(
                0, noise, (*level.shape[:2], len(sign))
            )
            values[rng.random(level.shape[:2]) < 0.4] = np.nan
            coords = {"cell": land["cell"], "channel": channels}
            dataset = xr.Dataset(
                {"tb": (("time", "cell", "channel"), values.astype("f4"))},
                coords | {"time": days.astype("datetime64[ns]")},
            )
            io.write(dataset, root / "regrid" / source / f"{year}.nc", io.Provenance("regrid"))


def run_climatology_and_residuals(root):
    """Both steps for both sources; paths of residuals and of climatologies."""
    domain, paths = root / "domain.nc", ([], [])
    for source, spec in SERIES.items():
        values = [root / "regrid" / source / f"{year}.nc" for year in YEARS]
        settings = Climatology(
            source=source,
            baseline_name="both",
            baseline=Period(start="2013-01-01", end="2014-12-31"),
            series=spec,
            mask=NO_MASK,
        )
        tiles = [root / "climatology" / "both" / source / f"{tile}.nc" for tile in range(2)]
        for tile, output in enumerate(tiles):
            climatology(values, domain, output, tile, settings)
        for path in values:
            output = root / "residuals" / "both" / source / path.name
            residuals(path, tiles, domain, output, Residuals(series=spec, mask=NO_MASK))
            paths[0].append(output)
        paths[1].extend(tiles)
    return paths


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A folder with the prediction of a link with a derived input and a derived target."""
    root = tmp_path_factory.mktemp("derived")
    write_values(root)
    residual_files, tiles = run_climatology_and_residuals(root)
    inputs = [LinkInput(source="amsr2", variable="tb_pr"), LinkInput(source="amsr2", variable="tb")]
    sensor = SensorInputs(baseline="both", inputs=inputs)
    target = LinkInput(source="tb40", variable="tb_pr")
    mapping = link(sensors=[sensor], target=target).model_dump()
    shared = {"name": "toy", "seed": 1, "footprint": None}
    period = Period(start="2013-01-01", end="2014-12-31")
    samples(
        residuals=residual_files,
        climatology=tiles,
        domain=root / "domain.nc",
        output=root / "samples.nc",
        settings=Samples(
            **mapping,
            **shared,
            baselines={"both": period},
            splits=Splits(held_out_years=[2015]),
            target_days_min=1,
            training_years=None,
            samples_max=8000,
            memory_mb=500,
        ),
    )
    weights = root / "train" / "0" / "network.safetensors"
    network = Network(hidden=[16], epochs=8, batch_size=256, learning_rate=1e-2)
    settings = Train(name="toy", seed=1, network=network)
    train(samples=root / "samples.nc", output=weights, settings=settings, member=0)
    variance = {"offset_pairs": None, "target_noise": 0.0, "variance_terms": ["constant"]}
    calibrate(
        samples=root / "samples.nc",
        networks=[weights],
        domain=root / "domain.nc",
        output=root / "calibrate.nc",
        settings=Calibrate(name="toy", batch_size=4096, **variance),
    )
    noise = {"detail": "target", "noise_fraction": None, "noise_runs": 2, "batch_size": 4096}
    predict(
        networks=[weights],
        calibrate=root / "calibrate.nc",
        residuals=[path for path in residual_files if path.parent.name == "amsr2"],
        climatology=tiles,
        domain=root / "domain.nc",
        year=2015,
        output=root / "2015.nc",
        settings=Predict(**mapping, **shared, **noise),
    )
    return root


def test_cycle_and_residual_of_a_derived_variable_add_up_to_its_value(chain):
    with io.read(chain / "residuals/both/amsr2/2014.nc") as residual:
        assert residual["tb_pr_residual"].dims == ("time", "cell", "frequency")
        assert residual["tb_residual"].sizes["channel"] == len(AMSR)
        got = residual["tb_pr_residual"].values[..., 0]
        assert residual["tb_pr_residual"].attrs["units"] == "1"
    with io.read(chain / "regrid/amsr2/2014.nc") as values:
        ratio = polarisation_ratio(values["tb"].load()).values[..., 0]
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(ratio))
    cycle = ratio - got  # smooth: a mean and two harmonics
    assert np.nanmax(np.abs(np.diff(cycle, axis=0))) < 5e-4 < np.nanstd(got)


def test_features_of_a_derived_variable(chain):
    with io.read(chain / "samples.nc") as drawn:
        names = drawn["feature"].values.tolist()
        labels = drawn["feature_label"].values.tolist()
        assert drawn["target_name"].values.tolist() == ["tb_pr"]
    assert names[:4] == [
        "tb_pr_10_residual", "tb_pr_18_residual", "tb_pr_10_mean91", "tb_pr_18_mean91"
    ]  # fmt: skip
    assert "tb_pr_18_climatology" in names and "target_tb_pr_climatology" in names
    assert labels.count("tb_pr_10") == 4 and labels.count("tb_36v") == 4


def test_a_link_with_a_derived_variable_predicts(chain):
    with io.read(chain / "2015.nc") as predicted:
        assert predicted["tb_pr"].dims == ("time", "cell")
        got = predicted["tb_pr"].values
    with io.read(chain / "regrid/tb40/2015.nc") as values:
        truth = polarisation_ratio(values["tb"].load()).values
    both = np.isfinite(got) & np.isfinite(truth)
    assert both.mean() > 0.3
    assert np.corrcoef(got[both], truth[both])[0, 1] > 0.9
