"""Simulated cells for the tests of the inversion."""

import numpy as np
import pytest

from glab.lmeb import brightness_temperature

ONE = np.array([40.0])
MANY = np.array([20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0])
ORACLE = {
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
angle_sets = pytest.mark.parametrize("angles", [ONE, MANY], ids=["one angle", "eight angles"])


def random_cells(count, seed, vod_max=1.3):
    """Truth and scene of `count` cells: sm, vod, and the parameters of the emission model."""
    rng = np.random.default_rng(seed)
    t_ground = rng.uniform(270.0, 312.0, count)
    scene = {
        "clay": rng.uniform(0.0, 0.6, count),
        "t_ground_k": t_ground,
        "t_canopy_k": t_ground + rng.normal(0.0, 2.0, count),
        "omega": rng.uniform(0.04, 0.13, count),
        "h_r": rng.uniform(0.0, 0.5, count),
    }
    return rng.uniform(0.01, 0.6, count), rng.uniform(0.0, vod_max, count), scene


def observe(sm, vod, scene, angles, noise_k=0.0, seed=0, **options):
    """TB of cells by angle, with noise."""
    columns = {name: value[:, np.newaxis] for name, value in scene.items()}
    tb = brightness_temperature(
        sm[:, np.newaxis], vod[:, np.newaxis], incidence_deg=angles, **columns, **options
    )
    return np.add(tb, np.random.default_rng(seed).normal(0.0, noise_k, np.shape(tb)))
