"""Training: it learns, keeps frozen layers, continues after a kill and repeats its bytes."""

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import Callback

from fixtures_learning import plain_samples
from glab import io
from glab.config import Network, Train
from glab.errors import GlabError
from glab.learning.network import load
from glab.learning.train import SampleData, train_network
from glab.steps.train import train as step

SMALL = Network(hidden=[16, 8], epochs=4, batch_size=256, learning_rate=5e-3)


def settings(network=SMALL, **changes):
    return Train(**{"name": "toy", "seed": 1, "network": network} | changes)


class Kill(Callback):
    """Break off in the middle of an epoch."""

    def __init__(self, epoch, batch=2):
        self.when = epoch, batch

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.when:
            raise RuntimeError("killed")


class Epochs(Callback):
    """Which epochs were run."""

    def __init__(self):
        self.seen = []

    def on_train_epoch_start(self, trainer, pl_module):
        self.seen.append(trainer.current_epoch)


def weights(trained):
    return {name: t.numpy().tobytes() for name, t in trained.network.state_dict().items()}


def test_a_known_mapping_is_learned(tmp_path):
    samples = plain_samples(20000)
    network = Network(hidden=[32, 16], epochs=12, batch_size=128, learning_rate=5e-3)
    trained = train_network(samples, settings(network), 0, tmp_path / "r")
    held = samples["split"].values == 3
    with torch.inference_mode():
        output = trained.network(torch.from_numpy(samples["features"].values[held])).numpy()
    target = samples["target"].values[held]
    assert np.sqrt(np.mean((output - target) ** 2)) < 0.1 * target.std()
    rows = [line.split(",") for line in trained.curve.splitlines()]
    assert rows[0] == ["epoch", "learning_rate", "train_loss", "validation_loss"]
    assert len(rows) == 13
    assert float(rows[-1][3]) < 0.2 * float(rows[1][3])
    assert float(rows[-1][1]) < 1e-8


def test_scaling_comes_from_training_samples_alone(tmp_path):
    samples = plain_samples()
    split = samples["split"].values
    samples["features"].values[split != 0] += 1000
    trained = train_network(samples, settings(), 0, tmp_path / "r")
    inside = samples["features"].values[split == 0]
    np.testing.assert_allclose(trained.network.feature_median, np.median(inside, axis=0), rtol=1e-4)


def test_same_seed_same_bytes_and_another_member_differs(tmp_path):
    samples = plain_samples()
    first, second, member = (
        weights(train_network(samples, settings(), number, tmp_path / f"{run}"))
        for run, number in enumerate((0, 0, 1))
    )
    assert first == second
    assert first != member


@pytest.mark.parametrize("patience", [None, 1])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, patience):
    samples = plain_samples()
    resumable = settings(SMALL.model_copy(update={"patience": patience}))
    whole = train_network(samples, resumable, 0, tmp_path / "whole")
    for epoch in (1, 2):
        with pytest.raises(RuntimeError, match="killed"):
            train_network(samples, resumable, 0, tmp_path / "killed", callbacks=[Kill(epoch)])
    epochs = Epochs()
    resumed = train_network(samples, resumable, 0, tmp_path / "killed", callbacks=[epochs])
    assert epochs.seen[0] == 2
    assert weights(resumed) == weights(whole)
    assert resumed.curve == whole.curve


