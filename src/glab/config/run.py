"""The configuration of a run, the slices that its steps receive, and how faults are reported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from glab.config import links as k
from glab.config import products as p
from glab.config import retrieval as b
from glab.config import sources as s
from glab.errors import GlabError, unknown_name


def explain_fault(error: ValidationError, model: type[BaseModel]) -> GlabError:
    """The first fault of a validation, in the project's words."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        *parents, name = fault["loc"]
        return unknown_name("setting", str(name), _known_keys(parents, model), variable=place)
    return GlabError(
        "a setting cannot be used", variable=place, found=fault["input"], expected=fault["msg"]
    )


def _known_keys(parents: Sequence[Any], whole: type[BaseModel]) -> list[str]:
    """Keys that the section at `parents` knows."""
    model: Any = whole
    for part in parents:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        if part in model.model_fields:
            model = _model_within(model.model_fields[part].annotation)
    fields = getattr(model, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _model_within(annotation: Any) -> Any:
    """The section class inside an annotation such as dict[str, Source] or Series | None."""
    if hasattr(annotation, "model_fields"):
        return annotation
    inner = [_model_within(part) for part in getattr(annotation, "__args__", ())]
    found = [part for part in inner if hasattr(part, "model_fields")]
    return found[0] if found else annotation


Slice = TypeVar("Slice", bound=s.Section)


class Config(s.Section):
    """One run: the records it reads, what it learns and what it makes."""

    name: str = "global"
    method: str = "trend-preserving"
    seed: int = 0
    archive: Literal["acquire", "simulate"] = "acquire"
    years: s.ProductYears = s.ProductYears(first=2002, last=2020)
    sources: dict[str, s.Source]
    baselines: dict[str, s.Period]
    links: dict[str, k.Link]
    products: dict[str, s.ProductYears]
    simulate: s.SimulateOptions = s.SimulateOptions()
    domain: s.Domain = s.Domain()
    regrid: s.RegridOptions = s.RegridOptions()
    mask: s.Mask = s.Mask()
    climatology: s.ClimatologyOptions = s.ClimatologyOptions()
    splits: k.Splits = k.Splits()
    train: k.TrainOptions = k.TrainOptions()
    compose: k.ComposeOptions = k.ComposeOptions()
    product: p.ProductOptions = p.ProductOptions()
    publish: p.Publish = p.Publish()
    evaluate: p.EvaluateOptions = p.EvaluateOptions()
    report: p.ReportChoice = p.ReportChoice()
    lmeb: b.Lmeb = b.Lmeb()
    tb40: b.Tb40Options = b.Tb40Options()
    retrieve: b.RetrieveOptions = b.RetrieveOptions()
    references: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _without_removed(cls, content: Any) -> Any:
        """An overlay takes a source, baseline, link or product away by setting it to null."""
        for table in ("sources", "baselines", "links", "products"):
            if isinstance(content, dict) and isinstance(content.get(table), dict):
                kept = {k: v for k, v in content[table].items() if v is not None}
                content = content | {table: kept}
        return content

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        for name, link in self.links.items():
            for sensor in link.sensors:
                if sensor.baseline not in self.baselines:
                    raise ValueError(f"link {name}: no baseline {sensor.baseline!r}")
            for used in self.link_sources(name):
                if used not in self.sources:
                    raise ValueError(f"link {name}: no source {used!r}")
            if link.start_from is not None and link.start_from not in self.links:
                raise ValueError(f"link {name}: no link {link.start_from!r} to start from")
        for name, source in self.sources.items():
            if source.archive is not None and source.archive not in self.sources:
                raise ValueError(f"source {name}: no source {source.archive!r} of its archive")
        for link_name in self.compose.links:
            if link_name not in self.links:
                raise ValueError(f"compose: no link {link_name!r}")
        for source_name in self.compose.references:
            if source_name not in self.sources:
                raise ValueError(f"compose.references: no source {source_name!r}")
        return self

    # -- who needs what ------------------------------------------------------------------------

    def link_sources(self, link: str) -> list[str]:
        """Sources a link reads, its target included, each once, in order."""
        spec = self.links[link]
        names = [entry.source for sensor in spec.sensors for entry in sensor.inputs]
        return list(dict.fromkeys([*names, spec.target.source]))

    def source_years(self, source: str) -> list[int]:
        """Years a source has within the years of the run."""
        period = self.sources[source].period
        last = period.end.year if period.end else self.years.last
        first = max(period.start.year, self.years.first)
        return list(range(first, min(last, self.years.last) + 1))

    def baseline_years(self, baseline: str) -> list[int]:
        """Calendar years a baseline touches."""
        period = self.baselines[baseline]
        end = period.end or dt.date(self.years.last, 12, 31)
        return list(range(period.start.year, end.year + 1))

    def training_years(self, link: str) -> list[int]:
        """Years whose samples a link is trained on or held out from."""
        sensors = range(len(self.links[link].sensors))
        return sorted({year for number in sensors for year in self.sample_years(link, number)})

    def sample_years(self, link: str, sensor: int) -> list[int]:
        """Years that one sensor of a link draws samples from, held-out years included."""
        spec = self.links[link]
        years = spec.training_years or self.baseline_years(spec.sensors[sensor].baseline)
        return sorted({*years, *self.splits.held_out_years})

    # -- slices --------------------------------------------------------------------------------

    def domain_of(self) -> s.Domain:
        """Slice of `domain`: without a user's maps on the simulated Earth, which has its own."""
        maps = {} if self.archive == "simulate" else self.domain.maps
        return self.domain.model_copy(update={"maps": maps})

    def regrid_of(self, source: str) -> s.Regrid:
        """Slice of `regrid` for one source."""
        spec = self.sources[source]
        assert spec.reader is not None
        hour = self.regrid.local_hour if spec.local_hour is None else spec.local_hour
        return _sliced(
            s.Regrid,
            self.regrid,
            reader=spec.reader,
            keep=spec.keep,
            quality=spec.quality,
            doi=spec.doi,
            local_hour=hour,
        )

    def acquire_of(self, source: str) -> s.Acquire:
        """Slice of `acquire` for one source, or for the stations."""
        share = self.regrid.bad_fraction_max
        if source == p.STATIONS:
            return s.Acquire(reader=source, bad_fraction_max=share, doi=p.STATIONS_DOI)
        spec = self.sources[source]
        assert spec.reader is not None
        return s.Acquire(reader=spec.reader, bad_fraction_max=share, doi=spec.doi)

    def simulate_of(self) -> s.Simulate:
        """Slice of `simulate`: the world in the domain's box and the run's years."""
        return s.Simulate(
            **self.simulate.model_dump(),
            box=self.domain.box,
            first_year=self.years.first,
            last_year=self.years.last,
        )

    def residuals_of(self, source: str) -> s.Residuals:
        """Slice of `residuals` for one source."""
        return s.Residuals(series=self._series(source), mask=self.mask)

    def climatology_of(self, source: str, baseline: str) -> s.Climatology:
        """Slice of `climatology` for one source and baseline."""
        return s.Climatology(
            **self.climatology.model_dump(),
            source=source,
            baseline_name=baseline,
            baseline=self.baselines[baseline],
            series=self._series(source),
            mask=self.mask,
        )

    def samples_of(self, link: str) -> k.Samples:
        """Slice of `samples` for one link."""
        names = {sensor.baseline for sensor in self.links[link].sensors}
        return _sliced(
            k.Samples,
            self.links[link],
            name=link,
            baselines={name: self.baselines[name] for name in sorted(names)},
            splits=self.splits,
            seed=self.seed,
        )

    def train_of(self, link: str) -> k.Train:
        """Slice of `train` for one link."""
        return _sliced(k.Train, self.links[link], name=link, seed=self.seed)

    def calibrate_of(self, link: str) -> k.Calibrate:
        """Slice of `calibrate` for one link."""
        return _sliced(k.Calibrate, self.links[link], name=link)

    def predict_of(self, link: str) -> k.Predict:
        """Slice of `predict` for one link."""
        return _sliced(k.Predict, self.links[link], name=link, seed=self.seed)

    def compose_of(self) -> k.Compose:
        """Slice of `compose`: the sensor of a link's sensor is its first input's source."""
        sensors = {
            link: [sensor.inputs[0].source for sensor in self.links[link].sensors]
            for link in self.compose.links
        }
        series = {name: self._series(name) for name in self.compose.references}
        return _sliced(
            k.Compose,
            self.compose,
            series=series,
            origins=self.reference_names(),
            mask=self.mask,
            sensors=sensors,
        )

    def reference_names(self) -> dict[str, str]:
        """Names of the L-band references in `origin`: smos for tb40 and smos_l3, smap for smap_l3.

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

    def tb40_of(self) -> b.Tb40:
        """Slice of `tb40`."""
        return _sliced(b.Tb40, self.tb40, lmeb=self.lmeb)

    def retrieve_of(self) -> b.Retrieve:
        """Slice of `retrieve`."""
        shared = {"mask": self.mask, "lmeb": self.lmeb}
        return _sliced(b.Retrieve, self.retrieve, surface=self.tb40.surface, **shared)

    def product_of(self, product: str) -> p.Product:
        """Slice of `product` for one product."""
        dois = sorted({source.doi for source in self.sources.values() if source.doi})
        return _sliced(p.Product, self.product, product=product, references=dois)

    def evaluate_of(self) -> p.Evaluate:
        """Slice of `evaluate`."""
        shared = {"splits": self.splits, "seed": self.seed, "overpass": self.product.overpass}
        return _sliced(p.Evaluate, self.evaluate, **shared)

    def report_of(self) -> p.Report:
        """Slice of `report`."""
        run = {"name": self.name, "method": self.method, "seed": str(self.seed)}
        shared = {"sensors": self.evaluate.sensors, "splits": self.splits, "seed": self.seed}
        return _sliced(p.Report, self.report, run=run, **shared)

    def _series(self, source: str) -> s.Series:
        series = self.sources[source].series
        if series is None:
            raise GlabError(
                f"source {source!r} has no series",
                variable=f"sources.{source}.series",
                remedy="name the variables that get a seasonal cycle",
            )
        return series


def _sliced(slice_class: type[Slice], section: s.Section, **further: Any) -> Slice:
    """A slice: the fields it shares with a section, and further ones."""
    shared = slice_class.model_fields.keys() & type(section).model_fields.keys() - further.keys()
    return slice_class(**{name: getattr(section, name) for name in shared}, **further)


def load_config(paths: Sequence[Path]) -> Config:
    """Read configuration files, later ones laid over earlier ones, and check them.

    Raises:
        GlabError: for a file that is no YAML, an unknown key, or a value that cannot be.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text()) or {}
        except (OSError, yaml.YAMLError) as error:
            raise GlabError("configuration cannot be read", path=path, found=str(error)) from error
        merged = merge_overlay(merged, content)
    return config_from(merged)


def merge_overlay(base: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `above` laid over it: mappings merge, everything else is replaced."""
    merged = dict(base)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge_overlay(merged[key], value) if both else value
    return merged


def config_from(content: Mapping[str, Any]) -> Config:
    """Check a configuration that was already read.

    Raises:
        GlabError: naming the setting, what was found, and the nearest known name.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise explain_fault(error, Config) from error
