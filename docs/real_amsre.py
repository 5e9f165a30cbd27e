"""Draw docs/real_amsre.svg: a year file of `glab regrid` as filled contours (vectors, no pixels).

glab domain --output domain.nc
glab regrid --granules NSIDC-0630-EASE2_N25km-….nc --domain domain.nc --output amsre.nc
python docs/real_amsre.py amsre.nc domain.nc docs/real_amsre.svg
"""

import re
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from glab import io
from glab.report.figures.style import SETTINGS

EVERY = 4  # cells along both axes that one point of the picture stands for


def on_map(values: np.ndarray, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """Mean of the cells in blocks of EVERY × EVERY; NaN where a block has no value."""
    place, shape = (row // EVERY, col // EVERY), (584 // EVERY, 1388 // EVERY)
    total, count = np.zeros(shape), np.zeros(shape)
    seen = np.isfinite(values)
    np.add.at(total, tuple(index[seen] for index in place), values[seen])
    np.add.at(count, tuple(index[seen] for index in place), 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def main(year: Path, domain: Path, output: Path) -> None:
    """Draw the first day of a year file of one channel."""
    with io.read(year) as dataset, io.read(domain) as land:
        values = dataset["tb"].isel(time=0, overpass=0, channel=0).values
        field = on_map(values, land["row"].values, land["col"].values)[: 300 // EVERY]
        day = str(dataset["time"].values[0])[:10]
        channel = str(dataset["channel"].values[0]).upper()
    with mpl.rc_context(SETTINGS | {"svg.hashsalt": "glab", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9.5, 2.9), layout="constrained")
        axes = figure.subplots()
        x = (np.arange(field.shape[1]) + 0.5) * 360 / field.shape[1] - 180
        levels = np.arange(180, 301, 20)
        shown = axes.contourf(
            x, -np.arange(len(field)), field, levels, cmap="viridis", extend="both"
        )
        axes.set(title=f"AMSR-E {channel}, {day}, on the land cells", xlabel="longitude", yticks=[])
        figure.colorbar(shown, ax=axes, label="TB (K)")
        figure.savefig(output, metadata={"Date": None})
    rounded = re.sub(r"(\d+\.\d)\d+", r"\1", output.read_text(encoding="utf-8"))
    output.write_text(rounded, encoding="utf-8")


if __name__ == "__main__":
    main(*[Path(argument) for argument in sys.argv[1:4]])
