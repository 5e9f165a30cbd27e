"""The configuration, wildcard constraints, and the few helpers that rules share."""

import inspect
import os
import sys

from glab.config import config_from
from glab.config import plan
from glab.fingerprint import code_print

RUN = config_from(config)
TILES = range(RUN.domain.tiles)
STATIONS = f"{plan.station_archive(RUN)}/manifest.json"

# Networks: trained by this run, or there already, in its own folder or in another run's.
TAKEN_FROM = RUN.train.from_
KEPT = TAKEN_FROM is None or os.path.realpath(TAKEN_FROM) == os.getcwd()
NETWORKS = "results/train" if KEPT else f"{TAKEN_FROM}/results/train"
if TAKEN_FROM is not None and not os.path.isdir(NETWORKS):
    raise WorkflowError(f"train.from: no networks in {NETWORKS}; its path starts in {os.getcwd()}")

# The environment that runs Snakemake runs the jobs, activated or not. The threads of numba follow
# a rule's `threads`; Snakemake itself sets the variables of the other libraries.
os.environ.update(PATH=os.path.dirname(sys.executable) + os.pathsep + os.getenv("PATH", ""))
shell.prefix("set -euo pipefail; export NUMBA_NUM_THREADS=$OMP_NUM_THREADS; ")


wildcard_constraints:
    source="|".join(RUN.sources),
    baseline="|".join(RUN.baselines),
    link="|".join(RUN.links),
    product="|".join(RUN.products),
    year=r"\d{4}",
    member=r"\d+",
    tile=r"\d+",


# Paths.


def year_file(source, year):
    """Year file of a source: of `regrid`, or of the stage that the source is."""
    stage = RUN.sources[source].stage
    folder = stage if source == stage else f"{stage}/{source}"
    return f"results/{folder}/{year}.nc"


def year_files(source, years):
    """Year files of a source, for those of the years that it has; none for no source."""
    return [year_file(source, y) for y in plan.years_with(RUN, source, [int(y) for y in years])]


def reference_files(year):
    """Year files of the L-band references that have this year."""
    return [path for source in RUN.compose.references for path in year_files(source, [year])]


def frozen_files(years):
    """Year files of the source that says where the ground is frozen."""
    return year_files(RUN.mask.frozen_source, years)


def overpass_files(year):
    """Year files of the sources that hold the temperatures at each overpass of SMOS."""
    sources = [source for source in RUN.tb40.surface.values() if source in RUN.sources]
    return [path for source in sources for path in year_files(source, [year])]


def cycle_files(cycles):
    """Climatologies, every tile of each."""
    return [
        f"results/climatology/{baseline}/{source}/{tile}.nc"
        for baseline, source in cycles
        for tile in TILES
    ]


def residual_files(residuals):
    """Residuals of (baseline, source, year)."""
    return [f"results/residuals/{b}/{source}/{year}.nc" for b, source, year in residuals]


def network_files(link):
    """Weights of every member of a link."""
    members = range(RUN.links[link].members)
    return [f"{NETWORKS}/{link}/{member}/network.safetensors" for member in members]


def links_in_use():
    """Links that the products and the controls of this run rest on."""
    made_by = {"glab_tb": RUN.compose.links, "glab_vod": [*RUN.compose.links, "tb_vod"]}
    used = {link for product in RUN.products for link in made_by.get(product, [])}
    return [link for link in RUN.links if link in used | set(RUN.evaluate.controls)]


def curve_files(link):
    """Training curves of every member of a link."""
    return [f"{NETWORKS}/{link}/{m}/curve.csv" for m in range(RUN.links[link].members)]


def start_files(link, member):
    """The network that a link's member starts from, if any."""
    start = RUN.links[link].start_from
    return [] if start is None else network_files(start)[int(member)]


def prediction_files(links, year):
    """A year of those of the links that can predict it."""
    able = [link for link in links if int(year) in plan.link_years(RUN, link)]
    return [f"results/predict/{link}/{year}.nc" for link in able]


