"""All members of an ensemble applied in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glab.errors import GlabError
from glab.network import ScaledNetwork, check_columns

Array = NDArray[np.float32]


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_members(
    networks: Sequence[ScaledNetwork], features: Sequence[str], targets: Sequence[str]
) -> None:
    """Raise unless there are networks, all made for these features and targets."""
    if not networks:
        raise GlabError("an ensemble needs a network", remedy="train at least one member")
    for network in networks:
        check_columns(network, features, targets)


def mean_and_spread(
    networks: Sequence[ScaledNetwork], features: Array, batch_size: int
) -> tuple[Array, Array]:
    """Mean and standard deviation over the members (ddof 1; 0 for one member).

    Args:
        networks: the members.
        features: (row, feature), without missing values.
        batch_size: rows at a time; bytes of the result depend on it.

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
    features: Array,
    noise: Array,
    runs: int,
    batch_size: int,
    seed: int,
) -> Array:
    """Spread of the outputs when inputs carry noise: root mean square over the members.

    Args:
        networks: the members.
        features: (row, feature).
        noise: standard deviation of the noise of each value, (row, feature).
        runs: perturbed runs; their standard deviation has ddof 1.
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
            change = outputs.cpu().numpy() - base[:, rows]
            total[:, rows] += change
            square[:, rows] += change**2
    variance = np.maximum(square - total**2 / runs, 0.0) / (runs - 1)
    return np.sqrt(variance.mean(axis=0)).astype(np.float32)


def _outputs(
    networks: Sequence[ScaledNetwork], features: Array, batch_size: int
) -> Iterator[tuple[slice, Any]]:
    """Outputs of all members, (member, row, target), some rows at a time."""
    place = device()
    members = [network.to(place).eval() for network in networks]
    with torch.inference_mode():
        for start in range(0, len(features), batch_size):
            rows = slice(start, start + batch_size)
            batch = torch.from_numpy(features[rows]).to(place)
            yield rows, torch.stack([member(batch) for member in members])
