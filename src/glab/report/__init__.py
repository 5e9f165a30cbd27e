"""One self-contained page: figures and tables of a run, each with how to read it."""

from __future__ import annotations

from glab import __version__
from glab.report.material import Judged, Material, example_cells
from glab.report.parts import Section
from glab.report.sections import sections
from glab.report.tables import cards

__all__ = ["Judged", "Material", "Section", "example_cells", "page", "sections"]


def page(material: Material) -> str:
    """The page as HTML with nothing outside of itself; the same material gives the same text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = Environment(
        loader=PackageLoader("glab.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return loader.get_template("page.html.j2").render(
        title=material.settings.title,
        lead=_lead(material),
        tags=_tags(material),
        cards=cards(material.skill, material.steps),
        sections=sections(material),
        version=__version__,
    )


def _lead(material: Material) -> str:
    """What this record is, in two sentences."""
    judged = any(each.truths for each in material.judged.values())
    beside = (
        "In this run the Earth is simulated, so that the truth is known: every figure shows the "
        "products beside it."
        if judged
        else "No truth is known in this run: the figures show what the products hold."
    )
    return (
        "Brightness temperature and vegetation optical depth at L-band, joined from SMOS, AMSR-E, "
        f"AMSR2 and SMAP into one consistent record. {beside}"
    )


def _tags(material: Material) -> list[str]:
    """The run in a few words: name, method, seed, span, cells."""
    years = [int(year["year"]) for digests in material.digests.values() for year in digests]
    span = [f"{min(years)}–{max(years)}"] if years else []
    told = [f"{key}: {value}" for key, value in material.settings.run.items()]
    return [*told, *span, f"{material.fields.sizes['cell']:,} land cells of 25 km"]
