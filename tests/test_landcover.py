"""Scattering albedo and roughness from land-cover fractions."""

import numpy as np
import pytest
import xarray as xr

from glab.errors import GlabError
from glab.lmeb.landcover import OMEGA, ROUGHNESS, landcover_parameters, weighted_mean

GRASS, CROP, BARREN = 9, 11, 15  # positions of classes 10, 12 and 16


def fractions(*cells):
    """Return one row of 16 fractions per cell, from {position of the class: fraction}."""
    table = np.zeros((len(cells), 16), np.float32)
    for row, cell in zip(table, cells):
        for position, value in cell.items():
            row[position] = value
    return table


def domain(igbp=None, classes=range(1, 17), **maps):
    variables = {name: ("cell", np.float32(values)) for name, values in maps.items()}
    if igbp is None:
        return xr.Dataset(variables)
    variables["igbp_fraction"] = (("cell", "igbp"), igbp)
    return xr.Dataset(variables, {"igbp": list(classes)})


def test_the_tables_are_those_of_smos_ic():
    assert len(OMEGA) == len(ROUGHNESS) == 16
    assert (OMEGA[1], ROUGHNESS[1]) == (0.06, 0.30)  # broadleaf evergreen forest
    assert (OMEGA[CROP], ROUGHNESS[CROP]) == (0.12, 0.17)
    assert (OMEGA[BARREN], ROUGHNESS[BARREN]) == (0.12, 0.02)


@pytest.mark.parametrize("total", [1.0, 0.4])
def test_weights_are_renormalised(total):
    cover = fractions({GRASS: 0.25 * total, CROP: 0.75 * total})
    np.testing.assert_allclose(weighted_mean(cover, OMEGA), 0.25 * 0.10 + 0.75 * 0.12, rtol=1e-6)


def test_a_cell_without_a_class_has_no_value_and_a_missing_class_none():
    cover = fractions({}, {CROP: 1.0})
    cover[1, GRASS] = np.nan
    np.testing.assert_allclose(weighted_mean(cover, ROUGHNESS), [np.nan, 0.17], rtol=1e-6)


def test_a_map_is_used_where_it_has_a_value():
    cover = fractions({CROP: 1.0}, {CROP: 1.0})
    got = landcover_parameters(domain(cover, h_r=[0.5, np.nan]))
    np.testing.assert_allclose(got["h_r"], [0.5, 0.17], rtol=1e-6)
    np.testing.assert_allclose(got["omega"], 0.12, rtol=1e-6)


def test_classes_are_found_by_their_number():
    cover = fractions({CROP: 1.0})
    with_water = np.concatenate([np.ones((1, 1), np.float32), cover], axis=1)
    got = landcover_parameters(domain(with_water, classes=range(17)))
    np.testing.assert_allclose(got["omega"], 0.12, rtol=1e-6)
    turned = landcover_parameters(domain(cover[:, ::-1], classes=range(16, 0, -1)))
    np.testing.assert_allclose(turned["omega"], 0.12, rtol=1e-6)


def test_maps_alone_are_enough():
    got = landcover_parameters(domain(omega=[0.08], h_r=[0.2]))
    np.testing.assert_allclose([got["omega"][0], got["h_r"][0]], [0.08, 0.2], rtol=1e-6)


@pytest.mark.parametrize(
    ("bad", "message"),
    [(domain(h_r=[0.2]), "omega"), (domain(np.ones((1, 12), np.float32), range(1, 13)), "1 … 16")],
)
def test_a_domain_without_land_cover_is_refused(bad, message):
    with pytest.raises(GlabError, match=message):
        landcover_parameters(bad)
