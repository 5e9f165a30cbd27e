"""Derive a variable from others of its source, before its seasonal cycle is fitted.

`series.derive: {tb_pr: polarisation_ratio}` of a source adds the variable `tb_pr` to its series.
Seasonal cycle, residuals, running means and features of a link follow as for any other variable.
A new derivation is a function, an entry in `DERIVATIONS` and a declaration in `glab.variables`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from glab.errors import GlabError, unknown_name
from glab.variables import lookup


@dataclass(frozen=True)
class Derivation:
    """How a variable is derived.

    Attributes:
        inputs: variables of the source, the arguments of `compute`.
        units: of the result.
        compute: values (time, cell[, channel]) → values (time, cell[, frequency]).
    """

    inputs: tuple[str, ...]
    units: str
    compute: Callable[..., xr.DataArray]


def polarisation_ratio(tb: xr.DataArray) -> xr.DataArray:
    """Return the polarisation ratio (TB_V − TB_H) / (TB_V + TB_H) of each frequency.

    The ratio does not depend on the physical temperature where soil and canopy have the same, and
    decreases with vegetation. It is the microwave polarisation difference index (MPDI) of Owe et
    al. (2001), doi:10.1109/36.942542.

    Args:
        tb: brightness temperature in K, (time, cell, channel), NaN where missing.

    Returns:
        dimensionless, (time, cell, frequency); without `frequency` if the channels are h and v.
    """
    vertical, horizontal = split_polarisations(tb)
    return (vertical - horizontal) / (vertical + horizontal)


def polarisation_difference(tb: xr.DataArray) -> xr.DataArray:
    """Return the polarisation difference TB_V − TB_H of each frequency.

    Args:
        tb: brightness temperature in K, (time, cell, channel), NaN where missing.

    Returns:
        in K, (time, cell, frequency); without `frequency` if the channels are h and v.
    """
    vertical, horizontal = split_polarisations(tb)
    return vertical - horizontal


def split_polarisations(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the vertical and the horizontal polarisation of the frequencies that have both.

    Args:
        values: (…, channel), channels named by frequency and polarisation: 10h, 10v, … or h, v.

    Returns:
        two arrays with a dimension `frequency` ("10", …) in place of `channel`; without it if the
        channels have no frequency in their names.

    Raises:
        GlabError: for values without such a pair.
    """
    names = values["channel"].values.astype(str).tolist() if "channel" in values.dims else []
    frequencies = [name[:-1] for name in names if name.endswith("h") and f"{name[:-1]}v" in names]
    if not frequencies:
        raise GlabError(
            "no pair of polarisations to derive a variable from",
            variable=str(values.name),
            found=names or "no dimension 'channel'",
            expected="channels such as 10h and 10v, or h and v",
            remedy="leave the channel out of series.select",
        )
    if frequencies == [""]:
        vertical, horizontal = (
            values.isel(channel=names.index(polarisation), drop=True) for polarisation in "vh"
        )
        return vertical, horizontal
    vertical, horizontal = (
        values.isel(channel=[names.index(f"{f}{polarisation}") for f in frequencies])
        .rename(channel="frequency")
        .assign_coords(frequency=frequencies)
        for polarisation in "vh"
    )
    return vertical, horizontal


DERIVATIONS: dict[str, Derivation] = {
    "polarisation_ratio": Derivation(("tb",), "1", polarisation_ratio),
    "polarisation_difference": Derivation(("tb",), "K", polarisation_difference),
}
"""Names that `series.derive` can use."""


def find_derivation(name: str) -> Derivation:
    """Return a derivation by its name.

    Raises:
        GlabError: for an unknown name; it suggests the nearest.
    """
    if name not in DERIVATIONS:
        raise unknown_name("derivation", name, DERIVATIONS, variable="series.derive")
    return DERIVATIONS[name]


def derive_variable(name: str, how: str, values: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Derive one variable from variables of the same source.

    Args:
        name: of the derived variable, as declared in `glab.variables`.
        how: name of the derivation.
        values: by name, at least the inputs of the derivation, NaN where missing.

    Returns:
        float32; NaN where an input is missing or the result outside the declared valid range.

    Raises:
        GlabError: for an unknown derivation, an undeclared variable, a name that an input has, and
            a variable declared in another unit.
    """
    derivation, declared = find_derivation(how), lookup(name)
    if name in values or declared.units != derivation.units:
        raise GlabError(
            f"{how!r} cannot give the variable {name!r}",
            variable="series.derive",
            found=f"{name} in {declared.units}",
            expected=f"another variable than {', '.join(values)}, in {derivation.units}",
            remedy="declare a variable of that unit in glab.variables",
        )
    derived = derivation.compute(*(values[key] for key in derivation.inputs))
    low, high = declared.valid_range or (-np.inf, np.inf)
    return derived.where((derived >= low) & (derived <= high)).astype(np.float32).rename(name)
