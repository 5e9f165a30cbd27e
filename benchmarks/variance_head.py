"""Compare a variance head with the fitted variance: coverage, and skill of the mean.

    python benchmarks/variance_head.py runs/osse/1/trend-preserving

Networks of `tb_vod` get two outputs, the residual and the logarithm of its variance. They are
trained on the residuals of the run with a Gaussian likelihood whose terms are weighted by the
square root of the variance (Seitzer et al. 2022, doi:10.48550/arXiv.2203.09168). The table shows
them beside the product of the run. No file of the run changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from links import CONFIGS, files, sensors_of, vod_summary
from osse import read_measures
from torch import Tensor

from glab import io
from glab.calendar import window_starts
from glab.config import Config, load_config
from glab.learning.columns import column_names
from glab.learning.inputs import LinkInputs, open_inputs
from glab.learning.network import ScaledNetwork, new_network
from glab.learning.rebasing import Batches, build_rebase_pool, rebase, rebase_fractions
from glab.learning.samples import draw_samples
from glab.seeds import seed_of
from glab.splits import TRAIN

LINK = "tb_vod"
WEIGHT_POWER = 0.5
"""Power of the variance that weights the likelihood; recommended by Seitzer et al."""

LOG_VARIANCE = (-12.0, 6.0)
"""Bounds of the logarithm of the scaled variance, which keep the training from diverging."""


def likelihood(output: Tensor, target: Tensor) -> Tensor:
    """Return the weighted negative log-likelihood of outputs (row, [mean, log variance])."""
    log_variance = output[:, 1:].clamp(*LOG_VARIANCE)
    loss = 0.5 * (log_variance + (target - output[:, :1]) ** 2 / log_variance.exp())
    return (loss * log_variance.detach().exp() ** WEIGHT_POWER).mean()


def train_heads(samples: xr.Dataset, config: Config, member: int) -> ScaledNetwork:
    """Train one network with a mean and a variance head on the training samples of the link."""
    settings = config.links[LINK].network
    training = samples.isel(sample=np.flatnonzero(samples["split"].values == TRAIN))
    tensors = tuple(torch.from_numpy(training[name].values) for name in ("features", "target"))
    names, _ = column_names(training)
    seed = seed_of(config.seed, "variance head", member)
    network = new_network(names, ["residual", "log_variance"], settings, seed)
    network.fit_scaling(tensors[0], tensors[1].repeat(1, 2))
    pool, order = build_rebase_pool(training), torch.Generator().manual_seed(seed)
    steps = settings.epochs * -(-len(tensors[0]) // settings.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(settings.epochs):
        rows = torch.randperm(len(tensors[0]), generator=order)
        rebased = rebase(pool, rebase_fractions(settings, epoch), seed + epoch, torch.device("cpu"))
        for features, target in Batches(tensors, rows, settings.batch_size, rebased):
            optimizer.zero_grad()
            scaled = (target - network.target_median[:1]) / network.target_range[:1]
            likelihood(network.forward_scaled(features), scaled).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def apply_heads(
    networks: list[ScaledNetwork], features: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the mixture of all members, each (row,)."""
    with torch.inference_mode():
        outputs = [network.forward_scaled(torch.from_numpy(features)) for network in networks]
    scale, median = (float(getattr(networks[0], f"target_{n}")[0]) for n in ("range", "median"))
    means = np.stack([output[:, 0].numpy() for output in outputs]) * scale + median
    logs = np.stack([output[:, 1].clamp(*LOG_VARIANCE).numpy() for output in outputs])
    variance = (scale**2 * np.exp(logs)).mean(axis=0) + means.var(axis=0)
    return means.mean(axis=0), np.sqrt(variance)


def predict_record(
    link_inputs: LinkInputs, land: xr.Dataset, config: Config, networks: list[ScaledNetwork]
) -> xr.Dataset:
    """Predict all years: `value`, `std`, `climatology` (time, cell)."""
    spec = config.predict_of(LINK)
    features, years = sensors_of(link_inputs, land, spec, spec.footprint)[0], []
    for year in features.years(spec.sensors[0].inputs[0].source):
        starts = window_starts(year, spec.window_days)
        block = features.block(starts, slice(0, land.sizes["cell"]))
        rows = block.complete
        features.average_inputs(block.values)
        layers = {name: np.full(rows.shape, np.nan, np.float32) for name in ("value", "std")}
        mean, layers["std"][rows] = apply_heads(networks, block.values[rows])
        layers["climatology"] = block.target_cycle[..., 0]
        layers["value"][rows] = mean + layers["climatology"][rows]
        variables = {name: (("time", "cell"), values) for name, values in layers.items()}
        years.append(xr.Dataset(variables, {"time": starts.astype("datetime64[ns]")}))
    return xr.concat(years, "time").assign_coords(cell=land["cell"])


def main() -> None:
    """Print the measures of the variance heads beside those of the run's product."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config = load_config(CONFIGS).model_copy(update={"seed": options.seed})
    land = io.read(options.run / "results" / "domain.nc").load()
    truth = io.read(options.run / "data" / "truth.nc")
    link_inputs = open_inputs(*files(options.run, config, LINK), land)
    settings = config.samples_of(LINK)
    samples = draw_samples(sensors_of(link_inputs, land, settings, settings.footprint), settings)
    networks = [train_heads(samples, config, member) for member in range(options.members)]
    predicted = predict_record(link_inputs, land, config, networks)
    heads = vod_summary(predicted, land, truth, config, LINK)
    table = {"variance head": heads, "fitted variance": read_measures(options.run)}
    print(pd.DataFrame(table).dropna().round(3).to_string())


if __name__ == "__main__":
    main()
