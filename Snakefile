"""GLAB: long-term L-band brightness temperature and vegetation optical depth.

data/{source}/{year}/manifest.json             granules of a source-year
results/domain.nc                              land cells, tiles, static layers
results/regrid/{source}/{year}.nc              values on the domain, with quality control
results/climatology/{baseline}/{source}/{tile}.nc
results/residuals/{baseline}/{source}/{year}.nc
results/samples/{link}.nc                      inputs and targets of the training years
results/train/{link}/{member}/                 one network: network.safetensors, network.json
results/calibrate/{link}.nc
results/predict/{link}/{year}.nc
results/compose/{year}.nc                      L-band TB of reference and networks
results/tb40/{year}.nc, results/retrieve/{year}.nc
results/product/{product}/{year}.nc
results/publish/{product}.zarr
results/evaluate/, results/report/index.html
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.source_path("config/config.yaml")


container: "docker://condaforge/miniforge3"


include: "rules/common.smk"
include: f"rules/{RUN.archive}.smk"
include: "rules/domain.smk"
include: "rules/regrid.smk"
include: "rules/climatology.smk"
include: "rules/residuals.smk"
include: "rules/samples.smk"


if TAKEN_FROM is None:

    include: "rules/train.smk"


include: "rules/calibrate.smk"
include: "rules/predict.smk"
include: "rules/tb40.smk"
include: "rules/retrieve.smk"
include: "rules/compose.smk"
include: "rules/product.smk"
include: "rules/publish.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


localrules:
    all,
    products,
    publish,
    manifests,


rule all:
    """Every product and the report."""
    default_target: True
    input:
        rules.report.output,


rule products:
    """Every year of every product."""
    input:
        all_product_files(),


rule manifests:
    """The manifest of every source-year, used or not."""
    input:
        manifests(),
