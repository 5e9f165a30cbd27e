"""A variance head in place of the fitted variance: what its coverage is, and what its mean loses.

    python benchmarks/variance_head.py runs/osse/1/trend-preserving

Networks of `tb_vod` with two outputs, the residual and the logarithm of its variance, learn both at
once by a Gaussian likelihood whose terms are weighted by the variance to the power of 0.5 (Seitzer
et al. 2022, doi:10.48550/arXiv.2203.09168), on the run's own residuals. Judged beside the run's
product, all in this process; nothing of the run is changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from links import CONFIGS, files, vod_summary
from osse import read_measures
from torch import Tensor

from glab import io
from glab.calendar import window_starts
from glab.config import Config, load_config
from glab.learning.features import feature_block, feature_names, input_columns
from glab.learning.inputs import LinkInputs, average_columns, footprint_average, open_inputs
from glab.learning.network import ScaledNetwork, new_network
from glab.learning.rebasing import Batches, build_rebase_pool, rebase, rebase_fractions
from glab.learning.samples import draw_samples
from glab.seeds import seed_of
from glab.splits import TRAIN

LINK = "tb_vod"
WEIGHT_POWER = 0.5
LOG_VARIANCE = (-12.0, 6.0)


def likelihood(output: Tensor, target: Tensor) -> Tensor:
    """Weighted negative logarithm of the likelihood; output (row, [mean, log variance]), scaled."""
    log_variance = output[:, 1:].clamp(*LOG_VARIANCE)
    loss = 0.5 * (log_variance + (target - output[:, :1]) ** 2 / log_variance.exp())
    return (loss * log_variance.detach().exp() ** WEIGHT_POWER).mean()


def trained(samples: xr.Dataset, config: Config, member: int) -> ScaledNetwork:
    """One network with a mean and a variance head, on the samples `train` would see."""
    settings = config.links[LINK].network
    own = samples.isel(sample=np.flatnonzero(samples["split"].values == TRAIN))
    tensors = tuple(torch.from_numpy(own[name].values) for name in ("features", "target"))
    names = own["feature"].values.astype(str).tolist()
    seed = seed_of(config.seed, "variance head", member)
    network = new_network(names, ["residual", "log_variance"], settings, seed)
    network.fit_scaling(tensors[0], tensors[1].repeat(1, 2))
    found, order = build_rebase_pool(own), torch.Generator().manual_seed(seed)
    steps = settings.epochs * -(-len(tensors[0]) // settings.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(settings.epochs):
        rows = torch.randperm(len(tensors[0]), generator=order)
        shift = rebase(found, rebase_fractions(settings, epoch), seed + epoch, torch.device("cpu"))
        for features, target in Batches(tensors, rows, settings.batch_size, shift):
            optimizer.zero_grad()
            scaled = (target - network.target_median[:1]) / network.target_range[:1]
            likelihood(network.forward_scaled(features), scaled).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def applied(networks: list[ScaledNetwork], features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the mixture of all members, each (row,)."""
    with torch.inference_mode():
        outputs = [network.forward_scaled(torch.from_numpy(features)) for network in networks]
    scale, median = (float(getattr(networks[0], f"target_{n}")[0]) for n in ("range", "median"))
    means = np.stack([output[:, 0].numpy() for output in outputs]) * scale + median
    logs = np.stack([output[:, 1].clamp(*LOG_VARIANCE).numpy() for output in outputs])
    variance = (scale**2 * np.exp(logs)).mean(axis=0) + means.var(axis=0)
    return means.mean(axis=0), np.sqrt(variance)


def record(
    catalogue: LinkInputs, land: xr.Dataset, config: Config, networks: list[ScaledNetwork]
) -> xr.Dataset:
    """The whole record: `value`, `std`, `climatology` (time, cell)."""
    spec = config.predict_of(LINK)
    own, cells, parts = spec.sensors[0], land["cell"].values, []
    columns = input_columns(feature_names(catalogue, spec, own))
    average = footprint_average(spec.footprint, cells)
    for year in catalogue.years(own.baseline, own.inputs[0].source):
        starts = window_starts(year, spec.window_days)
        given = feature_block(catalogue, spec, own, land, starts, slice(0, len(cells)))
        there = given.complete
        average_columns(given.values, columns, average)
        layers = {name: np.full(there.shape, np.nan, np.float32) for name in ("value", "std")}
        mean, layers["std"][there] = applied(networks, given.values[there])
        cycle = given.target_cycle[..., 0]
        layers["value"][there] = mean + cycle[there]
        laid = {name: (("time", "cell"), v) for name, v in {**layers, "climatology": cycle}.items()}
        parts.append(xr.Dataset(laid, {"time": starts.astype("datetime64[ns]")}))
    return xr.concat(parts, "time").assign_coords(cell=cells)


def main() -> None:
    """Print the measures of the heads beside those of the run's product."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config = load_config(CONFIGS).model_copy(update={"seed": options.seed})
    land = io.read(options.run / "results" / "domain.nc").load()
    truth = io.read(options.run / "data" / "truth.nc")
    catalogue = open_inputs(*files(options.run, config, LINK), land)
    average = footprint_average(config.links[LINK].footprint, land["cell"].values)
    samples = draw_samples(catalogue, land, config.samples_of(LINK), average)
    networks = [trained(samples, config, member) for member in range(options.members)]
    heads = vod_summary(record(catalogue, land, config, networks), land, truth, config, LINK)
    table = {"variance head": heads, "fitted variance": read_measures(options.run)}
    print(pd.DataFrame(table).dropna().round(3).to_string())


if __name__ == "__main__":
    main()
