"""Random streams that depend on what they are for, never on the order in which jobs run."""

from __future__ import annotations

import numpy as np

from glab.seeds import seed_of


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A fast generator of its own for each purpose (see `glab.seeds.seed_of`).

    Args:
        seed: seed of the world.
        *purpose: names and numbers that tell this stream from all others, for example
            ("smos_l3", "A", "2012-05-01").
    """
    return np.random.Generator(np.random.SFC64(seed_of(seed, "world", *purpose)))


def normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Standard normal numbers, float32."""
    return generator.standard_normal(shape, dtype=np.float32)
