"""Networks: internal scaling, files without pickled code, losses."""

import json
import pickle

import numpy as np
import pytest
import torch

from glab.config import Network
from glab.errors import GlabError
from glab.learning.network import (
    SETTINGS,
    WEIGHTS,
    ScaledNetwork,
    check_columns,
    load,
    log_cosh,
    loss_function,
    new_network,
    robust_scale,
    save,
)

FEATURES, TARGETS = ["a", "b", "c"], ["t"]


def small(**changes):
    return new_network(FEATURES, TARGETS, Network(hidden=[8, 4], **changes), 1)


def test_scaling_is_median_and_interquartile_range():
    values = torch.tensor(np.random.default_rng(0).normal(5, 3, (4001, 2)), dtype=torch.float32)
    median, spread = robust_scale(values)
    low, middle, high = np.percentile(values.numpy(), [25, 50, 75], axis=0)
    np.testing.assert_allclose(median, middle, rtol=1e-5)
    np.testing.assert_allclose(spread, high - low, rtol=1e-5)


def test_scaling_of_a_constant_feature_is_one():
    median, spread = robust_scale(torch.full((10, 1), 7.0))
    assert (median.item(), spread.item()) == (7.0, 1.0)


def test_scaling_is_part_of_the_network_and_not_trained():
    network = small()
    features = torch.randn(100, 3) * 10 + 250
    target = torch.randn(100, 1) * 4 - 2
    network.fit_scaling(features, target)
    assert {"feature_median", "feature_range", "target_median", "target_range"} <= set(
        network.state_dict()
    )
    assert all("median" not in name for name, _ in network.named_parameters())
    shifted = small()
    shifted.fit_scaling(features + 40, target)
    torch.testing.assert_close(shifted(features + 40), network(features), atol=1e-4, rtol=1e-4)


def test_published_networks_learn_the_target_in_its_own_unit():
    network = small(scale_target=False)
    network.fit_scaling(torch.randn(50, 3), torch.randn(50, 1) * 9 + 3)
    values = torch.randn(4, 1)
    torch.testing.assert_close(network.scaled_target(values), values)


def test_stored_network_predicts_the_same_without_unpickling(tmp_path, monkeypatch):
    network = small()
    network.fit_scaling(torch.randn(100, 3) * 3, torch.randn(100, 1))
    save(network, tmp_path)

    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    for owner, name in (
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (torch, "load"),
    ):
        monkeypatch.setattr(owner, name, refuse)
    features = torch.randn(5, 3)
    for path in (tmp_path, tmp_path / WEIGHTS):
        loaded = load(path)
        torch.testing.assert_close(loaded(features), network(features), rtol=0, atol=0)
        assert (loaded.features, loaded.targets) == (FEATURES, TARGETS)


def test_the_same_network_is_stored_as_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(small(), tmp_path / name)
    for file in (WEIGHTS, SETTINGS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("file", [WEIGHTS, SETTINGS])
@pytest.mark.parametrize("content", [None, b"", b"half", b'{"features": ["a"]}'])
def test_broken_files_say_what_to_do(tmp_path, file, content):
    save(small(), tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(GlabError, match="train it again") as caught:
        load(tmp_path)
    assert file in str(caught.value)


def test_weights_of_other_layers_are_refused(tmp_path):
    save(small(), tmp_path)
    stored = json.loads((tmp_path / SETTINGS).read_text())
    stored["network"]["hidden"] = [9, 4]
    (tmp_path / SETTINGS).write_text(json.dumps(stored))
    with pytest.raises(GlabError, match="cannot be used"):
        load(tmp_path)


def test_other_columns_are_refused():
    with pytest.raises(GlabError, match="other features"):
        check_columns(small(), ["b", "a", "c"], TARGETS)
    with pytest.raises(GlabError, match="other targets"):
        check_columns(small(), FEATURES, ["u"])


def test_seeded_weights_leave_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first, second, other = (new_network(FEATURES, TARGETS, Network(), seed) for seed in (1, 1, 2))
    torch.testing.assert_close(torch.rand(3), expected)
    torch.testing.assert_close(first.layers[0].weight, second.layers[0].weight)
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


def test_layers_activations_and_the_last_one_repeats():
    settings = Network(hidden=[5, 4, 3], activations=["leaky_relu", "relu"], leaky_slope=0.3)
    network = ScaledNetwork(FEATURES, ["t", "u"], settings)
    assert [tuple(layer.weight.shape) for layer in network.layers] == [
        (5, 3),
        (4, 5),
        (3, 4),
        (2, 3),
    ]
    x = torch.randn(6, 3)
    first, second, third, last = network.layers
    values = torch.nn.functional.leaky_relu(first(x), 0.3)
    values = torch.relu(third(torch.relu(second(values))))
    torch.testing.assert_close(network(x), last(values))


def test_losses():
    predicted, target = torch.tensor([[0.0], [3.0], [400.0]]), torch.tensor([[0.5], [0.0], [0.0]])
    error = (predicted - target).numpy().ravel().astype(float)
    expected = np.mean([np.log(np.cosh(error[0])), np.log(np.cosh(error[1])), 400 - np.log(2)])
    assert log_cosh(predicted, target).item() == pytest.approx(expected, rel=1e-6)
    huber = loss_function(Network(loss="huber", huber_delta=2.0))(predicted, target).item()
    assert huber == pytest.approx(np.mean([0.125, 2 * (3 - 1), 2 * (400 - 1)]))
    assert loss_function(Network(loss="mse"))(predicted, target).item() > 1e4


def test_freezing_everything_is_refused():
    with pytest.raises(GlabError, match="every layer is frozen"):
        small().freeze(3)
