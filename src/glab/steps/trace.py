"""The command `trace`: show the files, values and granules behind one value of a product."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import ValidationError

from glab import io
from glab.climatology.cycles import cycle_variables, evaluate_cycle
from glab.climatology.series import series
from glab.config import Compose
from glab.errors import GlabError
from glab.io.chain import attributes_of, find_input, inputs_of, run_folder, stage_of
from glab.products.compose import compose_tb
from glab.report.point import (
    cell_text,
    nearest_cell,
    select_point,
    time_index,
    value_lines,
    window_bounds,
)

DOMAIN = "results/domain.nc"


@dataclass(frozen=True)
class Walk:
    """The way back from one value.

    Attributes:
        run: folder of the run.
        cell: flat index of the cell on the 25 km grid.
        day: the day.
        training: whether the data behind networks and seasonal cycles are followed too.
        shown: files that have been printed.
    """

    run: Path
    cell: int
    day: np.datetime64
    training: bool
    shown: set[Path] = field(default_factory=set)

    def name(self, path: Path) -> str:
        """Return a path below the folder of the run."""
        inside = path.is_relative_to(self.run)
        return path.relative_to(self.run).as_posix() if inside else str(path)


def trace(file: Path, *, lat: float, lon: float, day: str, training: bool = False) -> None:
    """Print the chain of files behind the value of one cell and day, back to its granules.

    Each file is printed with its values of that cell and day: a composed TB with the weights of its
    sources, a prediction with its networks, a source-year with the granules of the day. Files that
    do not contain the day are named and not followed.

    Args:
        file: a product or work file below `results` in the folder of a run.
        lat, lon: a point in the cell, degrees.
        day: UTC day, for example 2012-07-14; of a product in windows, any day of the window.
        training: follow the data that networks and seasonal cycles were fitted to.
    """
    path = file.absolute()
    walk = _start(path, lat, lon, day, training)
    print("\n".join([cell_text(walk.cell), f"day {walk.day}", *_file_lines(path, walk)]))


def _start(path: Path, lat: float, lon: float, day: str, training: bool) -> Walk:
    """Find the run, the cell and the day.

    Raises:
        GlabError: for a file outside of a run, a point outside of the domain, a day without value.
    """
    run = run_folder(path)
    with io.read(run / DOMAIN) as domain:
        cell = nearest_cell(domain, lat, lon)
    try:
        date = np.datetime64(day, "D")
    except ValueError as error:
        raise GlabError("not a day", variable="day", found=day, expected="2012-07-14") from error
    with io.read(path) as dataset:
        if "time" in dataset.dims and time_index(dataset, date) is None:
            start, end = window_bounds(dataset)
            known = f"{start[0]} … {end[-1] - 1}" if start.size else "a file with days"
            raise GlabError(
                "the file has no value of this day",
                path=path,
                variable="day",
                found=str(date),
                expected=known,
                remedy="name the file of the year that contains the day or its window",
            )
    return Walk(run, cell, date, training)


# --- files and their inputs -----------------------------------------------------------------


def _file_lines(path: Path, walk: Walk) -> Iterator[str]:
    """Yield the lines of a file: its values, and the files behind it."""
    walk.shown.add(path)
    if path.suffix != ".nc":
        yield walk.name(path)
        return
    try:
        attributes, point = _read_point(path, walk)
    except GlabError as error:
        yield f"{walk.name(path)}: {error.message}"
        return
    stage = stage_of(attributes)
    yield f"{walk.name(path)}: {stage}{_window(point)}"
    inputs = {i.path: find_input(i.path, [walk.run], attributes) for i in inputs_of(attributes)}
    if point is not None:
        yield from _indented(value_lines(_readable(point, stage, attributes, walk.day)))
    if point is not None and stage == "compose":
        yield from _indented(_weight_lines(attributes, inputs.values(), walk))
    yield from _indented(_input_lines(path, stage, inputs, walk))


def _read_point(path: Path, walk: Walk) -> tuple[dict[str, Any], xr.Dataset | None]:
    """Read the attributes of a file and its values at the cell and day, None where it has none."""
    try:
        with io.read(path) as dataset:
            return dict(dataset.attrs), select_point(dataset, walk.cell, walk.day)
    except (OSError, RuntimeError) as error:  # of values: a damaged file may open without error
        raise GlabError("cannot read the file", path=path, found=str(error)) from error


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _window(point: xr.Dataset | None) -> str:
    """Return the days of a window in words; nothing for a file of single days."""
    if point is None or "time_bnds" not in point:
        return ""
    (start,), (end,) = window_bounds(point)
    return f", window {start} … {end - 1}"


def _readable(
    point: xr.Dataset, stage: str, attributes: Mapping[str, Any], day: np.datetime64
) -> xr.Dataset:
    """Return the seasonal cycle of the day for coefficients, names of sensors for numbers."""
    if stage == "climatology":
        cycle = {}
        for name in cycle_variables(point):
            values = evaluate_cycle(point, np.array([day]), name)
            cycle[f"{name}_climatology"] = values.assign_attrs(
                units=point[f"{name}_coefficients"].units
            )
            cycle |= {each: point[each] for each in (f"{name}_fit", f"{name}_count")}
        return xr.Dataset(cycle)
    if stage == "predict" and "sensor" in point:
        sensors = json.loads(attributes["glab_settings"]).get("sensors", [])
        names = ["none", *(sensor["inputs"][0]["source"] for sensor in sensors)]
        flags = {"flag_values": np.arange(-1, len(sensors)), "flag_meanings": " ".join(names)}
        return point.assign(sensor=point["sensor"].assign_attrs(flags))
    return point


def _input_lines(
    path: Path, stage: str, inputs: Mapping[str, Path | None], walk: Walk
) -> Iterator[str]:
    """Yield the lines of the inputs of a file; those of other days are only named."""
    link = {name: each for name, each in inputs.items() if _belongs_to_link(name)}
    shown: list[str] = []
    named: list[str] = []
    for name, each in inputs.items():
        if name in link or each == walk.run / DOMAIN:
            continue
        if each is None:
            yield f"{name}: missing in the run"
        elif each.suffix == ".json":  # a manifest
            yield from _granule_lines(each, path.with_suffix(".ingest.json"), walk)
        elif stage == "climatology" and not walk.training:
            named.append(walk.name(each))
        elif each in walk.shown:
            shown.append(walk.name(each))
        elif _contains(each, walk):
            yield from _file_lines(each, walk)
        elif "results/climatology/" in each.as_posix():
            continue  # a tile of other cells
        elif walk.training:
            yield from _file_lines(each, walk)
        else:
            named.append(walk.name(each))
    if link:
        yield from _link_lines(link, walk)
    if shown:
        yield f"see above: {', '.join(shown)}"
    if named:
        word = "fitted to" if stage == "climatology" else "not followed, other days"
        yield f"{word}: {', '.join(named)}"


def _contains(path: Path, walk: Walk) -> bool:
    """Return whether a file has values of the cell and day; a damaged file is reported later."""
    if path.suffix != ".nc":
        return True
    try:
        with io.read(path) as dataset:
            in_time = "time" not in dataset.dims or time_index(dataset, walk.day) is not None
            return in_time and ("cell" not in dataset or walk.cell in dataset["cell"].values)
    except GlabError:
        return True


def _granule_lines(manifest: Path, report: Path, walk: Walk) -> Iterator[str]:
    """Yield the granules that gave the values of the day, as the ingest report names them."""
    yield f"{walk.name(manifest)}: granules of {walk.day}"
    try:
        by_day = json.loads(report.read_text(encoding="utf-8")).get("granules")
    except (OSError, ValueError, AttributeError):
        yield f"  {walk.name(report)}: missing, or not an ingest report"
        return
    if by_day is None:
        yield f"  granules are not listed by day in {walk.name(report)}"
        return
    yield from _indented(by_day.get(str(walk.day)) or ["none"])


# --- links ----------------------------------------------------------------------------------


def _belongs_to_link(name: str) -> bool:
    """Return whether an input is a network or the calibration of a link."""
    return name.endswith(".safetensors") or "/calibrate/" in name


def _link_lines(inputs: Mapping[str, Path | None], walk: Walk) -> Iterator[str]:
    """Yield the networks, the calibration and the samples of a link."""
    for name, path in inputs.items():
        kind = "network" if name.endswith(".safetensors") else "calibration"
        where = f"{name}, not in this run" if path is None else walk.name(path)
        yield f"{kind}: {where}"
        if kind == "calibration" and path is not None:
            yield from _indented(_sample_lines(path, walk))


def _sample_lines(calibration: Path, walk: Walk) -> Iterator[str]:
    """Yield the samples that networks and calibration of a link were fitted to."""
    try:
        attributes = attributes_of(calibration)
    except GlabError as error:
        yield error.message
        return
    for recorded in inputs_of(attributes):
        if "/samples/" not in recorded.path:
            continue
        samples = find_input(recorded.path, [walk.run], attributes)
        if samples is None:
            yield f"{recorded.path}: missing in the run"
        elif samples in walk.shown:
            yield f"{walk.name(samples)}: see above"
        elif walk.training:
            yield from _file_lines(samples, walk)
        else:
            yield f"{walk.name(samples)}: samples, not followed"


# --- weights --------------------------------------------------------------------------------


def _weight_lines(
    attributes: Mapping[str, Any], inputs: Iterable[Path | None], walk: Walk
) -> Iterator[str]:
    """Yield the weight of each source of a composed TB, by channel.

    A composed TB is linear in its sources. The weight of a source is therefore what `compose_tb`
    returns where this source has 1 K and all others 0 K, with the errors of the day.
    """
    try:
        settings = Compose.model_validate_json(attributes["glab_settings"])
        references, predictions = _sources(settings, inputs, walk)
    except ValidationError:
        yield "weights: unknown, composed with settings of another version"
        return
    except GlabError as error:
        yield f"weights: unknown, {error.message}"
        return
    sources = {**references, **predictions}
    for name in sources:
        indicator = {
            other: each.assign(tb=each["tb"].where(each["tb"].isnull(), float(other == name)))
            for other, each in sources.items()
        }
        weight = compose_tb(
            {other: indicator[other] for other in references},
            {other: indicator[other] for other in predictions},
            settings,
        )["tb"]
        yield from value_lines(xr.Dataset({f"weight of {name}": weight.assign_attrs(units="1")}))


def _sources(
    settings: Compose, inputs: Iterable[Path | None], walk: Walk
) -> tuple[dict[str, xr.Dataset], dict[str, xr.Dataset]]:
    """Return references, masked as in `compose`, and predictions at the cell and day, by name.

    Raises:
        GlabError: for a damaged file, and for a surface file without the day.
    """
    points = {path.parent.name: _read_point(path, walk)[1] for path in inputs if path is not None}
    known = {name: point for name, point in points.items() if point is not None}
    land = _read_point(walk.run / DOMAIN, walk)[1]
    surface = known.get(settings.mask.frozen_source or "")
    references = {}
    for name in settings.references:
        if name in known and land is not None:
            variables = [each for each in ("tb", "tb_error") if each in known[name]]
            spec = settings.series[name].model_copy(update={"variables": variables})
            references[name] = series(known[name], surface, land, spec, settings.mask)
    return references, {name: known[name] for name in settings.links if name in known}
