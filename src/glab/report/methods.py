"""The section that holds methods side by side, where another run judged the same world."""

from __future__ import annotations

import pandas as pd

from glab.osse import summary
from glab.report.material import Material
from glab.report.parts import Section, Table, number

CAPTION = (
    "Both runs are judged on the same world and cells, with the truth at the footprint of the "
    "target. Gain: Σ product · truth / Σ truth² of trends (1 is right); skill: 1 − Σ (product − "
    "truth)² / Σ truth². Ceiling: the second link fed with the true L-band TB."
)


def methods(material: Material) -> Section:
    """Measures of this run beside those of others."""
    if not material.beside:
        return Section("Methods side by side")
    own = summary(material.skill, material.steps)
    name = material.settings.run.get("method", "this run")
    columns = {other: summary(*tables) for other, tables in material.beside.items()} | {name: own}
    table = pd.DataFrame(columns).reindex(own.index)
    rows = [
        [label, *(number(v, 4 if abs(v) < 0.05 else 3) for v in table.loc[label])]
        for label in table.index
    ]
    found = Table("What is left of change", CAPTION, ["", *table.columns], rows)
    return Section("Methods side by side", parts=[found])
