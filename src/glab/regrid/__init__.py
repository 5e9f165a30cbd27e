"""Put granules onto the domain's cells.

In: granules (glab.readers) and the domain. Out: `results/domain.nc`, one file per source-year,
(time, cell, further dimensions), quality-controlled, and the report of the granules used.

Read in this order: domain (land cells and maps of the ground), land (the land mask), archive
(granules of a year and the report), year (granules merged into days), on_domain (one granule onto
the cells), quality and rules (masks), regridder (weights applied with gaps), weights (separable and
sparse weights), kernels (compiled loops), footprint (fields averaged to a coarser footprint).
"""
