"""Granules to values on the domain's cells.

In: granules (glab.readers) and the domain. Out: `results/domain.nc` and one file a source-year,
(time, cell, further dimensions), quality-controlled.

Read in this order: domain (land cells and maps of the ground), quality (rules, and the report of
what was left out), weights (separable and sparse weights), kernels (compiled loops), regridder
(weights applied with gaps), on_domain (one granule onto the cells), year (granules of a year
merged into days), footprint (fields averaged to a coarser footprint and back).
"""
