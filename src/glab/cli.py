"""Command line `glab <stage> …`: each command calls the step of that stage with its options."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, Parameter, Token

from glab import __version__
from glab.config import Section
from glab.errors import GlabError

STAGES = {
    "simulate": "Write one year of a source of the simulated Earth, in its native format.",
    "acquire": "Check one year of an archive and write its manifest.",
    "domain": "Choose and order the land cells of the target grid.",
    "regrid": "Regrid a year of granules to the domain, with quality control.",
    "climatology": "Fit the seasonal cycle of one tile of a source over a baseline.",
    "residuals": "Subtract the seasonal cycle from one year of a source.",
    "samples": "Draw inputs and targets of the training years of a link.",
    "train": "Train one network of the ensemble of a link.",
    "calibrate": "Fit offsets and data variance of an ensemble.",
    "predict": "Predict one year with an ensemble.",
    "tb40": "Compute 40 degree TB from multi-angular SMOS TB.",
    "retrieve": "Invert 40 degree TB for soil moisture and VOD.",
    "compose": "Compose daily L-band TB from the references and the networks.",
    "product": "Format one product year as a CF file on the 2-D grid.",
    "publish": "Join all years of a product in one Zarr store.",
    "evaluate": "Measure skill against the truth or validation data.",
    "report": "Write the page of figures and tables.",
}

FURTHER = {
    "check": ("glab.steps.acquire:check", "Rewrite the manifests whose granules have changed."),
    "times": ("glab.steps.times:times", "Print time and peak memory of a run by rule."),
    "trace": ("glab.steps.trace:trace", "Show the files and granules behind one value."),
    "verify": ("glab.steps.verify:verify", "Compare the inputs of files with their hashes."),
}
"""Commands that are not a stage."""


def _settings_from_json(section: type[Section], tokens: Sequence[Token]) -> Section:
    """Return the settings of a stage from the JSON text of `--settings`."""
    return section.model_validate_json(tokens[0].value)


Parameter(accepts_keys=False, n_tokens=1, converter=_settings_from_json)(Section)


def application() -> App:
    """Return the command line. A command imports the module of its stage when it is called."""
    app = App(
        name="glab",
        help="Long-term L-band brightness temperature and vegetation optical depth.",
        version=__version__,
        default_parameter=Parameter(consume_multiple=True, negative=""),
    )
    for stage, text in STAGES.items():
        app.command(f"glab.steps.{stage}:{stage}", name=stage, help=text)
    for command, (step, text) in FURTHER.items():
        app.command(step, name=command, help=text)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a `GlabError` ends it with a message and without a traceback.

    Args:
        arguments: words after `glab`; None: those of this process.
    """
    try:
        application()(sys.argv[1:] if arguments is None else arguments)
    except GlabError as error:
        sys.exit(f"glab: {error}")
