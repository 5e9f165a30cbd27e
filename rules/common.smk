"""Configuration, wildcard constraints, and helpers that rules share.

Helpers return paths below the folder of the run, or functions of the wildcards that do.
"""

import functools
import inspect
import os
import re
import shlex
import sys

from glab.config import config_from
from glab.config import plan
from glab.fingerprint import stage_print

RUN = config_from(config)
TILES = range(RUN.domain.tiles)

# Networks of this run, or of another run's folder. KEPT: this run has them or trains them.
TAKEN_FROM = RUN.train.from_
KEPT = TAKEN_FROM is None or os.path.realpath(TAKEN_FROM) == os.getcwd()
NETWORKS = "results/train" if KEPT else f"{TAKEN_FROM}/results/train"
if TAKEN_FROM is not None and not os.path.isdir(NETWORKS):
    raise WorkflowError(f"train.from: no networks in {NETWORKS}, relative to {os.getcwd()}")

# Jobs run in the environment of Snakemake, activated or not. Snakemake sets the number of threads
# of the other libraries; numba has a variable of its own.
os.environ.update(PATH=os.path.dirname(sys.executable) + os.pathsep + os.getenv("PATH", ""))
shell.prefix("set -euo pipefail; export NUMBA_NUM_THREADS=$OMP_NUM_THREADS; ")


