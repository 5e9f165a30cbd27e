"""One year of a world as the instruments meet it: daily truth, static maps, settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from glab.calendar import days_of_year
from glab.config import Simulate
from glab.errors import GlabError
from glab.simulate.world.box import Land, land_from
from glab.simulate.world.climate import Setting, setting_of
from glab.simulate.world.fields import Weather
from glab.simulate.world.surface import Patches, patches_of


@dataclass(frozen=True)
class World:
    """A year of the true state.

    Attributes:
        settings: of the simulated Earth.
        year: calendar year.
        land: the cells.
        daily: daily fields, each of shape (day of the year, cell), float32.
    """

    settings: Simulate
    year: int
    land: Land
    daily: dict[str, np.ndarray]

    @cached_property
    def days(self) -> np.ndarray:
        """The days of the year, datetime64."""
        return days_of_year(self.year)

    @cached_property
    def weather(self) -> Weather:
        """The maker of the world's random maps, and of errors that have its geometry."""
        return Weather(self.settings.seed, self.land.row, self.land.col, len(self.days))

    @cached_property
    def setting(self) -> Setting:
        """Static maps, drawn again from the world's seed."""
        return setting_of(self.weather, self.land.lat, self.land.fraction)

    @cached_property
    def patches(self) -> Patches:
        """True parameters within cells, drawn again from the world's seed."""
        return patches_of(self.weather, self.setting, matched=self.settings.matched_physics)

    def surface_k(self, local_hour: float) -> np.ndarray:
        """Surface temperature at a local solar hour, K, shape (day, cell)."""
        cool, warm = self.daily["t_surface_0600"], self.daily["t_surface_1330"]
        if local_hour == 1.5:
            return self.daily["t_surface_0130"]
        if local_hour == 13.5:
            return warm
        share = {6.0: 0.0, 18.0: 0.5}[local_hour]
        return cool + np.float32(share) * (warm - cool)


def world_of(truth: xr.Dataset, settings: Simulate, year: int) -> World:
    """Take one year out of the truth.

    Raises:
        GlabError: for a year that the truth does not hold.
    """
    days = days_of_year(year)
    inside = np.isin(truth["time"].values.astype("datetime64[D]"), days)
    if inside.sum() != len(days):
        raise GlabError(
            "the truth does not hold this year",
            variable="simulate.first_year, last_year",
            found=year,
            expected=f"{truth['time'].values[0]} … {truth['time'].values[-1]}",
        )
    part = truth.isel(time=np.flatnonzero(inside))
    daily = {
        str(name): field.values for name, field in part.data_vars.items() if "time" in field.dims
    }
    land = land_from(settings.box, truth["cell"].values, truth["land_fraction"].values)
    return World(settings, year, land, daily)
