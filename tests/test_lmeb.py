"""The forward physics: check values, limits and symmetries of permittivity and emission."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glab.errors import GlabError
from glab.lmeb import (
    brightness_temperature,
    effective_temperature,
    fresnel_reflectivity,
    invert,
    permittivity_mironov2009,
    permittivity_mironov2013,
    rough_reflectivity,
    sky_temperature,
)

CHECK = {
    "incidence_deg": 40.0,
    "clay": 0.2,
    "t_ground_k": 290.0,
    "t_canopy_k": 290.0,
    "omega": 0.1,
    "h_r": 0.1,
    "n_rh": 0.0,
    "n_rv": 0.0,
    "dielectric": "mironov2009",
}
SCENE = {"incidence_deg": 40.0, "clay": 0.2, "t_ground_k": 290.0, "t_canopy_k": 288.0, "h_r": 0.2}
models = pytest.mark.parametrize("model", ["tau-omega", "two-stream"])
moisture = st.floats(0.0, 0.6)
clays = st.floats(0.0, 0.76)
angles = st.floats(0.0, 60.0)


def test_permittivity_check_values():
    result = permittivity_mironov2009([0.10, 0.40], 0.2)
    np.testing.assert_allclose(result, [5.0831 + 0.4554j, 24.4687 + 3.2097j], rtol=1e-4)
    result = permittivity_mironov2013(0.20, 0.2, 293.15)
    np.testing.assert_allclose(result, 9.9258 + 1.2060j, rtol=1e-4)


@given(moisture, clays, st.floats(260.0, 330.0))
def test_permittivity_grows_with_moisture_and_absorbs(sm, clay, temperature):
    for model in (
        lambda m: permittivity_mironov2009(m, clay),
        lambda m: permittivity_mironov2013(m, clay, temperature),
    ):
        dry, wet = model(sm), model(sm + 0.01)
        assert wet.real > dry.real > 1.0
        assert wet.imag > dry.imag > 0.0


@given(clays, st.floats(-0.1, -0.001))
def test_permittivity_below_zero_moisture_stays_physical_and_smooth(clay, sm):
    below, at, above = (permittivity_mironov2013(m, clay, 290.0) for m in (sm, 0.0, 1e-6))
    assert 1.0 <= below.real + below.imag < at.real + at.imag
    assert below.imag > 0.0
    slope_below = (at - permittivity_mironov2013(-1e-6, clay, 290.0)) / 1e-6
    np.testing.assert_allclose(slope_below, (above - at) / 1e-6, rtol=1e-3)


def test_mironov2013_temperature_is_held_to_its_range():
    cold, hot = permittivity_mironov2013(0.2, 0.2, [250.0, 330.0])
    assert cold == pytest.approx(complex(permittivity_mironov2013(0.2, 0.2, 273.15)))
    assert hot == pytest.approx(complex(permittivity_mironov2013(0.2, 0.2, 313.15)))


def test_fresnel_check_values():
    r_h, r_v = fresnel_reflectivity(permittivity_mironov2009(0.2, 0.2), 40.0)
    np.testing.assert_allclose([r_h, r_v], [0.364715, 0.180622], atol=1e-6)


@given(st.floats(1.5, 80.0), st.floats(0.0, 30.0), angles)
def test_fresnel_agrees_with_the_textbook_form(real, imaginary, incidence):
    eps, theta = complex(real, imaginary), np.deg2rad(incidence)
    q = np.sqrt(eps - np.sin(theta) ** 2)
    expected_h = abs((np.cos(theta) - q) / (np.cos(theta) + q)) ** 2
    expected_v = abs((eps * np.cos(theta) - q) / (eps * np.cos(theta) + q)) ** 2
    r_h, r_v = fresnel_reflectivity(eps, incidence)
    np.testing.assert_allclose([r_h, r_v], [expected_h, expected_v], rtol=1e-9, atol=1e-14)
    assert 0.0 <= r_v <= r_h + 1e-12 <= 1.0


def test_fresnel_vanishes_at_the_brewster_angle():
    _, r_v = fresnel_reflectivity(4.0, np.rad2deg(np.arctan(2.0)))
    assert r_v == pytest.approx(0.0, abs=1e-12)


def test_roughness_mixes_and_damps():
    r_h, r_v = rough_reflectivity(0.4, 0.2, 60.0, h_r=0.0, q_r=0.25)
    assert (r_h, r_v) == (pytest.approx(0.35), pytest.approx(0.25))
    r_h, r_v = rough_reflectivity(0.4, 0.2, 60.0, h_r=0.3, n_rh=2.0, n_rv=0.0)
    assert r_h == pytest.approx(0.4 * np.exp(-0.3 * 0.25))
    assert r_v == pytest.approx(0.2 * np.exp(-0.3))
    r_h, _ = rough_reflectivity(0.4, 0.2, 60.0, h_r=0.3)
    assert r_h == pytest.approx(0.4 * np.exp(-0.6))


def test_effective_temperature_moves_from_deep_to_surface():
    result = effective_temperature(300.0, 290.0, [0.0, 0.01, 0.3, 0.5])
    dry = 290.0 + 10.0 * (0.01 / 0.3) ** 0.3
    np.testing.assert_allclose(result, [dry, dry, 300.0, 300.0])


def test_sky_check_value():
    assert sky_temperature(40.0, 0.0, 290.0, 10.0) == pytest.approx(5.0236, abs=1e-4)
    assert sky_temperature(40.0, 3.0, 290.0, 10.0) < sky_temperature(40.0, 0.0, 290.0, 10.0)


def test_brightness_temperature_check_values():
    result = brightness_temperature(0.20, 0.5, **CHECK)
    np.testing.assert_allclose(result, [247.7687, 262.0684], atol=0.005)
    result = brightness_temperature(0.20, 0.3, **CHECK)
    np.testing.assert_allclose(result, [234.7782, 257.9086], atol=0.005)


@models
def test_bare_soil_emits_one_minus_its_reflectivity(model):
    eps = permittivity_mironov2013(0.15, 0.2, 290.0)
    rough = rough_reflectivity(*fresnel_reflectivity(eps, 40.0), 40.0, 0.2)
    result = brightness_temperature(0.15, 0.0, omega=0.08, model=model, **SCENE)
    np.testing.assert_allclose(result, [(1.0 - r) * 290.0 for r in rough], rtol=1e-12)


def test_bare_soil_reflects_the_sky():
    dark = brightness_temperature(0.15, 0.0, omega=0.08, **SCENE)
    lit = brightness_temperature(0.15, 0.0, omega=0.08, t_sky_k=5.0, **SCENE)
    np.testing.assert_allclose(np.subtract(lit, dark), 5.0 * (1.0 - np.divide(dark, 290.0)))


def test_dense_canopy_hides_the_soil():
    result = brightness_temperature([0.05, 0.5], 50.0, omega=0.08, **SCENE)
    np.testing.assert_allclose(result, 0.92 * 288.0, rtol=1e-12)
    result = brightness_temperature([0.05, 0.5], 50.0, omega=0.08, model="two-stream", **SCENE)
    root = np.sqrt(0.92)
    np.testing.assert_allclose(result, (1 - (1 - root) / (1 + root)) * 288.0, rtol=1e-12)


@given(st.floats(1e-6, 1e-3))
def test_two_stream_deep_reflectivity_tends_to_a_quarter_of_omega(omega):
    tb, _ = brightness_temperature(0.2, 60.0, omega=omega, model="two-stream", **SCENE)
    assert 1.0 - tb / 288.0 == pytest.approx(omega / 4.0, rel=1e-3)


@given(moisture, st.floats(0.0, 2.0), angles)
def test_models_agree_without_scattering(sm, vod, incidence):
    scene = {**SCENE, "incidence_deg": incidence, "omega": 0.0}
    one = brightness_temperature(sm, vod, **scene)
    np.testing.assert_allclose(brightness_temperature(sm, vod, model="two-stream", **scene), one)


@given(moisture, st.floats(0.0, 2.0), angles, st.floats(0.0, 0.8))
def test_isothermal_scene_under_its_own_sky_shows_its_temperature(sm, vod, incidence, h_r):
    scene = {"incidence_deg": incidence, "clay": 0.3, "omega": 0.0, "h_r": h_r}
    result = brightness_temperature(
        sm, vod, t_ground_k=285.0, t_canopy_k=285.0, t_sky_k=285.0, **scene
    )
    np.testing.assert_allclose(result, 285.0, rtol=1e-12)


@models
@given(moisture, st.floats(0.0, 2.0), st.floats(0.0, 0.3))
@settings(max_examples=50)
def test_polarisations_agree_at_nadir_and_part_off_it(model, sm, vod, omega):
    nadir = {**SCENE, "incidence_deg": 0.0, "omega": omega, "model": model}
    tb_h, tb_v = brightness_temperature(sm, vod, **nadir)
    assert tb_h == pytest.approx(tb_v, rel=1e-12)
    tb_h, tb_v = brightness_temperature(sm, vod, **{**nadir, "incidence_deg": 45.0})
    assert 0.0 < tb_h < tb_v <= 290.0


def test_two_stream_is_warmer_at_equal_albedo():
    one = brightness_temperature(0.2, 0.5, omega=0.1, **SCENE)
    other = brightness_temperature(0.2, 0.5, omega=0.1, model="two-stream", **SCENE)
    np.testing.assert_allclose(np.subtract(other, one), 9.0, atol=1.5)


def test_angular_shape_of_the_canopy():
    thick, _ = brightness_temperature(0.2, 0.5, omega=0.0, tt_h=2.0, **SCENE)
    path = np.cos(np.deg2rad(40.0)) ** 2 + 2.0 * np.sin(np.deg2rad(40.0)) ** 2
    same, _ = brightness_temperature(0.2, 0.5 * path, omega=0.0, **SCENE)
    assert thick == pytest.approx(same)


@models
def test_broadcasting_and_missing_values(model):
    sm = np.array([[0.1], [np.nan], [0.3]])
    tb_h, tb_v = brightness_temperature(
        sm,
        0.4,
        incidence_deg=[30.0, 40.0],
        clay=np.full((3, 1), 0.2, np.float32),
        t_ground_k=290.0,
        t_canopy_k=290.0,
        omega=0.1,
        h_r=0.1,
        model=model,
    )
    assert tb_h.shape == tb_v.shape == (3, 2)
    assert np.isnan(tb_h[1]).all() and np.isnan(tb_v[1]).all()
    assert np.isfinite(tb_h[[0, 2]]).all() and np.isfinite(tb_v[[0, 2]]).all()


def test_unknown_models_are_named():
    with pytest.raises(GlabError, match="mironov2013"):
        brightness_temperature(0.2, 0.5, omega=0.1, dielectric="mironov2031", **SCENE)
    with pytest.raises(GlabError, match="two-stream"):
        brightness_temperature(0.2, 0.5, omega=0.1, model="two_stream", **SCENE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clay": 20.0}, "clay is a fraction"),
        ({"t_ground_k": np.array([17.0, np.nan])}, "kelvin"),
        ({"t_canopy_k": 15.0}, "kelvin"),
        ({"hr": 0.2}, "did you mean 'h_r'"),
        ({"omega": None}, "missing"),
    ],
)
@pytest.mark.parametrize("function", [brightness_temperature, invert])
def test_both_functions_check_names_and_units_of_parameters(function, change, message):
    scene = {name: value for name, value in {**CHECK, **change}.items() if value is not None}
    with pytest.raises(GlabError, match=message):
        function([0.2], [0.5], **scene)


def test_parameters_without_a_value_give_nan():
    scene = {**CHECK, "t_ground_k": np.nan, "clay": [np.nan, 0.2]}
    assert np.isnan(brightness_temperature(0.2, 0.5, **scene)).all()
