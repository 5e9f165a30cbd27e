"""Run the stage `calibrate`: samples and networks → offsets and data variance."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Calibrate
from glab.learning.calibrate import fit_calibration
from glab.learning.network import load


def calibrate(
    *, samples: Path, networks: list[Path], domain: Path, output: Path, settings: Calibrate
) -> None:
    """Fit offsets and data variance of an ensemble.

    Args:
        samples: of the link.
        networks: weights of every member.
        domain: the domain.
        output: `offset`, `offset_count`, `variance_coefficients`.
        settings: slice of the link.
    """
    with io.read(samples) as dataset:
        members = [load(path) for path in networks]
        fitted = fit_calibration(dataset.load(), members, io.read(domain).load(), settings)
    inputs = [samples, *networks, domain]
    io.write(fitted, output, io.Provenance("calibrate", settings, inputs))
