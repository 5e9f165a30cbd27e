"""Seeds that depend on what they are for, never on the order in which jobs run."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(seed: int, *purpose: str | int) -> int:
    """A 32-bit seed for one purpose of a run, the same on every machine.

    Args:
        seed: seed of the run.
        *purpose: names and numbers that tell this use from all others, for example
            ("amsr_smos", 3) for member 3 of a link.
    """
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose."""
    return np.random.default_rng(seed_of(seed, *purpose))
