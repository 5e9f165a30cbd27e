"""Run the stage `samples`: residuals and cycles of a link → labelled samples."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Samples
from glab.learning.features import open_features
from glab.learning.samples import STYLE, draw_samples


def samples(
    *,
    residuals: list[Path],
    climatology: list[Path],
    domain: Path,
    output: Path,
    settings: Samples,
) -> None:
    """Draw the samples of a link.

    Args:
        residuals: training years of inputs and target, held-out years included.
        climatology: every tile of the cycles of inputs and target.
        domain: the domain.
        output: the samples.
        settings: slice of the link.
    """
    land = io.read(domain).load()
    with open_features(residuals, climatology, land, settings, settings.footprint) as sensors:
        drawn = draw_samples(sensors, settings)
    inputs = [*residuals, *climatology, domain]
    io.write(drawn, output, io.Provenance("samples", settings, inputs), style=STYLE)
