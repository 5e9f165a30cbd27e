"""Values to seasonal cycles, residuals and running means.

In: year files of a source on the domain. Out: the coefficients of its seasonal cycle over a
baseline, a file a tile; residuals (value minus cycle), a file a year.

Read in this order: series (one overpass and angle, masked), derive (variables from others of a
source), cycles (fit and evaluate on a tile), harmonics and sine (the two forms), residuals, running
(gap-aware means).
"""
