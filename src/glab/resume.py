"""What survives a kill of a training: its state after each epoch, curve and best weights in it."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from glab.atomic import disk

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
            with disk(self.path, OSError, RuntimeError):
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
