"""Run the stage `train`: samples → one network."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Train
from glab.learning.network import load, save
from glab.learning.train import train_network


def train(
    *,
    samples: Path,
    output: Path,
    settings: Train,
    member: int,
    start_from: Path | None = None,
) -> None:
    """Train one network.

    Args:
        samples: of the link.
        output: a file in the network's folder, which gets weights, settings and training curve.
        settings: slice of the link.
        member: number of the network in its ensemble.
        start_from: weights of the network to start from.
    """
    folder = output.parent
    resume = folder.with_name(f".{folder.name}.resume")
    start = None if start_from is None else load(start_from)
    with io.read(samples) as dataset:
        result = train_network(dataset.load(), settings, member, resume, start=start)
    with io.atomic_path(folder) as temporary:
        temporary.mkdir()
        save(result.network, temporary)
        (temporary / "curve.csv").write_text(result.curve)
    for state in folder.parent.glob(f"{resume.name}*"):
        state.unlink()
