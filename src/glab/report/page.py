"""One self-contained page: figures and tables of a run, each with how to read it."""

from __future__ import annotations

import json

from glab import __version__
from glab.report import figures, record, skill
from glab.report.content import Facts, PageSection, Picture
from glab.report.figures.style import PRODUCT_NAMES
from glab.report.material import Material
from glab.report.stations import stations
from glab.report.tables import cards, methods


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
        cards=cards(material.skill, material.breaks),
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


def sections(material: Material) -> list[PageSection]:
    """Every section that there is something to show for, in order."""
    made = [
        record.overview(material),
        record.origins(material),
        record.courses(material),
        record.latitudes(material),
        skill.trends(material),
        skill.skill(material),
        skill.sensor_changes(material),
        skill.uncertainty(material),
        methods(material),
        skill.temperatures(material),
        skill.system_b(material),
        stations(material),
        training(material),
        provenance(material),
    ]
    return [section for section in made if section.parts]


def training(material: Material) -> PageSection:
    """Training curves."""
    if not material.curves:
        return PageSection("Training")
    caption = (
        "Bold: loss on validation blocks; pale: on training samples. A bold line that turns up "
        "while the pale one falls has begun to memorise."
    )
    image = figures.image(figures.training_curves(material.curves))
    return PageSection("Training", parts=[Picture("Loss of every network", caption, image)])


def provenance(material: Material) -> PageSection:
    """From what code, settings and inputs the products came."""
    entries: list[tuple[str, str]] = []
    texts: list[tuple[str, str]] = []
    for product, attributes in material.provenance.items():
        name = PRODUCT_NAMES.get(product, product)
        entries += [
            (f"{name}, made by", f"{attributes.get('source', '–')}"),
            (f"{name}, print of the code", str(attributes.get("glab_code", "–"))),
            (f"{name}, settings (SHA-256)", str(attributes.get("glab_settings_sha256", "–"))),
        ]
        if attributes.get("references"):
            entries.append((f"{name}, inputs", str(attributes["references"])))
        settings = json.loads(str(attributes.get("glab_settings", "{}")))
        texts.append((f"{name}: settings", json.dumps(settings, indent=2, ensure_ascii=False)))
    own = material.settings.model_dump(mode="json")
    texts.append(("This page: settings", json.dumps(own, indent=2, ensure_ascii=False)))
    return PageSection("Provenance", parts=[Facts(entries, texts)])
