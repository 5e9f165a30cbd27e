"""CPU time of short jobs on the globe, and disk of every stage: from a finished demonstration.

    make demo
    python benchmarks/cluster_jobs.py runs/demo

Times: the stages that are quick on the demonstration run on it, and on a box ten degrees wide with
the same values side by side. A line through the two gives the job's cost on all land cells (a tile
is a tile everywhere). Disk: bytes a cell and year of each stage's files, times the cells and years
of the global run.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from glab.config import Config, load_config
from glab.io.files import Provenance, read, write

ROOT = Path(__file__).parents[1]
CONFIGS = [ROOT / "config/config.yaml", ROOT / "config/demo.yaml"]
LAND_CELLS = 233_516  # of the globe's domain
TILE_CELLS = 8_192
YEAR = 2016
BASELINE = {"amsr2": range(2013, 2018), "vod": range(2015, 2018)}
FILES = [
    *(
        f"regrid/{source}/{year}.nc"
        for source in ("amsr2", "surface")
        for year in BASELINE["amsr2"]
    ),
    *(f"compose/{year}.nc" for year in BASELINE["vod"]),
    *(
        f"{stage}/{YEAR}.nc"
        for stage in ("tb40", "retrieve", "predict/amsr_smos", "predict/tb_vod")
    ),
]


def widened(run: Path, wide: Path) -> Config:
    """Write the demonstration's files for a wider box, its values repeated; its configuration."""
    overlay = wide / "wide.yaml"
    box = yaml.safe_load(CONFIGS[1].read_text())["domain"]["box"] | {"east": 30.0}
    overlay.write_text(yaml.safe_dump({"domain": {"box": box, "tiles": 2}}))
    config = load_config([*CONFIGS, overlay])
    glab(wide, "domain", config.domain_of(), output="domain.nc")
    cells = read(wide / "results/domain.nc")["cell"]
    for name in FILES:
        values = read(run / "results" / name)
        repeated = values.isel(cell=np.arange(cells.size) % values.sizes["cell"])
        made_by = Provenance("regrid")
        write(repeated.assign_coords(cell=cells), wide / "results" / name, made_by)
    return config


