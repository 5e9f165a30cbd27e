"""Train one network: samples, loss, optimiser, and callbacks that survive a killed job.

After each epoch the loss curve, the best weights and a checkpoint are saved, so that a killed
training continues and gives the same bytes.
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
from numpy.typing import NDArray
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, RichProgressBar
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch import Tensor, nn

from glab.config import Network, Train
from glab.errors import GlabError
from glab.fingerprint import code_print
from glab.io.atomic import disk_errors
from glab.io.provenance import canonical_json
from glab.learning.network import ScaledNetwork, check_columns, loss_function, new_network
from glab.learning.rebasing import Batches, TensorPair, build_rebase_pool, rebase, rebase_fractions
from glab.seeds import seed_of
from glab.splits import TRAIN, VALIDATION, draw_blocks

VALIDATION_ROWS = 65536


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

    Training goes on from `resume` where that was left by a run with the same samples, settings
    and code, and gives the same weights as a run that nothing disturbed.

    Args:
        samples: from `glab.learning.samples.draw`.
        settings: network, seed, share of blocks, frozen layers.
        member: number of the network in the ensemble.
        resume: file that holds the state after the last finished epoch; the caller removes it.
        start: network to start from, its scaling included; None: weights drawn by the seed.
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
    kept = state.usable()
    trainer.fit(learner, data, ckpt_path=kept, weights_only=None if kept is None else True)
    best.restore(learner)
    return Trained(network.cpu().eval(), curve.as_csv())


class SampleData(pl.LightningDataModule):
    """Training and validation samples of one member."""

    def __init__(self, samples: xr.Dataset, settings: Train, member: int) -> None:
        super().__init__()
        self.settings, self.member = settings, member
        split = samples["split"].values
        inside = (split == TRAIN) & _own_blocks(samples, settings, member)
        if not inside.any():
            raise GlabError(
                f"link {settings.name!r} has no training samples",
                variable="split",
                found=f"{len(split)} samples, all held out or for validation",
                remedy="hold out less, or train on more years",
            )
        self.train = _tensors(samples, inside)
        self.validation = _tensors(samples, split == VALIDATION)
        moves = any(rebase_fractions(settings.network, epoch=0))
        self.rebase_pool = (
            build_rebase_pool(samples.isel(sample=np.flatnonzero(inside))) if moves else None
        )

    def setup(self, stage: str) -> None:
        """Bring all samples to the device at once."""
        device = self.trainer.strategy.root_device if self.trainer else "cpu"
        self.train = self.train[0].to(device), self.train[1].to(device)
        self.validation = self.validation[0].to(device), self.validation[1].to(device)

    def train_dataloader(self) -> Batches:
        """The training samples in an order, and by references, of each epoch's own."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        own = (self.settings.seed, self.settings.name, self.member)
        generator = torch.Generator().manual_seed(seed_of(*own, "epoch", epoch))
        order = torch.randperm(len(self.train[0]), generator=generator)
        network, device, shift = self.settings.network, self.train[0].device, None
        if self.rebase_pool is not None:
            seed = seed_of(*own, "references", epoch)
            shift = rebase(self.rebase_pool, rebase_fractions(network, epoch), seed, device)
        return Batches(self.train, order.to(device), network.batch_size, shift)

    def val_dataloader(self) -> Batches:
        """The validation samples, in order."""
        rows = torch.arange(len(self.validation[0]), device=self.validation[0].device)
        return Batches(self.validation, rows, VALIDATION_ROWS)


class Regression(pl.LightningModule):
    """Loss and optimiser of one network; the schedule runs over `steps` batches."""

    def __init__(self, network: ScaledNetwork, settings: Network, steps: int) -> None:
        super().__init__()
        self.network, self.settings, self.steps = network, settings, steps
        self.loss = loss_function(settings)

    def training_step(self, batch: TensorPair, batch_idx: int) -> Tensor:
        """Loss of one batch, in scaled units."""
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: TensorPair, batch_idx: int) -> None:
        """Loss on the validation blocks."""
        self.log("validation_loss", self._loss(batch), batch_size=len(batch[0]), prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Fused Adam on what is not frozen; the rate follows the schedule step by step."""
        trained = [weight for weight in self.parameters() if weight.requires_grad]
        decay = self.settings.weight_decay
        optimizer = torch.optim.AdamW(
            trained, self.settings.learning_rate, weight_decay=decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._share_of_rate)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def _loss(self, batch: TensorPair) -> Tensor:
        features, target = batch
        return self.loss(self.network.forward_scaled(features), self.network.scaled_target(target))

    def _share_of_rate(self, step: int) -> float:
        if self.settings.schedule == "constant":
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * min(step / self.steps, 1.0)))


def _trainer(settings: Network, data: SampleData, callbacks: list[Callback]) -> pl.Trainer:
    """A deterministic trainer on one device, without files and remarks of its own."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning.utilities._pytree")
    return pl.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        max_epochs=settings.epochs,
        deterministic=True,
        callbacks=callbacks,
        plugins=[LightningEnvironment()],
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=1.0 if len(data.validation[0]) else 0,
        num_sanity_val_steps=0,
        enable_progress_bar=any(isinstance(each, RichProgressBar) for each in callbacks),
        enable_checkpointing=False,
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
    """The network before its first epoch: new and scaled, or another link's."""
    features = samples["feature"].values.astype(str).tolist()
    targets = samples["target_name"].values.astype(str).tolist()
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


