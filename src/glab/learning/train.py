"""Train one network, with a checkpoint after each epoch.

A training that was killed continues from its checkpoint (with loss curve and best weights) and
gives the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import xarray as xr
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, RichProgressBar
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch import Tensor, nn

from glab import io
from glab.arrays import Booleans
from glab.config import Network, Train
from glab.errors import GlabError
from glab.fingerprint import code_print
from glab.learning.columns import column_names
from glab.learning.network import ScaledNetwork, check_columns, loss_function, new_network
from glab.learning.rebasing import Batches, TensorPair, build_rebase_pool, rebase, rebase_fractions
from glab.seeds import seed_of
from glab.splits import TRAIN, VALIDATION, draw_blocks

VALIDATION_ROWS = 65536
"""Rows of a validation batch; without gradients more fit into memory than in training."""


@dataclass(frozen=True)
class Trained:
    """A trained network, and its curve as text (a line for each epoch)."""

    network: ScaledNetwork
    curve: str


def train_network(
    samples: xr.Dataset,
    settings: Train,
    member: int,
    resume: Path,
    *,
    start: ScaledNetwork | None = None,
    callbacks: Sequence[Callback] = (),
) -> Trained:
    """Train one member of a link's ensemble, on the GPU where there is one.

    Training continues from `resume` if that file belongs to a run with the same samples, settings
    and code, and then gives the same weights as an uninterrupted run.

    Args:
        samples: from `glab.learning.samples.draw_samples`.
        settings: network, seed, fraction of blocks, frozen layers.
        member: number of the network in the ensemble.
        resume: file with the state after the last finished epoch; the caller removes it.
        start: network to start from, including its scaling; None: weights drawn by the seed.
        callbacks: further callbacks of the trainer.
    """
    data = SampleData(samples, settings, member)
    network = _network(samples, settings, member, data, start)
    state = Resume(resume, _run_print(data, settings, member, network))
    visible = sys.stderr.isatty()
    bar = [RichProgressBar()] if visible else []
    curve, best = Curve(show=not visible), BestWeights(settings.network.patience)
    trainer = _trainer(settings.network, data, [*callbacks, *bar, curve, best, state])
    steps = settings.network.epochs * len(data.train_dataloader())
    learner = Regression(network, settings.network, steps)
    checkpoint = state.usable()
    safely = None if checkpoint is None else True  # tensors alone are unpickled
    trainer.fit(learner, data, ckpt_path=checkpoint, weights_only=safely)
    best.restore(learner)
    return Trained(network.cpu().eval(), curve.as_csv())


class SampleData(pl.LightningDataModule):
    """Training and validation samples of one member."""

    def __init__(self, samples: xr.Dataset, settings: Train, member: int) -> None:
        super().__init__()
        self.settings, self.member = settings, member
        split = samples["split"].values
        inside = (split == TRAIN) & _in_member_blocks(samples, settings, member)
        if not inside.any():
            raise GlabError(
                f"link {settings.name!r} has no training samples",
                variable="split",
                found=f"{len(split)} samples, all held out or for validation",
                remedy="hold out less, or train on more years",
            )
        self.train = _tensors(samples, inside)
        self.validation = _tensors(samples, split == VALIDATION)
        rebases = any(rebase_fractions(settings.network, epoch=0))
        self.rebase_pool = (
            build_rebase_pool(samples.isel(sample=np.flatnonzero(inside))) if rebases else None
        )

    def setup(self, stage: str) -> None:
        """Copy all samples to the device."""
        device = self.trainer.strategy.root_device if self.trainer else "cpu"
        # All samples fit into the memory of a GPU (1 GB for 4 million with 60 features), and
        # copies batch by batch would cost time in every epoch.
        self.train = self.train[0].to(device), self.train[1].to(device)
        self.validation = self.validation[0].to(device), self.validation[1].to(device)

    def train_dataloader(self) -> Batches:
        """Return the training samples in a new order and relative to new references.

        Order and references of an epoch follow from its number, so that a resumed training sees
        the same batches.
        """
        epoch = self.trainer.current_epoch if self.trainer else 0
        member = (self.settings.seed, self.settings.name, self.member)
        generator = torch.Generator().manual_seed(seed_of(*member, "epoch", epoch))
        order = torch.randperm(len(self.train[0]), generator=generator)
        network, device, rebased = self.settings.network, self.train[0].device, None
        if self.rebase_pool is not None:
            seed = seed_of(*member, "references", epoch)
            rebased = rebase(self.rebase_pool, rebase_fractions(network, epoch), seed, device)
        return Batches(self.train, order.to(device), network.batch_size, rebased)

    def val_dataloader(self) -> Batches:
        """Return the validation samples, in order."""
        rows = torch.arange(len(self.validation[0]), device=self.validation[0].device)
        return Batches(self.validation, rows, VALIDATION_ROWS)


class Regression(pl.LightningModule):
    """Loss and optimiser of one network; the schedule of the rate has `steps` batches."""

    def __init__(self, network: ScaledNetwork, settings: Network, steps: int) -> None:
        super().__init__()
        self.network, self.settings, self.steps = network, settings, steps
        self.loss = loss_function(settings)

    def training_step(self, batch: TensorPair, batch_idx: int) -> Tensor:
        """Return the loss of one batch, in scaled units."""
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: TensorPair, batch_idx: int) -> None:
        """Log the loss of one batch of the validation blocks."""
        self.log("validation_loss", self._loss(batch), batch_size=len(batch[0]), prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Return a fused AdamW of all weights that are not frozen, and its schedule."""
        trained = [weight for weight in self.parameters() if weight.requires_grad]
        decay = self.settings.weight_decay
        optimizer = torch.optim.AdamW(
            trained, self.settings.learning_rate, weight_decay=decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate_factor)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def _loss(self, batch: TensorPair) -> Tensor:
        features, target = batch
        return self.loss(self.network.forward_scaled(features), self.network.scaled_target(target))

    def _rate_factor(self, step: int) -> float:
        if self.settings.schedule == "constant":
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * min(step / self.steps, 1.0)))


