"""One step a stage: open files, call pure functions, write.

A step is a function of paths and settings. It runs from Python, from `glab <stage>` and from
Snakemake. No step imports another step.
"""