def link_files(link):
    """Every year that a link can predict."""
    return [f"results/predict/{link}/{year}.nc" for year in plan.link_years(RUN, link)]


def product_layers(product, year):
    """Year files that a product is formatted from."""
    (cycle,) = [
        c for c in plan.prediction_cycles(RUN, "tb_vod", int(year)) if c.source == "compose"
    ]
    layers = {
        "glab_tb": [
            f"results/compose/{year}.nc",
            f"results/residuals/{cycle.baseline}/compose/{year}.nc",
        ],
        "glab_vod": [f"results/predict/tb_vod/{year}.nc"],
        "smos_ib": [f"results/tb40/{year}.nc", f"results/retrieve/{year}.nc"],
    }
    return layers[product]


def product_files(product):
    """Every year of a product."""
    years = RUN.products[product]
    return [f"results/product/{product}/{year}.nc" for year in range(years.first, years.last + 1)]


def all_product_files():
    """Every year of every product."""
    return [path for product in RUN.products for path in product_files(product)]


def observed_files():
    """Year files of the multi-angular TB that `smos_ib` is judged against."""
    source = RUN.tb40.source if "smos_ib" in RUN.products else None
    return year_files(source, range(RUN.years.first, RUN.years.last + 1))


def map_files():
    """A user's maps of the ground, as far as they are there: the step tells what is missing."""
    maps = [spec.path for spec in RUN.domain_of().maps.values() if spec is not None]
    return [path for path in maps if os.path.exists(path)]


def beside_files():
    """Tables of other runs on the same world, as far as they are there."""
    folders = [folder for folder in RUN.report.beside.values() if folder is not None]
    tables = [f"{f}/results/evaluate/{t}.csv" for f in folders for t in ("skill", "breaks")]
    return [path for path in tables if os.path.exists(path)]


def manifest_file(source, year):
    """The manifest of a source-year: its own, or that of the source whose granules it shares."""
    return f"data/{RUN.sources[source].archive or source}/{year}/manifest.json"


def manifests():
    """The manifest of every year of every source that comes as granules of its own."""
    own = [n for n, s in RUN.sources.items() if s.stage == "regrid" and s.archive is None]
    return [manifest_file(name, year) for name in own for year in RUN.source_years(name)]


def station_files():
    """Table and series of the stations, where a run looks at any."""
    judged = RUN.evaluate.stations is not None and "smos_ib" in RUN.products
    return ["results/evaluate/stations.csv", "results/evaluate/stations.nc"] if judged else []


# Parameters and resources.


def settings_of(stage, **known):
    """What gives a stage's settings as JSON: its slice for the wildcards, or its whole section."""
    slice_of = getattr(RUN, f"{stage}_of", lambda: getattr(RUN, stage))
    names = inspect.signature(slice_of).parameters
    return lambda wildcards: slice_of(
        **{name: known.get(name, wildcards.get(name)) for name in names}
    ).model_dump_json()


def code_of(stage, with_reader=False):
    """Print of the code that a stage runs, and of the one reader that it loads by name."""
    if with_reader:
        return lambda wildcards: code_print(
            f"steps.{stage}", f"readers.{RUN.sources[wildcards.source].reader}"
        )
    return lambda wildcards: code_print(f"steps.{stage}")


def given(*names):
    """The options for inputs that may be missing, as far as they are there."""
    return lambda wildcards, input: " ".join(
        f"--{name} {input[name]}" for name in names if input.get(name)
    )


def growing(base, per_tile=0.0, per_input=0.0):
    """A resource that grows with each attempt, tile of the domain and MB of the inputs."""
    size = base + per_tile * RUN.domain.tiles
    if not per_input:
        return lambda wildcards, attempt: round(attempt * size)
    return lambda wildcards, input, attempt: round(attempt * (size + per_input * input.size_mb))
