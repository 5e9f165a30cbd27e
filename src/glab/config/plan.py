"""Which years, cycles and residuals the parts of a run need of each other.

Pure functions of the configuration: the rules turn their answers into paths.
"""

from __future__ import annotations

from typing import NamedTuple

from glab.config.products import Stations
from glab.config.run import Config
from glab.errors import GlabError


class Cycle(NamedTuple):
    """The seasonal cycle of a source over a baseline."""

    baseline: str
    source: str


class Residual(NamedTuple):
    """One year of a source, less its seasonal cycle over a baseline."""

    baseline: str
    source: str
    year: int


def years_with(config: Config, source: str | None, years: list[int]) -> list[int]:
    """Those of the years in which a source has a file; none for no source."""
    return [] if source is None else [y for y in years if y in config.source_years(source)]


def station_archive(config: Config) -> str:
    """The folder of the stations' archive."""
    return (config.evaluate.stations or Stations()).archive.rstrip("/")


def sensor_sources(config: Config, link: str, sensor: int) -> list[str]:
    """Sources that a link's network reads in one of its sensors, each once, in order."""
    entries = config.links[link].sensors[sensor].inputs
    return list(dict.fromkeys(entry.source for entry in entries))


def sensor_years(config: Config, link: str, sensor: int) -> list[int]:
    """Years in which every input of a sensor has a file."""
    inputs = [set(config.source_years(name)) for name in sensor_sources(config, link, sensor)]
    return sorted(set.intersection(*inputs))


def sensors_for(config: Config, link: str, role: str) -> list[int]:
    """Numbers of a link's sensors that serve a role ("train" or "predict")."""
    sensors = config.links[link].sensors
    return [number for number, sensor in enumerate(sensors) if sensor.role in ("both", role)]


def link_years(config: Config, link: str) -> list[int]:
    """Years that a link can predict, by one sensor or another."""
    sensors = sensors_for(config, link, "predict")
    return sorted({year for number in sensors for year in sensor_years(config, link, number)})


def link_cycles(config: Config, link: str, sensors: list[int]) -> list[Cycle]:
    """Seasonal cycles of a link: of inputs and target alike, over each sensor's own baseline."""
    spec = config.links[link]
    cycles = [
        Cycle(spec.sensors[number].baseline, source)
        for number in sensors
        for source in [*sensor_sources(config, link, number), spec.target.source]
    ]
    return list(dict.fromkeys(cycles))


def training_cycles(config: Config, link: str) -> list[Cycle]:
    """Seasonal cycles that a link's samples need."""
    return link_cycles(config, link, sensors_for(config, link, "train"))


def prediction_cycles(config: Config, link: str, year: int) -> list[Cycle]:
    """Seasonal cycles that a link needs to predict a year."""
    sensors = sensors_for(config, link, "predict")
    able = [number for number in sensors if year in sensor_years(config, link, number)]
    return link_cycles(config, link, able)


def training_residuals(config: Config, link: str) -> list[Residual]:
    """Residuals that a link's samples are drawn from: training years alone.

    Raises:
        GlabError: when inputs and target share no year of any sensor.
    """
    spec, found = config.links[link], dict[Residual, None]()
    for number, sensor in enumerate(spec.sensors):
        sources = [*sensor_sources(config, link, number), spec.target.source]
        wanted = set(config.sample_years(link, number) if sensor.role != "predict" else [])
        shared = years_with(config, spec.target.source, sensor_years(config, link, number))
        for source in sources:
            found |= {Residual(sensor.baseline, source, y): None for y in shared if y in wanted}
    if not found:
        raise GlabError(
            f"link {link!r} has no year in which its inputs and its target overlap",
            variable=f"links.{link}",
            found=f"training years {config.training_years(link)}",
            remedy="change its training_years, baselines or the years of the run",
        )
    return list(found)


def fitted_years(config: Config) -> set[int]:
    """Years of the composed TB that seasonal cycles are fitted to or samples drawn from."""
    years: set[int] = set()
    for link, spec in config.links.items():
        for number, sensor in enumerate(spec.sensors):
            inputs = sensor_sources(config, link, number)
            if any("compose" in (name, config.sources[name].of) for name in inputs):
                years |= set(config.baseline_years(sensor.baseline))
                years |= set(config.sample_years(link, number))
    return years


def neighbour_years(config: Config, link: str, year: int) -> list[int]:
    """The year and those beside it, whose residuals go into running means.

    What the composed TB was in the last year that a later link was trained on stays as it is when
    a year is added: it never looks beyond. So a new year trains nothing.
    """
    settled = fitted_years(config) if link in config.compose.links else set()
    last = year in settled and year + 1 not in settled
    return [year - 1, year] if last else [year - 1, year, year + 1]


def prediction_residuals(config: Config, link: str, year: int) -> list[Residual]:
    """Residuals of a link's inputs for one year and, where they exist, the years beside it.

    Raises:
        GlabError: when no sensor of the link has this year.
    """
    spec, found = config.links[link], dict[Residual, None]()
    for number, sensor in enumerate(spec.sensors):
        years = sensor_years(config, link, number)
        if year in years and sensor.role != "train":
            for source in sensor_sources(config, link, number):
                near = years_with(config, source, neighbour_years(config, link, year))
                found |= {Residual(sensor.baseline, source, y): None for y in near}
    if not found:
        raise GlabError(
            f"link {link!r} cannot predict {year}",
            variable=f"links.{link}",
            found=f"years with all inputs of a sensor: {link_years(config, link)}",
            remedy="shorten the years of the products that need it",
        )
    return list(found)
