"""Configuration of a run: reading, checks, and the slices that the steps receive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import ValidationError, model_validator

from glab.config.faults import explain_fault
from glab.config.links import (
    Calibrate,
    Compose,
    ComposeOptions,
    Link,
    Predict,
    Samples,
    Splits,
    Train,
    TrainOptions,
)
from glab.config.products import (
    Evaluate,
    EvaluateOptions,
    GridSet,
    Product,
    ProductName,
    ProductOptions,
    ProductRequest,
    Publish,
    Report,
    ReportOptions,
    StationSet,
)
from glab.config.retrieval import Lmeb, Retrieve, RetrieveOptions, Tb40, Tb40Options
from glab.config.sources import (
    Acquire,
    Climatology,
    ClimatologyOptions,
    Domain,
    Mask,
    Name,
    Period,
    Regrid,
    RegridOptions,
    Residuals,
    Section,
    Series,
    Simulate,
    SimulateOptions,
    Source,
    YearRange,
)
from glab.errors import GlabError, unknown_name

Slice = TypeVar("Slice", bound=Section)


class Config(Section):
    """Settings of one run."""

    name: str = "global"
    method: str = "trend-preserving"
    seed: int = 0  # of splits, networks and samples; the simulated Earth has its own
    archive: Literal["acquire", "simulate"] = "acquire"
    years: YearRange = YearRange(first=2002, last=2020)
    sources: dict[Name, Source]
    baselines: dict[Name, Period]
    links: dict[Name, Link]
    products: dict[str, ProductRequest]
    simulate: SimulateOptions = SimulateOptions()
    domain: Domain = Domain()
    regrid: RegridOptions = RegridOptions()
    mask: Mask = Mask()
    climatology: ClimatologyOptions = ClimatologyOptions()
    splits: Splits = Splits()
    train: TrainOptions = TrainOptions()
    compose: ComposeOptions = ComposeOptions()
    product: ProductOptions = ProductOptions()
    publish: Publish = Publish()
    evaluate: EvaluateOptions = EvaluateOptions()
    report: ReportOptions = ReportOptions()
    lmeb: Lmeb = Lmeb()
    tb40: Tb40Options = Tb40Options()
    retrieve: RetrieveOptions = RetrieveOptions()

    @model_validator(mode="before")
    @classmethod
    def _remove_null_entries(cls, content: Any) -> Any:
        """Remove sources, baselines, links and products that an overlay sets to null."""
        for table in ("sources", "baselines", "links", "products"):
            if isinstance(content, dict) and isinstance(content.get(table), dict):
                kept = {name: value for name, value in content[table].items() if value is not None}
                content = content | {table: kept}
        return content

    @model_validator(mode="after")
    def _check_names(self) -> Config:
        """Check that every source, baseline, link and product that a setting names exists."""
        for name, link in self.links.items():
            for sensor in link.sensors:
                _check_name("baseline", sensor.baseline, self.baselines, f"links.{name}.sensors")
            for source in self.link_sources(name):
                _check_name("source", source, self.sources, f"links.{name}")
            if link.start_from is not None:
                _check_name("link", link.start_from, self.links, f"links.{name}.start_from")
        for name, spec in self.sources.items():
            if spec.archive is not None:
                _check_name("source", spec.archive, self.sources, f"sources.{name}.archive")
        for source in self.compose.references:
            _check_name("source", source, self.sources, "compose.references")
        for table in ("compose.links", "evaluate.controls"):
            section, setting = table.split(".")
            for name in getattr(getattr(self, section), setting):
                _check_name("link", name, self.links, table)
        for name, one in self.evaluate.against.items():
            if isinstance(one, GridSet) and one.source is not None:
                _check_name("source", one.source, self.sources, f"evaluate.against.{name}.source")
        for name, request in self.products.items():
            _check_name("product", name, get_args(ProductName), "products")
            if request.baseline is not None:
                where = f"products.{name}.baseline"
                _check_name("baseline", request.baseline, self.baselines, where)
            elif name != "smos_ib":
                _check_name("link", request.link, self.links, f"products.{name}.link")
        return self

    # -- years and sources ---------------------------------------------------------------------

    def link_sources(self, link: str) -> list[str]:
        """Return the sources of a link's inputs and target, each once, in order."""
        spec = self.links[link]
        names = [entry.source for sensor in spec.sensors for entry in sensor.inputs]
        return list(dict.fromkeys([*names, spec.target.source]))

    def source_years(self, source: str) -> list[int]:
        """Return the years of a source that lie within the years of the run."""
        period = self.sources[source].period
        last = period.end.year if period.end else self.years.last
        first = max(period.start.year, self.years.first)
        return list(range(first, min(last, self.years.last) + 1))

    def baseline_years(self, baseline: str) -> list[int]:
        """Return the calendar years that a baseline touches."""
        period = self.baselines[baseline]
        end = period.end or dt.date(self.years.last, 12, 31)
        return list(range(period.start.year, end.year + 1))

    def training_years(self, link: str) -> list[int]:
        """Return the years from which a link draws samples, held-out years included."""
        sensors = range(len(self.links[link].sensors))
        return sorted({year for number in sensors for year in self.sample_years(link, number)})

    def sample_years(self, link: str, sensor: int) -> list[int]:
        """Return the years from which one sensor of a link draws samples, as for the link."""
        spec = self.links[link]
        years = spec.training_years or self.baseline_years(spec.sensors[sensor].baseline)
        return sorted({*years, *self.splits.held_out_years})

    # -- slices --------------------------------------------------------------------------------

    def domain_of(self) -> Domain:
        """Return the slice of `domain`; the simulated Earth has its own maps."""
        maps = {} if self.archive == "simulate" else self.domain.maps
        return self.domain.model_copy(update={"maps": maps})

    def regrid_of(self, source: str) -> Regrid:
        """Return the slice of `regrid` for one source."""
        spec = self.sources[source]
        assert spec.reader is not None
        hour = self.regrid.local_hour if spec.local_hour is None else spec.local_hour
        return _slice(
            Regrid,
            self.regrid,
            reader=spec.reader,
            keep=spec.keep,
            quality=spec.quality,
            doi=spec.doi,
            local_hour=hour,
        )

    def acquire_of(self, source: str, archive: str | None = None) -> Acquire:
        """Return the slice of `acquire` for one source, or for an archive of stations."""
        bad_fraction_max = self.regrid.bad_fraction_max
        sets = [one for one in self.evaluate.against.values() if isinstance(one, StationSet)]
        stations = [one for one in sets if one.archive == archive]
        spec = stations[0] if stations else self.sources[source]
        assert spec.reader is not None
        return Acquire(reader=spec.reader, bad_fraction_max=bad_fraction_max, doi=spec.doi)

    def simulate_of(self) -> Simulate:
        """Return the slice of `simulate`: the world, the domain's box and the run's years."""
        return Simulate(
            **self.simulate.model_dump(),
            box=self.domain.box,
            first_year=self.years.first,
            last_year=self.years.last,
        )

    def residuals_of(self, source: str) -> Residuals:
        """Return the slice of `residuals` for one source."""
        return Residuals(series=self._series(source), mask=self.mask)

    def climatology_of(self, source: str, baseline: str) -> Climatology:
        """Return the slice of `climatology` for one source and baseline."""
        return Climatology(
            **self.climatology.model_dump(),
            source=source,
            baseline_name=baseline,
            baseline=self.baselines[baseline],
            series=self._series(source),
            mask=self.mask,
        )

    def samples_of(self, link: str) -> Samples:
        """Return the slice of `samples` for one link."""
        names = {sensor.baseline for sensor in self.links[link].sensors}
        return _slice(
            Samples,
            self.links[link],
            name=link,
            baselines={name: self.baselines[name] for name in sorted(names)},
            splits=self.splits,
            seed=self.seed,
        )

    def train_of(self, link: str) -> Train:
        """Return the slice of `train` for one link."""
        return _slice(Train, self.links[link], name=link, seed=self.seed)

    def calibrate_of(self, link: str) -> Calibrate:
        """Return the slice of `calibrate` for one link."""
        return _slice(Calibrate, self.links[link], name=link)

    def predict_of(self, link: str) -> Predict:
        """Return the slice of `predict` for one link."""
        return _slice(Predict, self.links[link], name=link, seed=self.seed)

    def compose_of(self) -> Compose:
        """Return the slice of `compose`; a sensor's name is the source of its first input."""
        sensors = {
            link: [sensor.inputs[0].source for sensor in self.links[link].sensors]
            for link in self.compose.links
        }
        series = {name: self._series(name) for name in self.compose.references}
        return _slice(
            Compose,
            self.compose,
            series=series,
            origins=self.reference_names(),
            mask=self.mask,
            sensors=sensors,
        )

    def reference_names(self) -> dict[str, str]:
        """Return the name of each L-band reference in `origin`: tb40 is smos, smap_l3 is smap.

        The name is the first word of the source, or of the source that a stage reads. References
        that would have the same name keep the names of their sources.
        """
        observed = {"tb40": self.tb40.source}
        names = {
            source: observed.get(self.sources[source].stage, source).partition("_")[0]
            for source in self.compose.references
        }
        same = [name for name in names.values() if list(names.values()).count(name) > 1]
        return {source: source if name in same else name for source, name in names.items()}

    def tb40_of(self) -> Tb40:
        """Return the slice of `tb40`."""
        return _slice(Tb40, self.tb40, lmeb=self.lmeb)

    def retrieve_of(self) -> Retrieve:
        """Return the slice of `retrieve`."""
        shared = {"mask": self.mask, "lmeb": self.lmeb}
        return _slice(Retrieve, self.retrieve, surface=self.tb40.surface, **shared)

    def product_of(self, product: str) -> Product:
        """Return the slice of `product` for one product."""
        dois = sorted({source.doi for source in self.sources.values() if source.doi})
        return _slice(Product, self.product, product=product, references=dois)

    def evaluate_of(self, name: str | None = None) -> Evaluate:
        """Return the slice of `evaluate`: for the truth, or for one validation set."""
        shared = {"splits": self.splits, "seed": self.seed, "overpass": self.product.overpass}
        if name is not None:
            return Evaluate(against={name: self.evaluate.against[name]}, **shared)
        return _slice(Evaluate, self.evaluate, against={}, **shared)

    def report_of(self) -> Report:
        """Return the slice of `report`."""
        run = {"name": self.name, "method": self.method, "seed": str(self.seed)}
        names = ("against", "sensors", "break_window_days")
        evaluation = {name: getattr(self.evaluate, name) for name in names}
        shared = {"splits": self.splits, "seed": self.seed}
        return _slice(Report, self.report, run=run, **evaluation, **shared)

    def _series(self, source: str) -> Series:
        series = self.sources[source].series
        if series is None:
            raise GlabError(
                f"source {source!r} has no series",
                variable=f"sources.{source}.series",
                remedy="name the variables that get a seasonal cycle",
            )
        return series


