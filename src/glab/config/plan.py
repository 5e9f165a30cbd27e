"""Years, seasonal cycles and residuals that the results of a run need.

Pure functions of the configuration. The rules turn what they return into paths.
"""

from __future__ import annotations

from typing import NamedTuple

from glab.config.products import StationSet
from glab.config.run import Config
from glab.errors import GlabError


class Cycle(NamedTuple):
    """The seasonal cycle of a source over a baseline."""

    baseline: str
    source: str


class Residual(NamedTuple):
    """One year of a source minus its seasonal cycle over a baseline."""

    baseline: str
    source: str
    year: int


def years_with(config: Config, source: str | None, years: list[int]) -> list[int]:
    """Return those of the years in which a source has a file; none if `source` is None."""
    return [] if source is None else [y for y in years if y in config.source_years(source)]


def station_archives(config: Config) -> list[str]:
    """Return the folders of stations that validation sets name."""
    sets = config.evaluate.against.values()
    return list(dict.fromkeys(one.archive for one in sets if isinstance(one, StationSet)))


def sensor_sources(config: Config, link: str, sensor: int) -> list[str]:
    """Return the input sources of one sensor of a link, each once, in order."""
    entries = config.links[link].sensors[sensor].inputs
    return list(dict.fromkeys(entry.source for entry in entries))


def sensor_years(config: Config, link: str, sensor: int) -> list[int]:
    """Return the years in which every input of a sensor has a file."""
    inputs = [set(config.source_years(name)) for name in sensor_sources(config, link, sensor)]
    return sorted(set.intersection(*inputs))


def sensors_for(config: Config, link: str, role: str) -> list[int]:
    """Return the numbers of the sensors of a link that have a role ("train" or "predict")."""
    sensors = config.links[link].sensors
    return [number for number, sensor in enumerate(sensors) if sensor.role in ("both", role)]


def link_years(config: Config, link: str) -> list[int]:
    """Return the years that a link can predict with at least one sensor."""
    sensors = sensors_for(config, link, "predict")
    return sorted({year for number in sensors for year in sensor_years(config, link, number)})


def link_cycles(config: Config, link: str, sensors: list[int]) -> list[Cycle]:
    """Return the cycles of inputs and target, over the baseline of each of the sensors."""
    spec = config.links[link]
    cycles = [
        Cycle(spec.sensors[number].baseline, source)
        for number in sensors
        for source in [*sensor_sources(config, link, number), spec.target.source]
    ]
    return list(dict.fromkeys(cycles))


def training_cycles(config: Config, link: str) -> list[Cycle]:
    """Return the seasonal cycles that the samples of a link need."""
    return link_cycles(config, link, sensors_for(config, link, "train"))


def prediction_cycles(config: Config, link: str, year: int) -> list[Cycle]:
    """Return the seasonal cycles that a link needs to predict a year."""
    sensors = sensors_for(config, link, "predict")
    with_inputs = [number for number in sensors if year in sensor_years(config, link, number)]
    return link_cycles(config, link, with_inputs)


def training_residuals(config: Config, link: str) -> list[Residual]:
    """Return the residuals of the training years, from which the samples of a link are drawn.

    Raises:
        GlabError: when inputs and target have no year of any sensor in common.
    """
    spec = config.links[link]
    residuals: dict[Residual, None] = {}
    for number in sensors_for(config, link, "train"):
        baseline = spec.sensors[number].baseline
        years = set(config.sample_years(link, number))
        common = years_with(config, spec.target.source, sensor_years(config, link, number))
        for source in [*sensor_sources(config, link, number), spec.target.source]:
            residuals |= {Residual(baseline, source, y): None for y in common if y in years}
    if not residuals:
        raise GlabError(
            f"link {link!r} has no year in which its inputs and its target overlap",
            variable=f"links.{link}",
            found=f"training years {config.training_years(link)}",
            remedy="change its training_years, baselines or the years of the run",
        )
    return list(residuals)


def fitted_years(config: Config) -> set[int]:
    """Return the years of composed TB from which cycles are fitted or samples drawn."""
    years: set[int] = set()
    for link, spec in config.links.items():
        for number, sensor in enumerate(spec.sensors):
            if _reads_compose(config, link, number):
                years |= set(config.baseline_years(sensor.baseline))
                years |= set(config.sample_years(link, number))
    return years


def neighbour_years(config: Config, link: str, year: int) -> list[int]:
    """Return the years whose residuals enter the running means of a year.

    They are the year and its neighbours. Running means of a link that feeds `compose` never look
    past the last year from which another link learns, so that a new year of data does not change
    the composed TB of the training years and retrains nothing.
    """
    fitted = fitted_years(config) if link in config.compose.links else set()
    last = year in fitted and year + 1 not in fitted
    return [year - 1, year] if last else [year - 1, year, year + 1]


def prediction_residuals(config: Config, link: str, year: int) -> list[Residual]:
    """Return the residuals of the inputs of a link for one year and, where they exist, neighbours.

    Raises:
        GlabError: when no sensor of the link has this year.
    """
    residuals: dict[Residual, None] = {}
    for number in sensors_for(config, link, "predict"):
        if year in sensor_years(config, link, number):
            baseline = config.links[link].sensors[number].baseline
            for source in sensor_sources(config, link, number):
                years = years_with(config, source, neighbour_years(config, link, year))
                residuals |= {Residual(baseline, source, y): None for y in years}
    if not residuals:
        raise GlabError(
            f"link {link!r} cannot predict {year}",
            variable=f"links.{link}",
            found=f"years with all inputs of a sensor: {link_years(config, link)}",
            remedy="shorten the years of the products that need it",
        )
    return list(residuals)


# --- products --------------------------------------------------------------------------------


def product_links(config: Config, product: str) -> list[str]:
    """Return the links whose networks a product depends on."""
    if product == "smos_ib":
        return []
    if product == "glab_tb":
        return config.compose.links
    link = config.products[product].link
    sensors = range(len(config.links[link].sensors))
    composed = any(_reads_compose(config, link, number) for number in sensors)
    return [*(config.compose.links if composed else []), link]


def links_in_use(config: Config) -> list[str]:
    """Return the links on which the products and the controls of a run depend."""
    used = {link for product in config.products for link in product_links(config, product)}
    return [link for link in config.links if link in used | set(config.evaluate.controls)]


def residual_baseline(config: Config, year: int) -> str:
    """Return the baseline of the residual of composed TB that `glab_tb` contains.

    Raises:
        GlabError: when the product has no baseline, and its link does not read composed TB.
    """
    request = config.products["glab_tb"]
    if request.baseline is not None:
        return request.baseline
    # A year without the other inputs of the link still has composed TB.
    of_link = link_cycles(config, request.link, sensors_for(config, request.link, "predict"))
    for cycle in [*prediction_cycles(config, request.link, year), *of_link]:
        if cycle.source == "compose":
            return cycle.baseline
    raise GlabError(
        "glab_tb has no baseline for its residual",
        variable="products.glab_tb.link",
        found=f"link {request.link!r}, which does not read composed TB",
        remedy="name a baseline in products.glab_tb.baseline",
    )


def _reads_compose(config: Config, link: str, sensor: int) -> bool:
    """Return whether a sensor of a link has composed TB, or what depends on it, as an input."""
    names = sensor_sources(config, link, sensor)
    return any("compose" in (name, config.sources[name].of) for name in names)
