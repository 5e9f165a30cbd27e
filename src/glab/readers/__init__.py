"""Native files: one module per format, from a file to its canonical variables.

In: a granule of a data centre. Out: a dataset with dimensions out of overpass, angle, channel,
time, y, x; coordinates `lat` and `lon` (1-D on rectilinear grids, else 2-D with projected `x`, `y`
and the attribute `crs`); the attribute `date` where the granule is one day. Values are float32,
NaN where missing, rows and columns as in the file. Quality variables are included; no threshold
is applied here.

Read in this order: formats (find and call a reader), naming (names and times), one format
(smos_l3, amsre, …), then the helpers: native (open and decode), granule (datasets and their
coordinates), raster, retrieval, surface. acquire writes the manifest of a filled archive.
"""