def glab(folder: Path, stage: str, settings: object, **options: object) -> float:
    """Run a stage in `folder/results`; CPU seconds that it took."""
    command = [str(Path(sys.executable).with_name("glab")), stage]
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        command += [f"--{name}", *map(str, values)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    given = ["--settings", settings.model_dump_json()]  # type: ignore[attr-defined]
    subprocess.run([*command, *given], cwd=folder / "results", check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(folder: Path, config: Config) -> dict[str, float]:
    """CPU seconds of one job of each quick stage on the files of a folder."""
    tiles = range(config.domain.tiles)

    def years(stage: str, baseline: str) -> list[str]:
        return [f"{stage}/{year}.nc" for year in BASELINE[baseline]]

    def cycle(source: str, baseline: str, stage: str) -> tuple[list[str], float]:
        files = [f"climatology/{baseline}/{source}/{tile}.nc" for tile in tiles]
        given = {
            "years": years(stage, baseline),
            "surface": years("regrid/surface", baseline),
            "domain": "domain.nc",
        }
        settings = config.climatology_of(source, baseline)
        took = [
            glab(folder, "climatology", settings, **given, tile=tile, output=file)
            for tile, file in zip(tiles, files)
        ]
        return files, took[0]

    def less_cycle(source: str, stage: str, files: list[str], output: str) -> float:
        given = {"surface": f"regrid/surface/{YEAR}.nc", "domain": "domain.nc", "output": output}
        values = f"{stage}/{YEAR}.nc"
        settings = config.residuals_of(source)
        return glab(folder, "residuals", settings, values=values, climatology=files, **given)

    def formatted(name: str, *layers: str) -> float:
        given = {"domain": "domain.nc", "year": YEAR, "output": f"product/{name}/{YEAR}.nc"}
        return glab(folder, "product", config.product_of(name), layers=[*layers], **given)

    took = {}
    amsr2, took["climatology of AMSR2, one tile"] = cycle("amsr2", "amsr2", "regrid/amsr2")
    composed, took["climatology of GLAB-TB, one tile"] = cycle("compose", "vod", "compose")
    output = f"residuals/amsr2/amsr2/{YEAR}.nc"
    took["residuals of AMSR2"] = less_cycle("amsr2", "regrid/amsr2", amsr2, output)
    left = f"residuals/vod/compose/{YEAR}.nc"
    took["residuals of GLAB-TB"] = less_cycle("compose", "compose", composed, left)
    took["compose"] = glab(
        folder,
        "compose",
        config.compose_of(),
        predictions=f"predict/amsr_smos/{YEAR}.nc",
        references=f"tb40/{YEAR}.nc",
        surface=f"regrid/surface/{YEAR}.nc",
        domain="domain.nc",
        year=YEAR,
        output=f"compose/{YEAR}.nc",
    )
    took["product glab_tb"] = formatted("glab_tb", f"compose/{YEAR}.nc", left)
    took["product glab_vod"] = formatted("glab_vod", f"predict/tb_vod/{YEAR}.nc")
    took["product smos_ib"] = formatted("smos_ib", f"tb40/{YEAR}.nc", f"retrieve/{YEAR}.nc")
    return took


def planned_files() -> Counter[str]:
    """Files of the global run by folder, from Snakemake's plan of it."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--summary",
        "--snakefile",
        str(ROOT / "Snakefile"),
    ]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [*command, "--directory", empty], capture_output=True, text=True, check=True
        )
    names = (line.partition("\t")[0] for line in done.stdout.splitlines())
    return Counter(str(Path(name).parent) for name in names if name.startswith("results/"))


def disk(run: Path, cells: int) -> dict[str, float]:
    """GB of each folder of the global run: as many bytes a cell and file as in a finished run."""
    planned = planned_files()
    gigabytes = {}
    for folder in sorted({path.parent for path in (run / "results").rglob("*.nc")}):
        name = str(folder.relative_to(run))
        files = list(folder.glob("*.nc"))
        bytes_a_cell = sum(file.stat().st_size for file in files) / len(files) / cells
        n_globe = 1 if name.startswith("results/climatology") else planned[name]
        gigabytes[name] = bytes_a_cell * LAND_CELLS * n_globe / 1e9
    whole = load_config(CONFIGS[:1])
    gigabytes["results/samples"] = sum(
        file.stat().st_size / read(file).sizes["sample"] * whole.links[file.stem].samples_max / 1e9
        for file in (run / "results/samples").glob("*.nc")
    )
    return gigabytes


def main(run: Path) -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(dir=run.parent) as place:
        narrow, wide = Path(place, "narrow"), Path(place, "wide")
        (wide / "results").mkdir(parents=True)
        for name in ["domain.nc", *FILES]:
            (narrow / "results" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(run / "results" / name, narrow / "results" / name)
        config = widened(run, wide)
        few, many = (sizes(folder) for folder in (narrow, wide))
        short, long = timed(narrow, load_config(CONFIGS)), timed(wide, config)
    print("CPU seconds of a job on", few["cells"], "cells, on", many["cells"], "and on the globe:")
    for job, seconds in short.items():
        by = "tile" if "tile" in job else "cells"
        slope = (long[job] - seconds) / (many[by] - few[by])
        globe = seconds + slope * ((TILE_CELLS if by == "tile" else LAND_CELLS) - few[by])
        print(f"{job:32} {seconds:6.1f} {long[job]:6.1f} {globe:6.0f}")
    print("GB of the global run:")
    for name, size in disk(run, few["cells"]).items():
        print(f"{name:40} {size:8.2f}")


def sizes(folder: Path) -> dict[str, int]:
    """Cells of a folder's domain, and of its first tile."""
    domain = read(folder / "results/domain.nc")
    return {"cells": domain.sizes["cell"], "tile": int((domain["tile"] == 0).sum())}


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