def _trainer(settings: Network, data: SampleData, callbacks: list[Callback]) -> pl.Trainer:
    """Return a deterministic trainer on one device, without files and messages."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    # Lightning itself calls a function that torch has deprecated.
    warnings.filterwarnings("ignore", module="pytorch_lightning.utilities._pytree")
    return pl.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        max_epochs=settings.epochs,
        deterministic=True,
        callbacks=callbacks,
        plugins=[LightningEnvironment()],  # else a SLURM job is taken for distributed training
        reload_dataloaders_every_n_epochs=1,  # each epoch has its own order and references
        limit_val_batches=1.0 if len(data.validation[0]) else 0,
        num_sanity_val_steps=0,
        enable_progress_bar=any(isinstance(each, RichProgressBar) for each in callbacks),
        enable_checkpointing=False,  # `Resume` writes the only checkpoint, under its own name
        enable_model_summary=False,
        logger=False,
    )


def _network(
    samples: xr.Dataset,
    settings: Train,
    member: int,
    data: SampleData,
    start: ScaledNetwork | None,
) -> ScaledNetwork:
    """Return the network before its first epoch: new and scaled, or that of another link."""
    features, targets = column_names(samples)
    seed = seed_of(settings.seed, settings.name, member, "weights")
    network = new_network(features, targets, settings.network, seed)
    if start is None:
        network.fit_scaling(*data.train)
    else:
        check_columns(start, features, targets)
        if start.settings.hidden != settings.network.hidden:
            raise GlabError(
                "a link starts from a network of other layers",
                variable=f"links.{settings.name}.network.hidden",
                found=settings.network.hidden,
                expected=start.settings.hidden,
            )
        network.load_state_dict(start.state_dict())
    network.freeze(settings.frozen_layers)
    return network


def _in_member_blocks(samples: xr.Dataset, settings: Train, member: int) -> Booleans:
    """Return True for samples of the blocks that a member is trained on, (sample,)."""
    blocks = samples["sample_block"].values
    if settings.member_fraction == 1.0:
        return np.ones(blocks.shape, bool)
    purpose = ("member", settings.name, member)
    training = blocks[samples["split"].values == TRAIN]
    chosen = draw_blocks(training, settings.member_fraction, settings.seed, *purpose)
    return np.isin(blocks, chosen)


def _tensors(samples: xr.Dataset, chosen: Booleans) -> TensorPair:
    """Return features and targets of some samples."""
    rows = np.flatnonzero(chosen)
    features, target = (samples[name].values[rows] for name in ("features", "target"))
    return torch.from_numpy(features), torch.from_numpy(target)


def _run_print(data: SampleData, settings: Train, member: int, network: ScaledNetwork) -> str:
    """Return a digest of what a training depends on: samples, settings, code, initial weights."""
    digest = hashlib.sha256()
    run = (io.canonical_json(settings), member, code_print("steps.train"), torch.__version__)
    digest.update(repr(run).encode())
    for tensor in (*data.train, *data.validation, *network.state_dict().values()):
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


CURVE = ("epoch", "learning_rate", "train_loss", "validation_loss")
"""Columns of the training curve; losses in scaled units."""

RUN_PRINT = "glab_run_print"
"""Key of a checkpoint under which the digest of its run is stored."""


class Curve(Callback):
    """Collect the training curve; with `show`, print a line to the log after each epoch."""

    def __init__(self, show: bool) -> None:
        self.rows: list[list[float]] = []
        self.show = show

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the row of an epoch."""
        metrics = trainer.callback_metrics
        losses = [float(metrics.get(name, torch.nan)) for name in CURVE[2:]]
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        self.rows.append([float(trainer.current_epoch), rate, *losses])
        if self.show:
            row = " ".join(f"{n} {value:.5g}" for n, value in zip(CURVE[1:], self.rows[-1][1:]))
            print(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: {row}", flush=True)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from stored rows."""
        self.rows = [list(row) for row in state_dict["rows"]]

    def as_csv(self) -> str:
        """Return the curve as text, a line for each epoch."""
        lines = [",".join(CURVE)]
        lines += [",".join([f"{row[0]:.0f}", *(f"{v:.9g}" for v in row[1:])]) for row in self.rows]
        return "\n".join(lines) + "\n"


class BestWeights(Callback):
    """Keep the weights with the least validation loss; stop after epochs without improvement.

    Args:
        patience: epochs without improvement after which training stops; None: run all epochs
            and keep the last weights.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience, self.waited, self.best = patience, 0, torch.inf
        self.weights: dict[str, Tensor] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once if the resumed run had stopped."""
        trainer.should_stop |= self.patience is not None and self.waited >= self.patience

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare with the best epoch so far."""
        loss = float(trainer.callback_metrics["validation_loss"])
        if loss < self.best:
            state = pl_module.state_dict()
            self.weights = {name: tensor.detach().clone() for name, tensor in state.items()}
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        trainer.should_stop |= self.patience is not None and self.waited >= self.patience

    def restore(self, module: nn.Module) -> None:
        """Load the best weights into the network, unless `patience` is None."""
        if self.patience is not None and self.weights:
            module.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the best weights, their loss, and the epochs since then."""
        return {"waited": self.waited, "best": self.best, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a stored state."""
        self.waited, self.best = state_dict["waited"], state_dict["best"]
        self.weights = state_dict["weights"]


class Resume(Callback):
    """Write a checkpoint after each epoch, first under a temporary name.

    Args:
        path: the file.
        run_print: digest of the run; a checkpoint with another digest is ignored.
    """

    def __init__(self, path: Path, run_print: str) -> None:
        self.path, self.run_print = path, run_print

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoint."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            with io.disk_errors(self.path, OSError, RuntimeError):
                trainer.save_checkpoint(temporary, weights_only=False)
                os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the digest of the run to a checkpoint."""
        checkpoint[RUN_PRINT] = self.run_print

    def usable(self) -> Path | None:
        """Return the file if it is a checkpoint of this run, else None."""
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            return self.path if state[RUN_PRINT] == self.run_print else None
        except (OSError, EOFError, KeyError, RuntimeError, UnpicklingError):
            return None
