"""The page's sections in their order; training and provenance."""

from __future__ import annotations

import json

from glab import figures
from glab.figures.style import PRODUCT_NAMES
from glab.report import verdicts, views
from glab.report.material import Material
from glab.report.methods import methods
from glab.report.parts import Facts, Picture, Section
from glab.report.stations import stations


def sections(material: Material) -> list[Section]:
    """Every section that there is something to show for, in order."""
    made = [
        views.overview(material),
        views.origins(material),
        views.courses(material),
        views.latitudes(material),
        verdicts.trends(material),
        verdicts.skill(material),
        verdicts.sensor_changes(material),
        verdicts.uncertainty(material),
        methods(material),
        verdicts.temperatures(material),
        verdicts.system_b(material),
        stations(material),
        training(material),
        provenance(material),
    ]
    return [section for section in made if section.parts]


def training(material: Material) -> Section:
    """Training curves."""
    if not material.curves:
        return Section("Training")
    caption = (
        "Bold: loss on validation blocks; pale: on training samples. A bold line that turns up "
        "while the pale one falls has begun to memorise."
    )
    image = figures.image(figures.training_curves(material.curves))
    return Section("Training", parts=[Picture("Loss of every network", caption, image)])


def provenance(material: Material) -> Section:
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
    return Section("Provenance", parts=[Facts(entries, texts)])