def one_of(names):
    """Return a regular expression that matches the names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=one_of(RUN.sources),
    baseline=one_of(RUN.baselines),
    link=one_of(RUN.links),
    product=one_of(RUN.products),
    year=r"\d{4}",
    member=r"\d+",
    tile=r"\d+",
    archive=one_of(plan.station_archives(RUN)),
    name=one_of(RUN.evaluate.against),


# Paths of sources.


def year_file(source, year):
    """Return the year file of a source: of `regrid`, or of the stage that the source is."""
    stage = RUN.sources[source].stage
    folder = stage if source == stage else f"{stage}/{source}"
    return f"results/{folder}/{year}.nc"


def year_files(source, years):
    """Return the year files of a source for the years that it has; none if `source` is None."""
    return [year_file(source, y) for y in plan.years_with(RUN, source, [int(y) for y in years])]


def reference_files(year):
    """Year files of the L-band references that have this year."""
    return [path for source in RUN.compose.references for path in year_files(source, [year])]


def frozen_files(years):
    """Return the year files of the source of frozen ground."""
    return year_files(RUN.mask.frozen_source, years)


def overpass_files(year):
    """Return the year files with temperatures at each overpass of SMOS."""
    sources = [source for source in RUN.tb40.surface.values() if source in RUN.sources]
    return [path for source in sources for path in year_files(source, [year])]


def cycle_files(cycles):
    """Return the climatology files of (baseline, source), one for each tile."""
    return [
        f"results/climatology/{baseline}/{source}/{tile}.nc"
        for baseline, source in cycles
        for tile in TILES
    ]


def residual_files(residuals):
    """Return the files of residuals of (baseline, source, year)."""
    return [f"results/residuals/{b}/{source}/{year}.nc" for b, source, year in residuals]


def manifest_file(source, year):
    """Return the manifest of a source-year: its own, or that of the source whose archive it reads."""
    return f"data/{RUN.sources[source].archive or source}/{year}/manifest.json"


def manifests():
    """Return the manifests of all years of all sources with an archive of their own."""
    own = [n for n, s in RUN.sources.items() if s.stage == "regrid" and s.archive is None]
    return [manifest_file(name, year) for name in own for year in RUN.source_years(name)]


def map_files():
    """Return the static maps of the user that exist; `domain` reports a missing one."""
    maps = [spec.path for spec in RUN.domain_of().maps.values() if spec is not None]
    return [path for path in maps if os.path.exists(path)]


# Paths of links.


def network_files(link):
    """Return the weights of every member of a link."""
    members = range(RUN.links[link].members)
    return [f"{NETWORKS}/{link}/{member}/network.safetensors" for member in members]


def curve_files(link):
    """Return the training curves of every member of a link."""
    return [f"{NETWORKS}/{link}/{m}/curve.csv" for m in range(RUN.links[link].members)]


def start_files(link, member):
    """Return the network from which the training of a member starts, if any."""
    start = RUN.links[link].start_from
    return [] if start is None else network_files(start)[int(member)]


def prediction_files(links, year):
    """Return the predictions of a year, of the links that can predict it."""
    able = [link for link in links if int(year) in plan.link_years(RUN, link)]
    return [f"results/predict/{link}/{year}.nc" for link in able]


def link_files(link):
    """Return the predictions of a link for all years that it can predict."""
    return [f"results/predict/{link}/{year}.nc" for year in plan.link_years(RUN, link)]


# Paths of products and of what they are compared with.


def product_layers(product, year):
    """Return the work files that contain the variables of a product."""
    if product == "smos_ib":
        return [f"results/tb40/{year}.nc", f"results/retrieve/{year}.nc"]
    if product == "glab_vod":
        return [f"results/predict/{RUN.products[product].link}/{year}.nc"]
    baseline = plan.residual_baseline(RUN, int(year))
    return [f"results/compose/{year}.nc", f"results/residuals/{baseline}/compose/{year}.nc"]


def product_files(product):
    """Return all years of a product."""
    years = RUN.products[product]
    return [f"results/product/{product}/{year}.nc" for year in range(years.first, years.last + 1)]


def all_product_files():
    """Return all years of all products."""
    return [path for product in RUN.products for path in product_files(product)]


def observed_files():
    """Return the year files of multi-angular TB with which `smos_ib` is compared."""
    source = RUN.tb40.source if "smos_ib" in RUN.products else None
    return year_files(source, range(RUN.years.first, RUN.years.last + 1))


def set_files(name):
    """Return the files of a validation set that exist or are made by this run."""
    one = RUN.evaluate.against[name]
    if one.kind == "stations":
        available = RUN.archive == "simulate" or os.path.isdir(one.archive)
        return [f"{one.archive}/manifest.json"] if available else []
    if one.source is not None:
        years = RUN.products[one.product]
        return year_files(one.source, range(years.first, years.last + 1))
    if not os.path.isdir(one.path):
        return [one.path] if os.path.exists(one.path) else []
    return sorted(os.path.join(at, file) for at, _, files in os.walk(one.path) for file in files)


def set_data(name):
    """Return what `glab evaluate` reads of a validation set: a folder in place of its files."""
    one = RUN.evaluate.against[name]
    path = one.path if one.kind == "grid" else None
    return set_files(name) if path is None else [path]


def against_files():
    """Return tables and fields of the validation sets with files and a product of this run."""
    sets = RUN.evaluate.against.items()
    names = [name for name, one in sets if one.product in RUN.products and set_files(name)]
    return [f"results/evaluate/against/{name}.{kind}" for name in names for kind in ("csv", "nc")]


def beside_files():
    """Return the tables of other runs on the same world that exist."""
    folders = [folder for folder in RUN.report.beside.values() if folder is not None]
    tables = [f"{f}/results/evaluate/{t}.csv" for f in folders for t in ("skill", "breaks")]
    return [path for path in tables if os.path.exists(path)]


# Parameters and resources.


@functools.cache
def settings_text(stage, *values):
    """Return the settings of a stage as JSON: its slice for some values, or its whole section."""
    slice_of = getattr(RUN, f"{stage}_of", lambda: getattr(RUN, stage))
    return slice_of(*values).model_dump_json()


def settings_of(stage, **known):
    """Return a function that gives the settings of a stage for the wildcards of a job.

    Args:
        stage: name of the stage.
        **known: arguments of the slice that are no wildcards.
    """
    slice_of = getattr(RUN, f"{stage}_of", lambda: None)
    names = list(inspect.signature(slice_of).parameters)
    return lambda wildcards: settings_text(
        stage, *(known.get(name, wildcards.get(name)) for name in names)
    )


def code_of(stage, reader=None, **known):
    """Return a function that gives the print of the code of a stage for the wildcards of a job.

    Args:
        stage: name of the stage.
        reader: function of the wildcards that gives a format of which the stage uses the reader
            although its settings do not name it.
        **known: as for `settings_of`.
    """
    settings = settings_of(stage, **known)
    if reader is None:
        return lambda wildcards: stage_print(stage, settings(wildcards))
    return lambda wildcards: stage_print(stage, settings(wildcards), reader(wildcards))


def given(*names):
    """Return a function that gives the options for those inputs that a job has, quoted."""

    def options(wildcards, input):
        present = {name: input[name] for name in names if input.get(name)}
        files = {n: [p] if isinstance(p, str) else p for n, p in present.items()}
        return " ".join(f"--{name} {shlex.join(paths)}" for name, paths in files.items())

    return options


def growing(base, per_tile=0.0, per_input=0.0):
    """Return a resource that grows with the attempt.

    Args:
        base: amount of the first attempt: MB of memory, or minutes.
        per_tile: additional amount for each tile of the domain.
        per_input: additional amount for each MB of the inputs.
    """
    size = base + per_tile * RUN.domain.tiles
    if not per_input:
        return lambda wildcards, attempt: round(attempt * size)
    return lambda wildcards, input, attempt: round(attempt * (size + per_input * input.size_mb))
