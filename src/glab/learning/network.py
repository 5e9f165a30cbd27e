"""Define networks with internal scaling, store them, and apply ensembles.

A network is stored as weights (safetensors) and settings (json), so that a file never contains
code. All members of an ensemble are applied in one pass over the rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from glab.arrays import Float32s
from glab.config import Network
from glab.errors import GlabError

WEIGHTS, SETTINGS = "network.safetensors", "network.json"

Loss = Callable[[Tensor, Tensor], Tensor]

LOG_2 = 0.6931471805599453

ROWS_FOR_SCALE = 100_000
"""Rows from which median and interquartile range are estimated, to within about 1 %."""


class ScaledNetwork(nn.Module):
    """A multi-layer network from features to targets in physical units.

    Median and interquartile range of features and targets are buffers, stored with the weights.

    Args:
        features: names of the features, in order.
        targets: names of the targets, in order.
        settings: hidden layers and activations.
    """

    def __init__(self, features: Sequence[str], targets: Sequence[str], settings: Network) -> None:
        super().__init__()
        self.features, self.targets, self.settings = list(features), list(targets), settings
        sizes = [len(self.features), *settings.hidden, len(self.targets)]
        layers = [nn.Linear(n, m) for n, m in zip(sizes[:-1], sizes[1:])]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(layers)
        for name, size in (("feature", sizes[0]), ("target", sizes[-1])):
            self.register_buffer(f"{name}_median", torch.zeros(size))
            self.register_buffer(f"{name}_range", torch.ones(size))

    def forward(self, features: Tensor) -> Tensor:
        """Return targets (row, target) from features (row, feature), in their units."""
        return self.forward_scaled(features) * self.target_range + self.target_median

    def forward_scaled(self, features: Tensor) -> Tensor:
        """Return targets in units of their interquartile range, relative to their median."""
        values = (features - self.feature_median) / self.feature_range
        *hidden, last = self.layers
        for number, layer in enumerate(hidden):
            values = _activated(layer(values), number, self.settings)
        return last(values)

    def scaled_target(self, target: Tensor) -> Tensor:
        """Return targets (row, target) in the units of `forward_scaled`."""
        return (target - self.target_median) / self.target_range

    def fit_scaling(self, features: Tensor, target: Tensor) -> None:
        """Set the scaling from training samples (sample, …) without missing values."""
        self.feature_median, self.feature_range = robust_scale(features)
        if self.settings.scale_target:
            self.target_median, self.target_range = robust_scale(target)

    def freeze(self, layers: int) -> None:
        """Exclude the first layers from training: they get no gradients.

        Raises:
            GlabError: when no layer would be left to train.
        """
        if layers >= len(self.layers):
            raise GlabError(
                "every layer is frozen",
                variable="frozen_layers",
                found=layers,
                expected=f"below {len(self.layers)}",
            )
        for layer in self.layers[:layers]:
            layer.requires_grad_(False)


def new_network(
    features: Sequence[str], targets: Sequence[str], settings: Network, seed: int
) -> ScaledNetwork:
    """Create a network with weights drawn by a seed; the global generator does not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ScaledNetwork(features, targets, settings)


def robust_scale(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return median and interquartile range of each column; a range of 0 becomes 1.

    Args:
        values: (row, column); of many rows a regular selection is used.
    """
    rows = values[:: max(1, len(values) // ROWS_FOR_SCALE)].double()
    # In float64, so that the interpolation between ranks is exact to float32.
    low, median, high = torch.quantile(
        rows, torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64), dim=0
    )
    spread = high - low
    return median.float(), torch.where(spread > 0, spread, 1.0).float()


def loss_function(settings: Network) -> Loss:
    """Return the loss of scaled predictions and scaled targets, both (row, target)."""
    if settings.loss == "huber":
        return nn.HuberLoss(delta=settings.huber_delta)
    return nn.MSELoss() if settings.loss == "mse" else log_cosh


def log_cosh(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean of log(cosh(error)), in a form that does not overflow for large errors."""
    # log cosh x = |x| + log(1 + exp(−2|x|)) − log 2, and the exponent is never positive.
    error = torch.abs(predicted - target)
    return torch.mean(error + nn.functional.softplus(-2.0 * error) - LOG_2)


def save(network: ScaledNetwork, folder: Path) -> None:
    """Write weights and settings into an existing folder."""
    settings = {
        "features": network.features,
        "targets": network.targets,
        "network": network.settings.model_dump(mode="json"),
    }
    # Sorted keys and contiguous tensors: equal networks give equal bytes.
    tensors = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, folder / WEIGHTS)
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")


