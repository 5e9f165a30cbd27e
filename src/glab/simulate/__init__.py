"""The simulated Earth: a world whose truth is known, and the satellites that look at it.

An observing-system simulation experiment (OSSE). `truth.simulate_truth` makes daily vegetation,
soil moisture and temperatures on real land cells; the instruments (`smos`, `amsr`, `retrievals`,
`reanalysis`) look at it with their own footprints, swaths and errors; `native_*` modules write
their granules. Every random number comes from `seeds.stream`, so that jobs may run in any order.
"""
