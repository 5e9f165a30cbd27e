"""A simulated Earth with a known truth.

In: a box, years and a seed. Out: the truth, and granules in the native formats of the real
sources. Only `glab.steps` uses this package. Nothing of the truth enters the training of a product
(docs/simulated_earth.md).

Read in this order: world (land, climate, weather, vegetation, long-term change, the truth),
instruments (orbits, footprints, noise, retrievals), formats (native files), granules (a year of a
source).
"""