def load(path: Path) -> ScaledNetwork:
    """Read a network, ready to predict.

    Args:
        path: its folder, or either file in it.

    Raises:
        GlabError: for files that are missing, unreadable, or do not belong together.
    """
    folder = path if path.is_dir() else path.parent
    network = _network_without_weights(folder / SETTINGS)
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise GlabError(
            "the weights of a network cannot be used",
            path=folder / WEIGHTS,
            found=str(error),
            remedy="train it again",
        ) from error
    return network.eval()


def check_columns(network: ScaledNetwork, features: Sequence[str], targets: Sequence[str]) -> None:
    """Raise a GlabError unless a network was trained on these features and targets."""
    for kind, trained, wanted in (
        ("features", network.features, list(features)),
        ("targets", network.targets, list(targets)),
    ):
        if trained != wanted:
            raise GlabError(
                f"a network was trained on other {kind}",
                variable=kind,
                found=wanted,
                expected=trained,
                remedy="train it again, or use the configuration it was trained with",
            )


def _activated(values: Tensor, number: int, settings: Network) -> Tensor:
    """Apply the activation of a hidden layer; the last one of the settings repeats."""
    name = settings.activations[min(number, len(settings.activations) - 1)]
    if name == "leaky_relu":
        return nn.functional.leaky_relu(values, settings.leaky_slope)
    return {"relu": torch.relu, "silu": nn.functional.silu, "tanh": torch.tanh}[name](values)


def _network_without_weights(path: Path) -> ScaledNetwork:
    """Create a network from its stored settings."""
    try:
        stored = json.loads(path.read_text())
        return ScaledNetwork(stored["features"], stored["targets"], Network(**stored["network"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlabError(
            "the settings of a network cannot be read",
            path=path,
            found=str(error),
            remedy="train it again",
        ) from error


def device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_members(
    networks: Sequence[ScaledNetwork], features: Sequence[str], targets: Sequence[str]
) -> None:
    """Raise a GlabError unless there are networks, all trained on these columns."""
    if not networks:
        raise GlabError("an ensemble needs a network", remedy="train at least one member")
    for network in networks:
        check_columns(network, features, targets)


def mean_and_spread(
    networks: Sequence[ScaledNetwork], features: Float32s, batch_size: int
) -> tuple[Float32s, Float32s]:
    """Return mean and standard deviation over the members (ddof 1; 0 for one member).

    Args:
        networks: the members.
        features: (row, feature), without missing values.
        batch_size: rows at a time. The last bits of the result depend on it.

    Returns:
        two arrays (row, target), in the target's unit.
    """
    mean = np.empty((len(features), len(networks[0].targets)), np.float32)
    spread = np.empty_like(mean)
    for rows, outputs in _outputs(networks, features, batch_size):
        mean[rows] = outputs.mean(dim=0).cpu().numpy()
        ddof = min(len(networks) - 1, 1)
        spread[rows] = outputs.std(dim=0, correction=ddof).cpu().numpy()
    return mean, spread


def noise_spread(
    networks: Sequence[ScaledNetwork],
    features: Float32s,
    noise: Float32s,
    runs: int,
    batch_size: int,
    seed: int,
) -> Float32s:
    """Return the spread of outputs under input noise: root mean square over the members.

    Args:
        networks: the members.
        features: (row, feature).
        noise: standard deviation of the noise of each value, (row, feature).
        runs: number of perturbed runs; their standard deviation has ddof 1.
        batch_size: rows at a time.
        seed: of the noise.

    Returns:
        (row, target), in the target's unit.
    """
    rng = np.random.default_rng(seed)
    size = len(features), len(networks[0].targets)
    total, square = np.zeros((len(networks), *size)), np.zeros((len(networks), *size))
    base = np.empty((len(networks), *size))
    for rows, outputs in _outputs(networks, features, batch_size):
        base[:, rows] = outputs.cpu().numpy()
    for _ in range(runs):
        noisy = features + noise * rng.standard_normal(features.shape, dtype=np.float32)
        for rows, outputs in _outputs(networks, noisy, batch_size):
            # Differences from the unperturbed run, so that the sums do not lose digits.
            change = outputs.cpu().numpy() - base[:, rows]
            total[:, rows] += change
            square[:, rows] += change**2
    variance = np.maximum(square - total**2 / runs, 0.0) / (runs - 1)
    return np.sqrt(variance.mean(axis=0)).astype(np.float32)


def _outputs(
    networks: Sequence[ScaledNetwork], features: Float32s, batch_size: int
) -> Iterator[tuple[slice, Any]]:
    """Yield outputs of all members, (member, row, target), some rows at a time."""
    target_device = device()
    members = [network.to(target_device).eval() for network in networks]
    with torch.inference_mode():
        for start in range(0, len(features), batch_size):
            rows = slice(start, start + batch_size)
            batch = torch.from_numpy(features[rows]).to(target_device)
            yield rows, torch.stack([member(batch) for member in members])
