"""Seeds of random numbers, which depend on their purpose and not on the order of jobs."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(seed: int, *purpose: str | int) -> int:
    """Return the 32-bit seed of one purpose of a run, the same on every machine.

    Args:
        seed: seed of the run.
        *purpose: names and numbers that identify this use, for example ("amsr_smos", 3) for
            member 3 of a link.
    """
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a generator of random numbers for one purpose; see `seed_of`."""
    return np.random.default_rng(seed_of(seed, *purpose))
