"""Run the stage `predict`: an ensemble and one year → predictions."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Predict
from glab.learning.features import open_features
from glab.learning.network import load
from glab.learning.predict import LinkPredictor


def predict(
    *,
    networks: list[Path],
    calibrate: Path,
    residuals: list[Path],
    climatology: list[Path],
    domain: Path,
    year: int,
    output: Path,
    settings: Predict,
) -> None:
    """Apply an ensemble to one year.

    Args:
        networks: weights of every member.
        calibrate: offsets and variance of the link.
        residuals: of the inputs, of this year and the years beside it.
        climatology: every tile of the cycles of inputs and target.
        domain: the domain.
        year: which year.
        output: values, spread and counts of every window of the year.
        settings: slice of the link.
    """
    land, calibration = io.read(domain).load(), io.read(calibrate).load()
    members = [load(path) for path in networks]
    inputs = [*networks, calibrate, *residuals, *climatology, domain]
    provenance = io.Provenance("predict", settings, inputs)
    footprint = settings.footprint if settings.detail == "target" else None
    with open_features(residuals, climatology, land, settings, footprint) as sensors:
        predictor = LinkPredictor(sensors, members, calibration, settings)
        predicted = predictor.predict_year(year)
        io.write_blocks(predictor.blocks(predicted), output, provenance, time=predicted.starts)
