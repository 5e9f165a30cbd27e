"""Turn multi-angular SMOS TB into 40° TB, and 40° TB into soil moisture and VOD.

In: year files of SMOS TB and of surface temperatures, and the static maps of the domain. Out: 40°
TB with its standard error and TB-RMSE; soil moisture and VOD with standard errors and flags.

Read in this order: scene (ground, sky, overpasses, scene flags), angles (bins and their weights),
tb40, prior (VOD before the second run), retrieve. The radiative transfer model is glab.lmeb; the
method is in docs/science.md, section 4.
"""
