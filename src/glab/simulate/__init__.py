"""A simulated Earth with a known truth.

In: a box, years and a seed. Out: the truth, and granules in the native formats of the real
sources. Only `glab.steps` uses this package; nothing of it enters training.

Read in this order: world (land, climate, weather, vegetation, change, the truth), instruments
(orbits, footprints, noise, retrievals), formats (native files), granules (a source-year).
"""
