"""Residuals to networks to predictions.

In: residuals and seasonal cycles of a link's inputs and target. Out: samples, networks, the
calibrated spread, predictions.

Read in this order: inputs (open residuals and cycles, match footprints), columns (what a column of
a feature vector is), features (the feature vector), samples, network (one network and an
ensemble), rebasing (samples relative to other years and cells), train, calibrate, predict.
"""
