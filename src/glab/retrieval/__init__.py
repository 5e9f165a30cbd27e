"""Multi-angular SMOS TB to 40° TB to soil moisture and VOD.

In: year files of SMOS TB and of surface temperatures, and the domain's ground. Out: 40° TB with
its error and TB-RMSE; soil moisture, VOD, their errors and flags.

Read in this order: angles (bins and weights), scene (ground, sky, overpasses), tb40, retrieve,
flags. The radiative-transfer model itself is glab.lmeb.
"""
