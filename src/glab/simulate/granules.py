"""One year of one source: what the instrument sees, written as its granules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from glab.calendar import annual_phase
from glab.errors import unknown_name
from glab.simulate.formats import amsr2 as native_amsr2
from glab.simulate.formats import amsre as native_amsre
from glab.simulate.formats import gridded as native_gridded
from glab.simulate.formats import smos as native_smos
from glab.simulate.formats.amsr2 import tai93
from glab.simulate.instruments import amsr, orbits, smos
from glab.simulate.instruments.reanalysis import reanalysis
from glab.simulate.instruments.retrievals import (
    YearOfRetrievals,
    casm,
    slow_parts,
    smap_ib,
    smos_ic,
    smosmap_ib,
)
from glab.simulate.world.fields import stream
from glab.simulate.world.world import World

OVERPASSES = ("A", "D")


def write_smos_l3(world: World, truth: xr.Dataset, folder: Path) -> None:
    """SMOS level-3 TB: a file a day and overpass."""
    layout = native_smos.tb_layout(world.land)
    for overpass in world.settings.smos_overpasses:
        for flight in smos.overflights(world, overpass):
            native_smos.write_tb(layout, folder, world.land, world.days[flight.day], flight)


def write_smos_ic(world: World, truth: xr.Dataset, folder: Path) -> None:
    """SMOS-IC: a file a day and overpass."""
    layout = native_smos.ic_layout(world.land)
    for overpass in world.settings.smos_overpasses:
        for retrieval in smos_ic(world, overpass):
            day = world.days[retrieval.day]
            native_smos.write_ic(layout, folder, world.land, day, retrieval)


def write_amsre(world: World, truth: xr.Dataset, folder: Path) -> None:
    """AMSR-E: a file a day with both overpasses."""
    sensor = amsr.sensor_of("amsre", world)
    template = native_amsre.template_of(sensor.window)
    lat, lon = sensor.window.centres
    tb = {o: amsr.calibrated(sensor, amsr.clean_tb(sensor, o)) for o in OVERPASSES}
    days = len(world.days)
    view = {
        o: orbits.nearest_views(amsr.ORBITS["amsre"], o, world.year, days, lat, lon)
        for o in OVERPASSES
    }
    shape = sensor.window.shape
    for day in np.flatnonzero(amsr.working_days(sensor)):
        date, seen = world.days[day], {}
        for overpass in OVERPASSES:
            passed = np.isfinite(view[overpass].away_km[day])
            generator = stream(world.settings.seed, "amsre", overpass, str(date))
            good = generator.random(len(lat)) >= native_amsre.BAD_FRACTION
            blank = np.where(passed & sensor.land & good, 0.0, np.nan)
            seen[overpass] = native_amsre.Seen(
                tb_k=(tb[overpass][day] + amsr.noise(generator, len(lat)) + blank).reshape(
                    -1, *shape
                ),
                swath=passed.reshape(shape),
                time=tai93(date, view[overpass].hour[day]).reshape(shape),
            )
        if any(one.swath.any() for one in seen.values()):
            template.write(folder / native_amsre.granule_name(date), seen)


def write_amsr2(world: World, truth: xr.Dataset, folder: Path) -> None:
    """AMSR2: a file for every half orbit that sees land of the box."""
    sensor = amsr.sensor_of("amsr2", world)
    lat, lon = (axis[sensor.land] for axis in sensor.window.centres)
    place = np.flatnonzero(sensor.land)
    row, col = np.divmod(place, sensor.window.shape[1])
    row, col = row + sensor.window.row0, col + sensor.window.col0
    orbit, working = amsr.ORBITS["amsr2"], amsr.working_days(sensor)
    quarter = 6.0 / orbit.orbits_per_day
    for overpass in OVERPASSES:
        tb = amsr.calibrated(sensor, amsr.clean_tb(sensor, overpass))[:, :, place]
        found = orbits.passes(orbit, overpass, world.year, lat, lon, by_start=True)
        node_lon, _ = orbits.node(orbit, overpass, found.number)
        since = orbits.track(orbit, overpass, lat)[1] + quarter
        for number, day, lon0, start in zip(found.number, found.day, node_lon, found.start_hour):
            away = abs(orbits.distance_km(orbit, overpass, lon0, lat, lon))
            seen = np.flatnonzero(away < orbit.half_swath_km)
            if not working[day] or not seen.size:
                continue
            purpose = ("amsr2", overpass, int(number))
            noise = amsr.noise(stream(world.settings.seed, *purpose), seen.size)
            date = world.days[day]
            time = tai93(date, start + since[seen])
            table = native_amsr2.records(
                time, lat[seen], lon[seen], row[seen], col[seen], tb[day][:, seen] + noise
            )
            native_amsr2.write(folder / native_amsr2.granule_name(date, start, overpass), table)


def write_smap_ib(world: World, truth: xr.Dataset, folder: Path) -> None:
    """SMAP-IB: a file a day."""
    _write_retrievals(world, smap_ib(world), "SMAP-IB", folder / "IB_SM_CDF3AM_{day}_V1.nc")


def write_smosmap_ib(world: World, truth: xr.Dataset, folder: Path) -> None:
    """SMOSMAP-IB: a file a day."""
    _write_retrievals(world, smosmap_ib(world), "SMOSMAP-IB", folder / "SMOSMAP-IB_{day}.nc")


def _write_retrievals(world: World, year: YearOfRetrievals, title: str, names: Path) -> None:
    """Every day on which anything was retrieved; `names` holds `{day}`."""
    layout = native_gridded.retrieval_layout(year.window, title)
    for day in np.flatnonzero(np.isfinite(year.vod).any(axis=1)):
        stamp = str(world.days[day]).replace("-", "")
        path = names.with_name(names.name.format(day=stamp))
        native_gridded.write_retrieval(layout, path, year, int(day))


def write_casm(world: World, truth: xr.Dataset, folder: Path) -> None:
    """CASM: one file."""
    days = truth["time"].values.astype("datetime64[D]")
    cycle, slow = slow_parts(truth["soil_moisture"].values, annual_phase(days))
    inside = np.isin(days, world.days)
    fields = casm(world, cycle[inside], slow[inside])
    if len(fields.days):
        native_gridded.write_casm(folder / f"CASM_SM_{world.year}.nc", world.land, fields)


def write_surface(world: World, truth: xr.Dataset, folder: Path) -> None:
    """The reanalysis: a file a month."""
    native_gridded.write_reanalysis(folder, reanalysis(world))


SOURCES: dict[str, Callable[[World, xr.Dataset, Path], None]] = {
    "smos_l3": write_smos_l3,
    "smos_ic": write_smos_ic,
    "amsre": write_amsre,
    "amsr2": write_amsr2,
    "smap_ib": write_smap_ib,
    "smosmap_ib": write_smosmap_ib,
    "casm": write_casm,
    "surface": write_surface,
}


def write_granules(source: str, world: World, truth: xr.Dataset, folder: Path) -> None:
    """Write one year of a source into an existing folder; a year without data leaves it empty.

    Raises:
        GlabError: for a source that is not simulated.
    """
    if source not in SOURCES:
        raise unknown_name("simulated source", source, SOURCES)
    SOURCES[source](world, truth, folder)
