"""Run the stage `predict`: an ensemble and one year → predictions."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from glab import io
from glab.config import Predict
from glab.learning.inputs import open_inputs, prediction_average
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
    average = prediction_average(settings, land["cell"].values)
    with closing(open_inputs(residuals, climatology, land)) as link_inputs:
        predictor = LinkPredictor(link_inputs, land, members, calibration, settings, average)
        predicted = predictor.predict_year(year)
        io.write_blocks(predictor.blocks(predicted), output, provenance, time=predicted.starts)
