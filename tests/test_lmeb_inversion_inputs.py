"""Inputs of the inversion: extreme TB, bounds, missing values, shapes, blocks and errors."""

import numpy as np
import pytest

from fixtures_lmeb import MANY, ORACLE, angle_sets, observe, random_cells
from glab.errors import GlabError
from glab.lmeb import inversion as inversion_module
from glab.lmeb import invert


@angle_sets
@pytest.mark.parametrize("model", ["tau-omega", "two-stream"])
@pytest.mark.parametrize("bounds", [((0.0, 1.0), (0.0, 2.0)), ((-0.1, 1.0), (-0.2, 2.0))])
def test_extreme_brightness_temperatures_converge(angles, model, bounds):
    values = np.array([0.0, 100.0, 200.0, 250.0, 280.0, 320.0, 400.0])
    tb_h, tb_v = (np.repeat(x.ravel()[:, np.newaxis], angles.size, 1) for x in
                  np.meshgrid(values, values))  # fmt: skip
    solution = invert(
        tb_h,
        tb_v,
        incidence_deg=angles,
        clay=0.2,
        t_ground_k=290.0,
        t_canopy_k=290.0,
        omega=0.1,
        h_r=0.2,
        model=model,
        sm_bounds=bounds[0],
        vod_bounds=bounds[1],
    )
    assert solution.converged.all()
    assert solution.iterations.max() < 400
    assert ((solution.sm >= bounds[0][0]) & (solution.sm <= bounds[0][1])).all()
    assert ((solution.vod >= bounds[1][0]) & (solution.vod <= bounds[1][1])).all()
    for values in solution[:6]:
        assert np.isfinite(values).all()


@pytest.mark.parametrize("vod", [0.0, 2.0])
def test_vod_at_its_bounds(vod):
    sm, _, scene = random_cells(2000, seed=7)
    tb = observe(sm, np.full(2000, vod), scene, MANY, noise_k=1.0, seed=8)
    solution = invert(*tb, incidence_deg=MANY, **scene)
    assert solution.converged.all()
    assert np.mean(solution.vod == vod) > 0.1


def test_noise_about_dry_bare_soil_stays_symmetric():
    _, _, scene = random_cells(5000, seed=9)
    sm, vod = np.full(5000, 0.005), np.full(5000, 0.02)
    tb = observe(sm, vod, scene, MANY, noise_k=4.0, seed=10)
    wide = {"sm_bounds": (-0.1, 1.0), "vod_bounds": (-0.2, 2.0)}
    solution = invert(*tb, incidence_deg=MANY, tb_sigma_k=4.0, **wide, **scene)
    assert 0.2 < np.mean(solution.sm < sm) < 0.6
    assert np.mean(solution.sm < 0.0) > 0.1
    assert abs(np.median(solution.vod - vod)) < 0.02
    clipped = invert(*tb, incidence_deg=MANY, tb_sigma_k=4.0, **scene)
    assert abs(np.mean(solution.vod - vod)) < 0.5 * abs(np.mean(clipped.vod - vod))


def test_missing_values_are_left_out_one_by_one():
    sm, vod, scene = random_cells(50, seed=11)
    tb_h, tb_v = observe(sm, vod, scene, MANY, noise_k=2.0, seed=12)
    gaps_h, gaps_v = tb_h.copy(), tb_v.copy()
    gaps_h[:, :3] = gaps_v[:, :3] = np.nan
    sigma = np.full(MANY.size, 2.0)
    sigma[3] = np.nan
    solution = invert(gaps_h, gaps_v, incidence_deg=MANY, tb_sigma_k=sigma, **scene)
    few = invert(tb_h[:, 4:], tb_v[:, 4:], incidence_deg=MANY[4:], tb_sigma_k=2.0, **scene)
    for one, other in zip(solution, few, strict=True):
        np.testing.assert_array_equal(one, other)
    alone = invert(tb_h, tb_v + np.nan, incidence_deg=MANY, **scene)
    modelled, _ = observe(alone.sm, alone.vod, scene, MANY)
    rmse = np.sqrt(np.mean((modelled - tb_h) ** 2, axis=1))
    np.testing.assert_allclose(alone.tb_rmse_k, rmse, rtol=1e-9)


