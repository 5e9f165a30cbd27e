"""Style of all figures: colours, colour maps with units and limits, and figures as images.

Line colours are those of Okabe & Ito (2008, https://jfly.uni-koeln.de/color/); colour maps are
readable without red-green vision.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import cycle
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

P = ParamSpec("P")

INK, MUTED, RULE, GAP = "#1d2733", "#66727f", "#d9dfe5", "#eceff2"
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE = "#56B4E9", "#CC79A7"

PRODUCT, TRUTH = BLUE, INK
CLOUD = LinearSegmentedColormap.from_list("cloud", ["#cfe3f1", "#5fa4d0", "#0b5a94", "#04223d"])
"""Colour map of numbers of pairs, from pale to dark."""
GROUP_COLOURS = {"all": INK, "trained": BLUE, "held_out": VERMILION}
ORIGIN_COLOURS = {
    "none": GAP,
    "smos": ORANGE,
    "amsre_network": BLUE,
    "smos_and_amsre_network": SKY,
    "amsr2_network": GREEN,
    "smos_and_amsr2_network": "#7fceb4",
    "smap": VERMILION,
    "smos_and_smap": "#f0a46e",
    "smap_and_amsr2_network": PURPLE,
    "smos_and_smap_and_amsr2_network": "#e6c3d6",
}
FURTHER_COLOURS = ("#b59f3b", "#8c6d9e", "#4f7f8c", "#a65d57", "#7a8f4a", MUTED)
"""For origins of other sensors, in their order."""

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.facecolor": "white",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.3,
    "figure.facecolor": "white",
    # Identifiers in the file depend on this text: equal figures give equal bytes.
    "svg.hashsalt": "glab",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Quantity:
    """Name, unit, colour maps and their limits of a quantity.

    Attributes:
        name, unit: for axes; the unit is empty for dimensionless quantities.
        cmap, limits: of values.
        difference_cmap: of differences, anomalies and trends.
        difference, trend: symmetric limits of differences, and of trends per year.
    """

    name: str
    unit: str
    cmap: str
    limits: tuple[float, float]
    difference_cmap: str
    difference: float
    trend: float

    def unit_of(self, kind: str = "value") -> str:
        """Return the unit of a value or of a "trend"; empty for dimensionless values."""
        return f"{self.unit} per year".strip() if kind == "trend" else self.unit

    def label(self, kind: str = "value") -> str:
        """Return the axis label of a value, a "difference", a "residual" or a "trend"."""
        unit = self.unit_of(kind)
        word = {"difference": "difference", "residual": "anomaly", "trend": "trend"}.get(kind, "")
        text = f"{self.name} {word}".strip()
        return f"{text} ({unit})" if unit else text


QUANTITIES = {
    "VOD": Quantity("VOD", "", "YlGn", (0.0, 1.2), "BrBG", 0.15, 0.02),
    "vod": Quantity("VOD", "", "YlGn", (0.0, 1.2), "BrBG", 0.15, 0.02),
    "tb_h": Quantity("TB, H", "K", "inferno", (190.0, 290.0), "RdBu_r", 6.0, 0.8),
    "tb_v": Quantity("TB, V", "K", "inferno", (210.0, 300.0), "RdBu_r", 6.0, 0.8),
    "soil_moisture": Quantity(
        "soil moisture", "m³ m⁻³", "YlGnBu", (0.0, 0.45), "BrBG", 0.08, 0.005
    ),
    "r": Quantity("R of anomalies", "", "viridis", (0.0, 1.0), "RdBu", 0.5, 0.1),
}
"""Quantities by name of their variable; limits contain nearly all land cells."""


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a function draw in this style, independent of the settings of matplotlib."""

    @wraps(draw)
    def in_style(*args: P.args, **keys: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(SETTINGS)
            return draw(*args, **keys)

    return in_style


def image(figure: Figure, form: str = "svg", dots_per_inch: int = 110) -> str:
    """Return a figure as a data address; equal figures give equal texts.

    Args:
        figure: the figure.
        form: "svg" for lines, "png" for maps and densities.
        dots_per_inch: resolution of "png".
    """
    stream = io.BytesIO()
    # Date and software version would change the bytes.
    no_clock: dict[str, Any] = {"Date": None} if form == "svg" else {"Software": None}
    with mpl.rc_context(SETTINGS):
        round_layout(figure)
        figure.savefig(stream, format=form, dpi=dots_per_inch, metadata=no_clock)
    kind = "image/svg+xml" if form == "svg" else "image/png"
    return f"data:{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def round_layout(figure: Figure) -> None:
    """Lay out a figure and round all positions.

    The last bits of the layout solver differ between runs, and the bytes of the page must not.
    """
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, low, width, height = axes.get_position(original=True).bounds
        axes.set_position((round(left, 5), round(low, 5), round(width, 5), round(height, 5)))
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(float(x), 5), round(float(y), 5)))


def light_grid(axes: Axes, grid: str = "y") -> None:
    """Draw light grid lines behind the data."""
    axes.grid(axis=grid, zorder=0)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(length=3)


def origin_colours(flags: Sequence[str]) -> dict[str, str]:
    """Return a colour for each meaning of `origin`."""
    further = [flag for flag in flags if flag not in ORIGIN_COLOURS]
    return ORIGIN_COLOURS | dict(zip(further, cycle(FURTHER_COLOURS)))


def empty_figure(figure: Figure, text: str = "no values") -> Figure:
    """Write a text on a figure that has no data."""
    figure.text(0.5, 0.5, text, ha="center", va="center", color=MUTED)
    return figure
