"""Typed settings of the learned mappings, and the slices that the stages of a link receive."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from glab.config.sources import Fraction, Mask, Period, Positive, Section, Series

Activation = Literal["relu", "leaky_relu", "silu", "tanh"]
Detail = Literal["target", "inputs"]
VarianceTerm = Literal["constant", "structural", "inverse_count", "climatology", "anomaly"]


class LinkInput(Section):
    """One variable of one source that a link reads; `channels` None: all."""

    source: str
    variable: str
    channels: list[str] | None = None


class SensorInputs(Section):
    """Inputs of one sensor period, all relative to one baseline; a link pools its sensors."""

    baseline: str
    inputs: list[LinkInput] = Field(min_length=1)
    role: Literal["both", "train", "predict"] = "both"  # what it serves: published trains on SMOS


class Features(Section):
    """What a network sees of its inputs."""

    residual: bool = True
    means_days: list[int] = [91, 365]  # widths of the running means, ascending
    means_values_min: list[int] = [5, 20]  # values a mean needs, else the next shorter is taken
    means_alignment: list[Literal["centred", "past", "future"]] = Field(["centred"], min_length=1)
    climatology: bool = True  # of inputs and target, at that date
    coordinates: bool = False  # latitude and sin(longitude), as published

    @model_validator(mode="after")
    def _means_match(self) -> Features:
        if len(self.means_days) != len(self.means_values_min):
            raise ValueError("means_days and means_values_min have different lengths")
        if self.means_days != sorted(self.means_days):
            raise ValueError("means_days must ascend")
        return self


class Network(Section):
    """Layers, loss and optimiser of one network."""

    hidden: list[int] = [128, 128, 64]
    activations: list[Activation] = Field(["silu"], min_length=1)  # by layer, the last repeats
    leaky_slope: float = 0.01  # of leaky_relu
    scale_target: bool = True  # False: the loss is taken in the target's own unit, as published
    loss: Literal["huber", "log_cosh", "mse"] = "huber"
    huber_delta: Positive = 1.0
    learning_rate: Positive = 1e-3
    weight_decay: float = 0.0
    batch_size: int = Field(2048, gt=0)
    epochs: int = Field(30, gt=0)
    patience: int | None = None  # epochs without gain on the validation blocks; None: run all
    schedule: Literal["constant", "cosine"] = "cosine"
    rebased_fraction: Fraction = 0.0  # of an epoch's samples, told relative to another of its years
    places_fraction: Fraction = 0.0  # the same, relative to a year of another cell, in first epochs
    places_epochs: Fraction = 0.3  # share of the epochs that are these first ones


class Splits(Section):
    """What is held out: whole years and spatial blocks, never random rows."""

    held_out_years: list[int] = []
    held_out_fraction: Fraction = 0.2  # of the spatial blocks
    buffer_cells: int = Field(1, ge=0)  # around a held-out block, in no set at all
    validation_fraction: Fraction = 0.1  # of the training blocks, for early stopping


class Mapping(Section):
    """What a link maps to what: all that forms a feature vector."""

    sensors: list[SensorInputs] = Field(min_length=1)
    target: LinkInput
    window_days: int = Field(1, gt=0)
    features: Features = Features()


class Link(Mapping):
    """One learned mapping, how it is trained and how its uncertainty is found."""

    target_days_min: int = 1  # days with a target that a window needs
    footprint: float | str | None = None  # of the target: a grid's name, or a pattern's width in km
    detail: Detail = "target"  # of what is predicted, where there is a footprint
    training_years: list[int] | None = None  # None: the days of the baselines
    samples_max: int = Field(4_000_000, gt=0)
    memory_mb: int = Field(2000, gt=0)  # of one year's features; a longer year is thinned by days
    network: Network = Network()
    members: int = Field(5, ge=1)
    member_fraction: Fraction = 1.0  # of the training blocks each member sees, its own choice
    start_from: str | None = None  # link whose networks this one starts from
    frozen_layers: int = Field(0, ge=0)
    offset_pairs: float | None = None  # n0 of the offset's shrinkage n/(n+n0); None: no offset
    target_noise: float = Field(0.0, ge=0.0)  # standard error of a target value, taken out
    variance_terms: list[VarianceTerm] = ["constant", "structural", "inverse_count"]
    noise_fraction: float | None = None  # data uncertainty by perturbed inputs (published: 0.1)
    noise_runs: int = Field(5, ge=2)
    batch_size: int = Field(65536, gt=0)  # rows a network is applied to at once

    @model_validator(mode="after")
    def _places_have_cycles(self) -> Link:
        if self.network.places_fraction and not self.features.climatology:
            raise ValueError("network.places_fraction needs features.climatology")
        return self


class Samples(Mapping):
    """Slice of one link."""

    name: str
    baselines: dict[str, Period]
    splits: Splits
    seed: int
    target_days_min: int
    footprint: float | str | None
    training_years: list[int] | None
    samples_max: int
    memory_mb: int


class Train(Section):
    """Slice of one link; the member is an argument."""

    name: str
    seed: int
    network: Network
    member_fraction: Fraction = 1.0
    frozen_layers: int = 0


class TrainOptions(Section):
    """Where the networks of every link come from."""

    from_: str | None = Field(None, alias="from")
    # folder of the run whose networks are taken, from this run's; "." keeps its own; None: trained


class Calibrate(Section):
    """Slice of one link."""

    name: str
    offset_pairs: float | None
    target_noise: float
    variance_terms: list[VarianceTerm]
    batch_size: int


class Predict(Mapping):
    """Slice of one link."""

    name: str
    seed: int
    footprint: float | str | None
    detail: Detail
    noise_fraction: float | None
    noise_runs: int
    batch_size: int


class ComposeOptions(Section):
    """How L-band TB is composed from the L-band references and the networks."""

    links: list[str] = ["amsr_smos"]
    references: list[str] = Field(["smos_l3"], min_length=1)  # sources of observed L-band TB
    mode: Literal["blend", "observed", "network"] = "blend"
    reference_error_k: Positive | dict[str, Positive] = 2.5
    # of references without tb_error: one number, or by source (2.5 K for a source not named)

    @model_validator(mode="before")
    @classmethod
    def _one_reference_is_a_list(cls, content: Any) -> Any:
        if isinstance(content, dict) and "reference" in content:
            source = content["reference"]
            raise ValueError(f"compose.reference is now a list, compose.references: [{source}]")
        return content

    @model_validator(mode="after")
    def _references_are_known(self) -> ComposeOptions:
        if len(set(self.references)) < len(self.references):
            raise ValueError(f"compose.references names a source twice: {self.references}")
        if isinstance(self.reference_error_k, dict):
            for source in self.reference_error_k:
                if source not in self.references:
                    raise ValueError(f"compose.reference_error_k: no reference {source!r}")
        return self


class Compose(ComposeOptions):
    """Slice: with series and name of each reference, and the source of each sensor of each link."""

    series: dict[str, Series]
    origins: dict[str, str]  # name of each reference in `origin`
    mask: Mask
    sensors: dict[str, list[str]]