def _own_blocks(samples: xr.Dataset, settings: Train, member: int) -> NDArray[np.bool_]:
    """True for samples of the blocks that a member sees."""
    blocks = samples["sample_block"].values
    if settings.member_fraction == 1.0:
        return np.ones(blocks.shape, bool)
    purpose = ("member", settings.name, member)
    own = draw_blocks(
        blocks[samples["split"].values == TRAIN], settings.member_fraction, settings.seed, *purpose
    )
    return np.isin(blocks, own)


def _tensors(samples: xr.Dataset, chosen: NDArray[np.bool_]) -> TensorPair:
    rows = np.flatnonzero(chosen)
    features, target = (samples[name].values[rows] for name in ("features", "target"))
    return torch.from_numpy(features), torch.from_numpy(target)


def _run_print(data: SampleData, settings: Train, member: int, network: ScaledNetwork) -> str:
    """What the weights depend on: samples, settings, code and the weights at the start."""
    digest = hashlib.sha256()
    told = (canonical_json(settings), member, code_print("steps.train"), torch.__version__)
    digest.update(repr(told).encode())
    for tensor in (*data.train, *data.validation, *network.state_dict().values()):
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


CURVE = ("epoch", "learning_rate", "train_loss", "validation_loss")
"""Columns of the training curve; losses in scaled units."""

RUN_PRINT = "glab_run_print"


class Curve(Callback):
    """The training curve, and a line of it to the log after each epoch."""

    def __init__(self, show: bool) -> None:
        self.rows: list[list[float]] = []
        self.show = show

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row."""
        found = trainer.callback_metrics
        losses = [float(found.get(name, torch.nan)) for name in CURVE[2:]]
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        self.rows.append([float(trainer.current_epoch), rate, *losses])
        if self.show:
            told = " ".join(f"{n} {value:.5g}" for n, value in zip(CURVE[1:], self.rows[-1][1:]))
            print(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: {told}", flush=True)

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from rows of before."""
        self.rows = [list(row) for row in state_dict["rows"]]

    def as_csv(self) -> str:
        """The curve as text, a line for each epoch."""
        lines = [",".join(CURVE)]
        lines += [",".join([f"{row[0]:.0f}", *(f"{v:.9g}" for v in row[1:])]) for row in self.rows]
        return "\n".join(lines) + "\n"


class BestWeights(Callback):
    """Keep the weights that did best on the validation blocks; stop after epochs without gain.

    Args:
        patience: epochs without gain after which training stops; None: run all epochs and keep
            the last weights.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience, self.waited, self.best = patience, 0, torch.inf
        self.weights: dict[str, Tensor] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stay stopped when a run goes on that had stopped."""
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
        """Put the best weights back, where they were to be kept."""
        if self.patience is not None and self.weights:
            module.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Best weights and how long ago they were."""
        return {"waited": self.waited, "best": self.best, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state of before."""
        self.waited, self.best = state_dict["waited"], state_dict["best"]
        self.weights = state_dict["weights"]


class Resume(Callback):
    """Write the whole state after each epoch, under its name only when it is complete.

    Args:
        path: the file.
        run_print: what the run depends on; a state with another print is ignored.
    """

    def __init__(self, path: Path, run_print: str) -> None:
        self.path, self.run_print = path, run_print

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the state."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            with disk_errors(self.path, OSError, RuntimeError):
                trainer.save_checkpoint(temporary, weights_only=False)
                os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say which run the state belongs to."""
        checkpoint[RUN_PRINT] = self.run_print

    def usable(self) -> Path | None:
        """The file, where it holds a state of this very run; None otherwise."""
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            return self.path if state[RUN_PRINT] == self.run_print else None
        except (OSError, EOFError, KeyError, RuntimeError, UnpicklingError):
            return None
