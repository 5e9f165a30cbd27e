"""Write one self-contained page: figures and tables of a run, each with a caption."""

from __future__ import annotations

from glab import __version__
from glab.report import record, skill
from glab.report.content import PageSection
from glab.report.material import Material
from glab.report.tables import cards
from glab.report.validation import validation


def page(material: Material) -> str:
    """Return the page as HTML without external files; equal material gives equal text."""
    # Only this function needs the template engine.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = Environment(
        loader=PackageLoader("glab.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = any(pair.truths for pair in material.pairs.values())
    return loader.get_template("page.html.j2").render(
        title=material.settings.title,
        lead=LEAD + (SIMULATED if known else UNKNOWN),
        tags=_tags(material),
        cards=cards(material.skill, material.breaks),
        sections=sections(material),
        version=__version__,
    )


LEAD = (
    "L-band brightness temperature (TB) and vegetation optical depth (VOD) from SMOS, AMSR-E, "
    "AMSR2 and SMAP. "
)
SIMULATED = (
    "The Earth of this run is simulated: its truth is known, and products are compared to it."
)
UNKNOWN = "The truth of this run is not known: figures show the products and validation sets."


def _tags(material: Material) -> list[str]:
    """Return name, method and seed of the run, its years and its number of cells."""
    years = [int(year["year"]) for each in material.summaries.values() for year in each]
    span = [f"{min(years)}–{max(years)}"] if years else []
    run = [f"{key}: {value}" for key, value in material.settings.run.items()]
    return [*run, *span, f"{material.fields.sizes['cell']:,} land cells of 25 km"]


def sections(material: Material) -> list[PageSection]:
    """Return every section that has content, in order."""
    every = [
        record.mean_fields(material),
        record.origins(material),
        record.time_series(material),
        record.latitudes(material),
        skill.trends(material),
        skill.skill(material),
        skill.sensor_changes(material),
        skill.uncertainty(material),
        skill.methods(material),
        skill.temperatures(material),
        skill.smos_inversion(material),
        *validation(material),
        record.training(material),
        record.provenance(material),
    ]
    return [section for section in every if section.parts or section.text]
