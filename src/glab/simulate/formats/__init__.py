"""Writers of native files, one module per format (docs/science.md, section 6).

In: a `World`. Out: one year of granules of a source in an existing folder. Each writer observes the
world with its instrument, then writes the observations.
"""
