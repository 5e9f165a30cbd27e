"""`glab <stage> …`: each command is the step of that stage, its options the step's arguments."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, Parameter, Token

from glab import __version__
from glab.config import Section
from glab.errors import GlabError

STAGES = {
    "simulate": "Write one year of a source of the simulated Earth, in its native format.",
    "acquire": "Check one year of a filled archive and write its manifest.",
    "domain": "Choose and order the land cells of the target grid.",
    "regrid": "Put a year of granules onto the domain, quality-controlled.",
    "climatology": "Fit the seasonal cycle of one tile of a source over a baseline.",
    "residuals": "Take the seasonal cycle from one year of a source.",
    "samples": "Draw co-located inputs and targets of a link's training years.",
    "train": "Train one network.",
    "calibrate": "Fit offsets and spread of an ensemble.",
    "predict": "Apply an ensemble to one year.",
    "tb40": "Fit L-MEB to multi-angular SMOS TB and evaluate it at 40 degrees.",
    "retrieve": "Invert 40 degree TB for soil moisture and VOD.",
    "compose": "Compose daily L-band TB from the references and the networks.",
    "product": "Format one product year as a CF file on the 2-D grid.",
    "publish": "Join all years of a product in one Zarr store.",
    "evaluate": "Measure skill against the truth or validation data.",
    "report": "Write the page of figures and tables.",
}


def _settings_from_json(section: type[Section], tokens: Sequence[Token]) -> Section:
    """The settings of a stage from the one JSON text of `--settings`."""
    return section.model_validate_json(tokens[0].value)


Parameter(accepts_keys=False, n_tokens=1, converter=_settings_from_json)(Section)


def application() -> App:
    """The command line; a stage's module is imported when its command is called."""
    app = App(
        name="glab",
        help="Long-term L-band brightness temperature and vegetation optical depth.",
        version=__version__,
        default_parameter=Parameter(consume_multiple=True, negative=""),
    )
    for stage, text in STAGES.items():
        app.command(f"glab.steps.{stage}:{stage}", name=stage, help=text)
    app.command("glab.steps.acquire:check", name="check", help="Rewrite manifests that differ.")
    app.command("glab.steps.times:times", name="times", help="Tell what a run cost, by rule.")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a fault the user can act on is told without a traceback.

    Args:
        arguments: the words behind `glab`; None: those of this process.
    """
    try:
        application()(sys.argv[1:] if arguments is None else arguments)
    except GlabError as error:
        sys.exit(f"glab: {error}")
