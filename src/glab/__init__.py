"""GLAB: long-term L-band brightness temperature and vegetation optical depth.

Native granules become values on land cells (`readers`, `regrid`). Values become seasonal cycles
and residuals (`climatology`). Networks learn from residuals and predict (`learning`). SMOS
angles become 40° TB, soil moisture and VOD (`retrieval`). All become products (`products`),
which are evaluated (`evaluation`) and shown (`report`). `steps` opens the files of one stage,
`cli` is the command `glab`, `simulate` is an Earth with a known truth. `docs/code.md` is the
full map.

The functions below are public. They are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "brightness_temperature": "glab.lmeb",
    "evaluate_cycle": "glab.climatology.cycles",
    "fit_cycle": "glab.climatology.cycles",
    "invert": "glab.lmeb",
    "load_config": "glab.config",
    "quality_filter": "glab.products.product",
    "regridder": "glab.regrid.regridder",
    "trends": "glab.evaluation.statistics",
}
"""Public functions and the modules that define them."""


def __getattr__(name: str) -> Any:
    """Import a public function; `glab` itself loads no library."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'glab' has no attribute {name!r}; it has {sorted(_PUBLIC)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