def test_a_state_of_another_run_or_a_broken_one_is_ignored(tmp_path):
    samples, state = plain_samples(), tmp_path / "state"
    with pytest.raises(RuntimeError, match="killed"):
        train_network(samples, settings(), 0, state, callbacks=[Kill(2)])
    left = state.read_bytes()
    others = {
        "seed": (samples, settings(seed=2), 0),
        "member": (samples, settings(), 1),
        "samples": (plain_samples(seed=9), settings(), 0),
    }
    for arguments in others.values():
        state.write_bytes(left)
        epochs = Epochs()
        train_network(*arguments, state, callbacks=[epochs])
        assert epochs.seen[0] == 0
    for content in (b"", left[: len(left) // 2]):
        state.write_bytes(content)
        epochs = Epochs()
        train_network(samples, settings(), 0, state, callbacks=[epochs])
        assert epochs.seen[0] == 0


def test_no_half_written_state_is_left(tmp_path):
    with pytest.raises(RuntimeError, match="killed"):
        train_network(plain_samples(), settings(), 0, tmp_path / "state", callbacks=[Kill(1)])
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_frozen_layers_and_their_scaling_do_not_change(tmp_path):
    start = train_network(plain_samples(), settings(), 0, tmp_path / "a").network
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    moved = plain_samples(seed=4)
    moved["target"] = -moved["target"]
    frozen = settings(frozen_layers=2)
    after = train_network(moved, frozen, 0, tmp_path / "b", start=start).network.state_dict()
    for name, tensor in before.items():
        same = torch.equal(tensor, after[name])
        assert same == (not name.startswith("layers.2.")), name


def test_a_start_of_other_features_or_layers_is_refused(tmp_path):
    start = train_network(plain_samples(), settings(), 0, tmp_path / "a").network
    with pytest.raises(GlabError, match="other features"):
        train_network(plain_samples(features=4), settings(), 0, tmp_path / "b", start=start)
    other = settings(SMALL.model_copy(update={"hidden": [16]}))
    with pytest.raises(GlabError, match="other layers"):
        train_network(plain_samples(), other, 0, tmp_path / "b", start=start)


def test_training_stops_without_gain_and_keeps_the_best_weights(tmp_path):
    samples = plain_samples(600, features=20)
    rng = np.random.default_rng(1)
    samples["target"].values[:] += rng.normal(0, 8, samples["target"].shape)
    network = Network(hidden=[64, 64], epochs=60, batch_size=32, learning_rate=1e-2, patience=3)
    trained = train_network(samples, settings(network), 0, tmp_path / "r")
    losses = [float(line.split(",")[3]) for line in trained.curve.splitlines()[1:]]
    assert len(losses) < 60
    assert len(losses) - 1 - int(np.argmin(losses)) == 3
    data = SampleData(samples, settings(network), 0)
    features, target = data.validation
    with torch.inference_mode():
        output = trained.network.forward_scaled(features)
        loss = torch.nn.HuberLoss()(output, trained.network.scaled_target(target)).item()
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_members_see_their_own_fraction_of_blocks():
    samples = plain_samples()
    rows = [
        SampleData(samples, settings(member_fraction=0.6), member).train[0].numpy()
        for member in (0, 0, 1)
    ]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[0].shape != rows[2].shape or not np.array_equal(rows[0], rows[2])
    assert len(rows[0]) == pytest.approx(0.6 * 3200, rel=0.02)


def test_each_epoch_has_its_own_order_and_every_sample_once():
    data = SampleData(plain_samples(1000), settings(), 0)
    batches = data.train_dataloader()
    rows = torch.cat([features for features, _ in batches])
    assert len(batches) == 4 and len(rows) == 800
    assert not torch.equal(rows, data.train[0])
    torch.testing.assert_close(rows.sort(dim=0).values, data.train[0].sort(dim=0).values)


def test_no_training_samples(tmp_path):
    samples = plain_samples()
    samples["split"].values[:] = 3
    with pytest.raises(GlabError, match="no training samples"):
        train_network(samples, settings(), 0, tmp_path / "r")


def test_without_validation_blocks_training_still_runs(tmp_path):
    samples = plain_samples()
    samples["split"].values[samples["split"].values == 1] = 0
    trained = train_network(samples, settings(), 0, tmp_path / "r")
    assert trained.curve.splitlines()[-1].endswith("nan")


def test_step_writes_the_same_folder_twice_and_starts_from_another(tmp_path):
    samples = plain_samples()
    io.write(samples, tmp_path / "toy.nc", io.Provenance("samples"))
    for name in ("one", "two"):
        target = tmp_path / name / "0" / "network.safetensors"
        step(samples=tmp_path / "toy.nc", output=target, settings=settings(), member=0)
    files = ["curve.csv", "network.json", "network.safetensors"]
    for folder in ("one", "two"):
        assert sorted(path.name for path in (tmp_path / folder / "0").iterdir()) == files
        assert [path.name for path in (tmp_path / folder).iterdir()] == ["0"]
    for name in files:
        assert (tmp_path / "one/0" / name).read_bytes() == (tmp_path / "two/0" / name).read_bytes()
    step(
        samples=tmp_path / "toy.nc",
        output=tmp_path / "three/0/network.safetensors",
        settings=settings(frozen_layers=1),
        member=0,
        start_from=tmp_path / "one/0/network.safetensors",
    )
    first, third = (load(tmp_path / name / "0") for name in ("one", "three"))
    assert torch.equal(first.layers[0].weight, third.layers[0].weight)
    assert not torch.equal(first.layers[1].weight, third.layers[1].weight)
