"""Compute L-band emission with L-MEB and invert it for soil moisture and VOD.

In: numbers and arrays, units in every name and docstring. Out: permittivity, reflectivity,
brightness temperature; soil moisture and VOD with their errors. Opens no files.

Read in this order: dielectric, surface, emission, temperature, landcover (the forward model), cost,
search, inversion. Equations and check values are in docs/science.md, sections 3 and 4.
"""

from glab.lmeb.dielectric import permittivity_mironov2009, permittivity_mironov2013
from glab.lmeb.emission import EmissionParameters, brightness_temperature
from glab.lmeb.inversion import invert
from glab.lmeb.landcover import landcover_parameters
from glab.lmeb.surface import fresnel_reflectivity, rough_reflectivity
from glab.lmeb.temperature import atmosphere, effective_temperature, sky_temperature

__all__ = [
    "EmissionParameters",
    "atmosphere",
    "brightness_temperature",
    "effective_temperature",
    "fresnel_reflectivity",
    "invert",
    "landcover_parameters",
    "permittivity_mironov2009",
    "permittivity_mironov2013",
    "rough_reflectivity",
    "sky_temperature",
]
