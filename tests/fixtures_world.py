"""A small simulated world for the tests of `glab.simulate`."""

from functools import cache

from glab.config import Box, Simulate
from glab.simulate.world import World, simulate_truth, world_of

SAVANNA = Box(west=20.0, east=22.0, south=5.0, north=7.0)
MERIDIAN = Box(west=20.0, east=20.3, south=-35.0, north=70.0)


@cache
def truth_of(box=SAVANNA, first_year=2010, last_year=2012, **settings):
    """Return settings, truth and static maps of a world, drawn once."""
    settings = Simulate(box=box, first_year=first_year, last_year=last_year, **settings)
    return settings, *simulate_truth(settings)


@cache
def year_of(year, **settings) -> World:
    """Return one year of the world in the savanna."""
    settings, truth, _ = truth_of(**settings)
    return world_of(truth, settings, year)
