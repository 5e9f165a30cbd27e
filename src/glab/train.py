"""Training of one network: its samples, its loss and optimiser, and the run itself."""

from __future__ import annotations

import hashlib
import logging
import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import xarray as xr
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback, RichProgressBar
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch import Tensor

from glab.batches import Batches, Pair, moved
from glab.config import Network, Train
from glab.errors import GlabError
from glab.fingerprint import code_print
from glab.network import ScaledNetwork, check_columns, loss_function, seeded
from glab.provenance import canonical_json
from glab.references import references, shares
from glab.resume import BestWeights, Curve, Resume
from glab.seeds import seed_of
from glab.splits import TRAIN, VALIDATION, chosen_blocks

VALIDATION_ROWS = 65536


@dataclass(frozen=True)
class Trained:
    """A trained network, and its curve as text (a line for each epoch)."""

    network: ScaledNetwork
    curve: str


def train(
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
        samples: from `glab.samples.draw`.
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
        moves = any(shares(settings.network, epoch=0))
        self.references = references(samples.isel(sample=np.flatnonzero(inside))) if moves else None

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
        if self.references is not None:
            seed = seed_of(*own, "references", epoch)
            shift = moved(self.references, shares(network, epoch), seed, device)
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

    def training_step(self, batch: Pair, batch_idx: int) -> Tensor:
        """Loss of one batch, in scaled units."""
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: Pair, batch_idx: int) -> None:
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

    def _loss(self, batch: Pair) -> Tensor:
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
    network = seeded(features, targets, settings.network, seed)
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
    if settings.member_share == 1.0:
        return np.ones(blocks.shape, bool)
    purpose = ("member", settings.name, member)
    own = chosen_blocks(
        blocks[samples["split"].values == TRAIN], settings.member_share, settings.seed, *purpose
    )
    return np.isin(blocks, own)


def _tensors(samples: xr.Dataset, chosen: NDArray[np.bool_]) -> Pair:
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
