"""Run the stage `residuals`: one year of a source minus its seasonal cycle."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.climatology.cycles import join_tiles
from glab.climatology.residuals import subtract_cycle
from glab.climatology.series import series_blocks
from glab.config import Residuals


def residuals(
    values: Path,
    climatology: list[Path],
    domain: Path,
    output: Path,
    settings: Residuals,
    surface: list[Path] | None = None,
) -> None:
    """Subtract the seasonal cycle from one year of a source, month by month.

    Args:
        values: year file of the source.
        climatology: every tile of the source's climatology over one baseline.
        domain: the domain.
        output: `<variable>_residual` for every day of the year.
        settings: slice of the source.
        surface: year files with temperature and snow, which give frozen ground.
    """
    land, source = io.read(domain), io.read(values)
    tiles = [io.read(path).load() for path in climatology]
    cycle = join_tiles(tiles, land["cell"].values)
    surfaces = [io.read(path) for path in surface or []]
    months = series_blocks(source, surfaces, land, settings.series, settings.mask)
    blocks = (subtract_cycle(month, cycle) for month in months)
    inputs = [values, *climatology, domain, *(surface or [])]
    provenance = io.Provenance("residuals", settings, inputs)
    io.write_blocks(blocks, output, provenance, time=source["time"].values)