def test_nothing_usable_gives_nan():
    sm, vod, scene = random_cells(4, seed=13)
    tb_h, tb_v = observe(sm, vod, scene, MANY)
    tb_h[0] = tb_v[0] = np.nan
    scene["clay"][1] = np.nan
    solution = invert(tb_h, tb_v, incidence_deg=MANY, vod_prior=[0.5, 0.5, np.nan, 0.5], **scene)
    for values in solution[:6]:
        np.testing.assert_array_equal(np.isnan(values), [True, True, True, False])
    np.testing.assert_array_equal(solution.converged, [False, False, False, True])
    assert invert(tb_h[:0], tb_v[:0], incidence_deg=MANY, **{**scene, "clay": 0.2,
                  "t_ground_k": 290.0, "t_canopy_k": 290.0, "omega": 0.1, "h_r": 0.1}
                  ).sm.shape == (0,)  # fmt: skip


def test_shapes_broadcast():
    sm, vod, scene = random_cells(12, seed=14)
    tb_h, tb_v = observe(sm, vod, scene, MANY, noise_k=1.0)
    flat = invert(tb_h, tb_v, incidence_deg=MANY, **scene)
    shaped = invert(
        tb_h.reshape(3, 4, 8).astype(np.float32).astype(np.float64),
        tb_v.reshape(3, 4, 8),
        incidence_deg=np.broadcast_to(MANY, (3, 4, 8)),
        t_sky_k=np.zeros((1, 1, 8)),
        tb_sigma_k=np.ones((3, 1, 1)),
        **{name: value.reshape(3, 4) for name, value in scene.items()},
    )
    assert shaped.sm.shape == shaped.converged.shape == (3, 4)
    np.testing.assert_allclose(shaped.sm.ravel(), flat.sm, atol=1e-5)
    assert invert(tb_h[0], tb_v[0], incidence_deg=MANY, **{
        name: value[0] for name, value in scene.items()}).vod.shape == ()  # fmt: skip


def test_result_depends_neither_on_blocks_nor_threads(monkeypatch):
    sm, vod, scene = random_cells(3000, seed=15)
    tb = observe(sm, vod, scene, MANY, noise_k=4.0)
    one = invert(*tb, incidence_deg=MANY, **scene)
    monkeypatch.setattr(inversion_module, "BLOCK_CELLS", 100)
    monkeypatch.setattr(inversion_module.numba.config, "NUMBA_NUM_THREADS", 3)
    other = invert(*tb, incidence_deg=MANY, **scene)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_sky_by_angle_is_used():
    sm, vod, scene = random_cells(20, seed=16)
    sky = np.linspace(4.0, 9.0, MANY.size)[np.newaxis]
    tb = observe(sm, vod, scene, MANY, t_sky_k=sky)
    solution = invert(*tb, incidence_deg=MANY, t_sky_k=sky, sm_prior=sm, vod_prior=vod, **scene)
    assert solution.cost.max() < 1e-12


def test_bad_arguments_raise():
    scene = {name: value for name, value in ORACLE.items() if name != "clay"}
    with pytest.raises(GlabError, match="broadcast"):
        invert([[240.0], [241.0]], [[250.0], [251.0]], clay=[0.1, 0.2, 0.3], **scene)
    with pytest.raises(GlabError, match="bound"):
        invert([240.0], [250.0], clay=0.2, vod_bounds=(2.0, 0.0), **scene)
    with pytest.raises(GlabError, match="two-stream"):
        invert([240.0], [250.0], clay=0.2, model="three-stream", **scene)
