"""How every figure looks: ink, colours, colour maps with units, and how it becomes a page's image.

Colours are of Okabe & Ito (2008), colour maps are readable without red-green vision.
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
"""Numbers of pairs: pale to dark."""
SENSOR_NAMES = {"amsre": "AMSR-E", "amsr2": "AMSR2", "smos": "SMOS", "smap": "SMAP"}
PRODUCT_NAMES = {"glab_tb": "GLAB-TB", "glab_vod": "GLAB-VOD", "smos_ib": "SMOS-IB"}
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
    "svg.hashsalt": "glab",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Quantity:
    """How a quantity is drawn: name, unit, colour maps and their limits.

    Attributes:
        name, unit: for axes; the unit is empty for numbers.
        cmap, limits: of values.
        difference_cmap, difference, trend: colour map and symmetric limits of differences and
            of trends a year.
    """

    name: str
    unit: str
    cmap: str
    limits: tuple[float, float]
    difference_cmap: str
    difference: float
    trend: float

    def unit_of(self, kind: str = "value") -> str:
        """Unit of a value or of a "trend"; empty for numbers."""
        return f"{self.unit} per year".strip() if kind == "trend" else self.unit

    def label(self, kind: str = "value") -> str:
        """Axis label of a value, a "difference", a "residual" or a "trend"."""
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
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw within the style, whatever the reader's own settings are."""

    @wraps(draw)
    def within(*args: P.args, **keys: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(SETTINGS)
            return draw(*args, **keys)

    return within


def image(figure: Figure, form: str = "svg", dots_per_inch: int = 110) -> str:
    """A figure as a data address; the same figure always gives the same text.

    Args:
        figure: what was drawn.
        form: "svg" for lines, "png" for fields and clouds of points.
        dots_per_inch: resolution of "png".
    """
    stream = io.BytesIO()
    no_clock: dict[str, Any] = {"Date": None} if form == "svg" else {"Software": None}
    with mpl.rc_context(SETTINGS):
        settle(figure)
        figure.savefig(stream, format=form, dpi=dots_per_inch, metadata=no_clock)
    kind = "image/svg+xml" if form == "svg" else "image/png"
    return f"data:{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def settle(figure: Figure) -> None:
    """Lay a figure out once and round every place: the solver's last bits differ by chance."""
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        place = [round(edge, 5) for edge in axes.get_position(original=True).bounds]
        axes.set_position((place[0], place[1], place[2], place[3]))
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(float(x), 5), round(float(y), 5)))


def quiet(axes: Axes, grid: str = "y") -> None:
    """Light rules behind the data."""
    axes.grid(axis=grid, zorder=0)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(length=3)


def origin_name(flag: str) -> str:
    """Return the name of a meaning of `origin` for people.

    Args:
        flag: references and a network joined by "_and_", for example "smos_and_amsr2_network".
    """
    if flag == "none":
        return "nothing"
    parts = flag.split("_and_")
    sensors = [part.removesuffix("_network") for part in parts]
    names = [SENSOR_NAMES.get(sensor, sensor) for sensor in sensors]
    if len(parts) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{names[0]} through the network" if flag != sensors[0] else f"{names[0]} alone"


def origin_colours(flags: Sequence[str]) -> dict[str, str]:
    """Return a colour for each meaning of `origin`."""
    further = [flag for flag in flags if flag not in ORIGIN_COLOURS]
    return ORIGIN_COLOURS | dict(zip(further, cycle(FURTHER_COLOURS)))


def sensors_named(segment: str) -> str:
    """The sensors of a stretch of the record, for people: "amsre_smos" → "AMSR-E + SMOS"."""
    return " + ".join(SENSOR_NAMES.get(part, part) for part in segment.split("_"))


def product_named(product: str) -> str:
    """A product or a control of it, for people."""
    name = product.split(": ")[-1]
    return PRODUCT_NAMES.get(name, name)


def period_named(period: str) -> str:
    """A period on two lines."""
    return "whole\nrecord" if period == "all" else str(period).replace(" ", "\n", 1)


def nothing(figure: Figure, text: str = "nothing to show") -> Figure:
    """A figure that says that there is nothing."""
    figure.text(0.5, 0.5, text, ha="center", va="center", color=MUTED)
    return figure