def _slice(slice_class: type[Slice], section: Section, **further: Any) -> Slice:
    """Return a slice with the fields that it has in common with a section, and further ones."""
    shared = slice_class.model_fields.keys() & type(section).model_fields.keys() - further.keys()
    return slice_class(**{name: getattr(section, name) for name in shared}, **further)


def _check_name(kind: str, name: str, known: Iterable[str], setting: str) -> None:
    if name not in known:
        raise unknown_name(kind, name, known, variable=setting)


# --- reading ---------------------------------------------------------------------------------


def load_config(paths: Sequence[Path]) -> Config:
    """Read configuration files, merge later ones into earlier ones, and check the result.

    Raises:
        GlabError: for a file that is not YAML, an unknown or renamed key, or an invalid value.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text()) or {}
        except (OSError, yaml.YAMLError) as error:
            raise GlabError("configuration cannot be read", path=path, found=str(error)) from error
        merged = merge_overlay(merged, content)
    return config_from(merged)


def merge_overlay(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `overlay` on top: mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge_overlay(merged[key], value) if both else value
    return merged


def config_from(content: Mapping[str, Any]) -> Config:
    """Check the content of a configuration.

    Raises:
        GlabError: with the setting, its value, and the nearest known or the new name.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise explain_fault(error, Config) from error
