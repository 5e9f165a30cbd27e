"""The registry of variables: what every file may contain."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glab.errors import GlabError
from glab.variables import SUFFIXES, VARIABLES, lookup


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_described(name):
    variable = VARIABLES[name]
    assert variable.units and variable.long_name
    assert np.dtype(variable.dtype)
    assert not variable.standard_name.count(" ")


@pytest.mark.parametrize("name", [n for n, v in VARIABLES.items() if v.valid_range])
def test_a_valid_range_is_ordered_and_can_be_packed(name):
    variable = VARIABLES[name]
    low, high = variable.valid_range
    assert low < high
    if variable.scale is not None:
        steps = (np.array([low, high]) - variable.offset) / variable.scale
        assert np.abs(steps).max() <= 32767


@pytest.mark.parametrize("name", [n for n, v in VARIABLES.items() if v.flags])
def test_flag_meanings_are_words_without_blanks_and_differ(name):
    flags = VARIABLES[name].flags
    assert all(flag and " " not in flag for flag in flags)
    assert len(set(flags)) == len(flags)


def test_declarations_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VARIABLES["tb"].units = "degC"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_families_follow_their_base(suffix):
    member = lookup("tb_h" + suffix)
    assert "brightness temperature" in member.long_name
    assert member.valid_range is None or member.dtype != "float32"


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("tb_residual", "K"),
        ("tb_h_trend", "K year-1"),
        ("VOD_trend", "year-1"),
        ("tb_h_r", "1"),
        ("tb_h_coverage", "1"),
        ("soil_moisture_bias", "m3 m-3"),
    ],
)
def test_units_of_families(name, units):
    assert lookup(name).units == units


def test_a_residual_is_packed_about_zero_and_a_climatology_about_its_base():
    assert lookup("tb_residual").offset == 0.0
    assert lookup("tb_residual").scale == VARIABLES["tb"].scale
    assert lookup("tb_climatology").offset == VARIABLES["tb"].offset


def test_uncertainties_are_never_packed():
    assert lookup("vod_std").scale is None
    assert lookup("vod_std_total").scale is None


def test_the_uncertainty_of_a_residual_is_a_family_of_a_family():
    variable = lookup("VOD_residual_std")
    assert variable.units == "1"
    assert "seasonal cycle" in variable.long_name and "structural" in variable.long_name


def test_a_declared_name_wins_over_a_family():
    assert "within a bin" in lookup("tb_std").long_name


@pytest.mark.parametrize("name", ["soil_moistur", "vod_stdd", "_std", "", "residual"])
def test_an_unknown_name_is_an_error_that_helps(name):
    with pytest.raises(GlabError, match="unknown variable") as fault:
        lookup(name)
    assert "soil_moisture" in str(fault.value)
