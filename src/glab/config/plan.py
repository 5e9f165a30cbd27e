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


def record_inputs(config: Config, link: str, record: int) -> list[str]:
    """Sources that a link's network reads in one of its records, each once, in order."""
    entries = config.links[link].records[record].inputs
    return list(dict.fromkeys(entry.source for entry in entries))


def record_years(config: Config, link: str, record: int) -> list[int]:
    """Years in which every input of a record has a file."""
    inputs = [set(config.source_years(name)) for name in record_inputs(config, link, record)]
    return sorted(set.intersection(*inputs))


def records_for(config: Config, link: str, role: str) -> list[int]:
    """Numbers of a link's records that serve a role ("train" or "predict")."""
    records = config.links[link].records
    return [number for number, record in enumerate(records) if record.role in ("both", role)]


def link_years(config: Config, link: str) -> list[int]:
    """Years that a link can predict, by one record or another."""
    records = records_for(config, link, "predict")
    return sorted({year for number in records for year in record_years(config, link, number)})


def link_cycles(config: Config, link: str, records: list[int]) -> list[Cycle]:
    """Seasonal cycles of a link: of inputs and target alike, over each record's own baseline."""
    spec = config.links[link]
    cycles = [
        Cycle(spec.records[number].baseline, source)
        for number in records
        for source in [*record_inputs(config, link, number), spec.target.source]
    ]
    return list(dict.fromkeys(cycles))


def training_cycles(config: Config, link: str) -> list[Cycle]:
    """Seasonal cycles that a link's samples need."""
    return link_cycles(config, link, records_for(config, link, "train"))


def prediction_cycles(config: Config, link: str, year: int) -> list[Cycle]:
    """Seasonal cycles that a link needs to predict a year."""
    records = records_for(config, link, "predict")
    able = [number for number in records if year in record_years(config, link, number)]
    return link_cycles(config, link, able)


def training_residuals(config: Config, link: str) -> list[Residual]:
    """Residuals that a link's samples are drawn from: training years alone.

    Raises:
        GlabError: when inputs and target share no year of any record.
    """
    spec, found = config.links[link], dict[Residual, None]()
    for number, record in enumerate(spec.records):
        sources = [*record_inputs(config, link, number), spec.target.source]
        wanted = set(config.sample_years(link, number) if record.role != "predict" else [])
        shared = years_with(config, spec.target.source, record_years(config, link, number))
        for source in sources:
            found |= {Residual(record.baseline, source, y): None for y in shared if y in wanted}
    if not found:
        raise GlabError(
            f"link {link!r} has no year in which its inputs and its target overlap",
            variable=f"links.{link}",
            found=f"training years {config.training_years(link)}",
            remedy="change its training_years, baselines or the years of the run",
        )
    return list(found)


def settled_years(config: Config) -> set[int]:
    """Years of the composed TB that seasonal cycles are fitted to or samples drawn from."""
    years: set[int] = set()
    for link, spec in config.links.items():
        for number, record in enumerate(spec.records):
            inputs = record_inputs(config, link, number)
            if any("compose" in (name, config.sources[name].of) for name in inputs):
                years |= set(config.baseline_years(record.baseline))
                years |= set(config.sample_years(link, number))
    return years


def years_beside(config: Config, link: str, year: int) -> list[int]:
    """The year and those beside it, whose residuals go into running means.

    What the composed TB was in the last year that a later link was trained on stays as it is when
    a year is added: it never looks beyond. So a new year trains nothing.
    """
    settled = settled_years(config) if link in config.compose.links else set()
    last = year in settled and year + 1 not in settled
    return [year - 1, year] if last else [year - 1, year, year + 1]


def prediction_residuals(config: Config, link: str, year: int) -> list[Residual]:
    """Residuals of a link's inputs for one year and, where they exist, the years beside it.

    Raises:
        GlabError: when no record of the link has this year.
    """
    spec, found = config.links[link], dict[Residual, None]()
    for number, record in enumerate(spec.records):
        years = record_years(config, link, number)
        if year in years and record.role != "train":
            for source in record_inputs(config, link, number):
                near = years_with(config, source, years_beside(config, link, year))
                found |= {Residual(record.baseline, source, y): None for y in near}
    if not found:
        raise GlabError(
            f"link {link!r} cannot predict {year}",
            variable=f"links.{link}",
            found=f"years with all inputs of a record: {link_years(config, link)}",
            remedy="shorten the years of the products that need it",
        )
    return list(found)
