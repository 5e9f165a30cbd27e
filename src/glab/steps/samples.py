"""The step of `samples`: residuals and cycles of a link → labelled samples."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import xarray as xr

from glab import io
from glab.catalogue import opened
from glab.config import Samples
from glab.regrid.footprint import footprint
from glab.regrid.gaussian import gaussian_footprint
from glab.samples import STYLE, Footprint, draw


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
    with closing(opened(residuals, climatology, land)) as catalogue:
        found = draw(catalogue, land, settings, _match(settings, land))
    inputs = [*residuals, *climatology, domain]
    io.write(found, output, io.Provenance("samples", settings, inputs), style=STYLE)


def _match(settings: Samples, land: xr.Dataset) -> Footprint | None:
    """How inputs are averaged to the target's footprint: a grid's name, or a width in km."""
    if settings.footprint is None:
        return None
    cells = land["cell"].values
    if isinstance(settings.footprint, str):
        return partial(footprint, cell=cells, to=settings.footprint)
    return partial(gaussian_footprint, cell=cells, fwhm_km=settings.footprint)
