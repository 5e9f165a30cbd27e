"""The simulated instruments.

In: a `World`. Out: observations with the footprint, passes and errors of each instrument.

Read in this order: orbits (missions and passes), smos, smap, microwave (TB at the frequencies of
AMSR), amsr, products (retrievals and reanalysis), stations.
"""
