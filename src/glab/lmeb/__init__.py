"""The physics: soil permittivity, L-band emission (L-MEB), and its inversion. Opens no files."""

from glab.lmeb.dielectric import permittivity_mironov2009, permittivity_mironov2013
from glab.lmeb.emission import brightness_temperature
from glab.lmeb.inversion import invert
from glab.lmeb.surface import fresnel_reflectivity, rough_reflectivity
from glab.lmeb.temperature import effective_temperature, sky_temperature

__all__ = [
    "brightness_temperature",
    "effective_temperature",
    "fresnel_reflectivity",
    "invert",
    "permittivity_mironov2009",
    "permittivity_mironov2013",
    "rough_reflectivity",
    "sky_temperature",
]
