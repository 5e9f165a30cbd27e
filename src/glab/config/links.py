"""Settings of links, of the stages from `samples` to `predict`, and of `compose`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from glab.config.sources import Fraction, Mask, Period, Positive, Section, Series

Activation = Literal["relu", "leaky_relu", "silu", "tanh"]
Detail = Literal["target", "inputs"]
VarianceTerm = Literal["constant", "structural", "inverse_count", "climatology", "anomaly"]


class LinkInput(Section):
    """One variable of one source that a link reads."""

    source: str
    variable: str
    channels: list[str] | None = None  # None: all channels


class SensorInputs(Section):
    """Inputs of one sensor, relative to one baseline. A link pools its sensors."""

    baseline: str
    inputs: list[LinkInput] = Field(min_length=1)
    role: Literal["both", "train", "predict"] = "both"  # stages that use this sensor


class Features(Section):
    """Inputs of a network."""

    residual: bool = True  # residual of the day
    means_days: list[int] = [91, 365]  # days; widths of the running means, ascending
    means_values_min: list[int] = [5, 20]  # values a mean needs, else the next shorter one is used
    means_alignment: list[Literal["centred", "past", "future"]] = Field(["centred"], min_length=1)
    climatology: bool = True  # seasonal cycle of inputs and target on that day
    coordinates: bool = False  # latitude and sin(longitude), as in the published method

    @model_validator(mode="after")
    def _means_match(self) -> Features:
        if len(self.means_days) != len(self.means_values_min):
            raise ValueError("means_days and means_values_min have different lengths")
        if self.means_days != sorted(self.means_days):
            raise ValueError("means_days must ascend")
        return self


class Network(Section):
    """Layers, loss and optimiser of one network."""

    hidden: list[int] = [128, 128, 64]  # neurons of each hidden layer
    activations: list[Activation] = Field(["silu"], min_length=1)  # by layer; the last one repeats
    leaky_slope: float = 0.01  # of leaky_relu for negative values
    scale_target: bool = True  # False: loss in the unit of the target, as in the published method
    loss: Literal["huber", "log_cosh", "mse"] = "huber"
    huber_delta: Positive = 1.0  # in the unit of the loss
    learning_rate: Positive = 1e-3
    weight_decay: float = 0.0
    batch_size: int = Field(2048, gt=0)  # samples
    epochs: int = Field(30, gt=0)
    patience: int | None = None  # epochs without a lower validation loss; None: all epochs run
    schedule: Literal["constant", "cosine"] = "cosine"  # of the learning rate
    rebased_fraction: Fraction = 0.0  # of samples that are relative to another year of their cell
    places_fraction: Fraction = 0.0  # of samples relative to another cell, in the first epochs
    places_epochs: Fraction = 0.3  # fraction of the epochs that are these first epochs


class Splits(Section):
    """Held-out data: whole years and spatial blocks, never random rows."""

    held_out_years: list[int] = []
    held_out_fraction: Fraction = 0.2  # of the spatial blocks
    buffer_cells: int = Field(1, ge=0)  # cells around a held-out block that are in no split
    validation_fraction: Fraction = 0.1  # of the training blocks, for the validation loss


class Mapping(Section):
    """Inputs and target of a link: the settings that define a feature vector."""

    sensors: list[SensorInputs] = Field(min_length=1)
    target: LinkInput
    window_days: int = Field(1, gt=0)  # days of a window; 1: daily
    features: Features = Features()


class Link(Mapping):
    """One learned mapping: its training and its uncertainty."""

    target_days_min: int = 1  # days with a target value that a window needs
    footprint: float | str | None = None  # of the target: name of a grid, or width in km
    detail: Detail = "target"  # of predictions, where there is a footprint
    training_years: list[int] | None = None  # None: the years of the baselines
    samples_max: int = Field(4_000_000, gt=0)  # number of samples of all years
    memory_mb: int = Field(2000, gt=0)  # MB for the features of one year, else days are left out
    network: Network = Network()
    members: int = Field(5, ge=1)
    member_fraction: Fraction = 1.0  # of the training blocks that each member uses
    start_from: str | None = None  # link whose networks are the start of this one's
    frozen_layers: int = Field(0, ge=0)  # first layers that keep the weights of `start_from`
    offset_pairs: float | None = None  # n0 of the shrinkage n/(n+n0) of offsets; None: no offset
    target_noise: float = Field(0.0, ge=0.0)  # standard error of the target, in its unit
    variance_terms: list[VarianceTerm] = ["constant", "structural", "inverse_count"]
    noise_fraction: float | None = None  # of the inputs' standard deviation; None: no noise runs
    noise_runs: int = Field(5, ge=2)  # predictions with perturbed inputs
    batch_size: int = Field(65536, gt=0)  # rows of one call of a network in prediction

    @model_validator(mode="after")
    def _rebasing_has_cycles(self) -> Link:
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
    """Slice of one link; the member is an argument of the step."""

    name: str
    seed: int
    network: Network
    member_fraction: Fraction = 1.0
    frozen_layers: int = 0


class TrainOptions(Section):
    """Origin of the networks of every link."""

    from_: str | None = Field(None, alias="from")
    # use the networks of this run folder (relative path); ".": keep this run's own; None: train


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
