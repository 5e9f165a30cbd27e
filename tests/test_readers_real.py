"""Every real file in GLAB_REAL_DATA that a reader exists for, against its published numbers."""

import os
import struct
import zipfile
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from glab.config import load_config
from glab.errors import GlabError
from glab.grids import M25, M36, from_coordinates, regular
from glab.readers.formats import naming_of, read
from glab.readers.smap_l3 import read_georeference
from glab.regrid.quality import apply_quality_rules

FOLDER = os.environ.get("GLAB_REAL_DATA", "")
CETB = "NSIDC-0630-EASE2_N25km-AQUA_AMSRE-2008278-18H-E-GRD-RSS-v1.0.nc"
GLDAS = "GLDAS_NOAH025_3H.A20150101.0000.021.nc4"
MASK = "Grid_Point_Mask_USGS.nc"
CCI = "ESA-CCI-SOILMOISTURE-LAND_AND_RAINFOREST_MASK-fv05.2.nc"
SMAP = "SC_SPL3SMP_009_prefetch.nc4"
L1C = "SM_REPB_MIR_SCLF1C_20110201T151254_20110201T151308_505_152_1.zip"

pytestmark = pytest.mark.real


@pytest.fixture
def real():
    """Path of a real file; skips where it does not exist."""

    def path_of(name):
        path = Path(FOLDER) / name
        if not FOLDER or not path.is_file():
            pytest.skip(f"GLAB_REAL_DATA lacks {name}")
        return path

    return path_of


def test_cetb_amsre_evening_of_the_north(real):
    granule = read("cetb", real(CETB))
    tb = granule.tb.sel(overpass="descending", channel="18h")
    assert granule.attrs == {"date": "2008-10-04", "crs": "EPSG:6931"}
    assert tb.shape == (720, 720) and tb.dtype == np.float32
    assert int(tb.notnull().sum()) == 305_345
    assert float(tb.min()) == pytest.approx(91.0, abs=0.05)
    assert float(tb.max()) == pytest.approx(289.82, abs=0.005)
    row, col = np.unravel_index(np.nanargmax(tb.values), tb.shape)
    assert float(granule.lat[row, col]) == pytest.approx(45.39, abs=0.005)
    assert float(granule.lon[row, col]) == pytest.approx(-86.01, abs=0.005)
    assert int(granule["count"].notnull().sum()) == 305_345
    assert float(granule.incidence.min()) > 54.5 and float(granule.incidence.max()) < 55.5


def test_cetb_variables_agree_with_the_netcdf_librarys_own_decoding(real):
    path = real(CETB)
    granule = read("cetb", path)
    with netCDF4.Dataset(path) as file:
        for ours, theirs in (
            ("tb", "TB"),
            ("tb_std", "TB_std_dev"),
            ("incidence", "Incidence_angle"),
        ):
            expected = np.ma.filled(file[theirs][0].astype(float), np.nan)
            np.testing.assert_allclose(granule[ours][0, 0], expected, atol=1e-4)


def test_gldas_new_year_2015(real):
    granule = read("gldas", real(GLDAS))
    assert list(granule.time.values) == [np.datetime64("2015-01-01T00:00")]
    with netCDF4.Dataset(real(GLDAS)) as file:
        for name, native in (
            ("t_surface", "SoilTMP0_10cm_inst"),
            ("t_deep", "SoilTMP40_100cm_inst"),
        ):
            low, high = file[native].vmin, file[native].vmax
            assert float(granule[name].min()) == pytest.approx(low, abs=1e-3)
            assert float(granule[name].max()) == pytest.approx(high, abs=1e-3)
    grid = from_coordinates(granule.lat, granule.lon)
    assert grid.shape == (600, 1440) and granule.lat.values[0] == -59.875
    assert 0.0 < float(granule.soil_moisture.min()) < float(granule.soil_moisture.max()) < 0.6
    land = granule.t_surface.notnull()
    assert (land == granule.snow.notnull()).all() and 0.2 < float(land.mean()) < 0.4
    sahara, siberia = (
        granule.isel(y=int(row), x=int(col), time=0)
        for row, col in (grid.index(22.0, 10.0), grid.index(62.0, 110.0))
    )
    assert float(sahara.t_surface) > 275 > float(siberia.t_surface)
    assert float(sahara.snow) == 0 < float(siberia.snow)


def test_smos_land_mask_is_on_m25_from_the_south(real):
    granule = read("map", real(MASK), name="land")
    assert int(granule.land.sum()) == 217_622
    grid = from_coordinates(granule.lat, granule.lon)
    assert grid.name == "M25" and grid.shape == M25.shape and granule.lat.values[0] < 0
    row, col = M25.index(45.0, 5.0)
    assert float(granule.land[583 - row, col]) == 1.0, "the Alps are land"
    row, col = M25.index(0.0, -140.0)
    assert float(granule.land[583 - row, col]) == 0.0, "the Pacific is not"


@pytest.mark.parametrize(
    ("variable", "lat", "lon", "there"),
    [("rainforest", -4.0, -65.0, 1), ("rainforest", 22.0, 10.0, 0), ("land", 22.0, 10.0, 1)],
)
def test_cci_masks_are_regular_quarter_degree(real, variable, lat, lon, there):
    granule = read("map", real(CCI), variable=variable)
    assert from_coordinates(granule.lat, granule.lon) == regular(0.25)
    row, col = regular(0.25).index(lat, lon)
    assert float(granule.value[row, col]) == there


def test_smap_coordinates_of_a_real_file(real, tmp_path):
    path = tmp_path / "SMAP_L3_SM_P_20150410_R19240_001.h5"
    path.symlink_to(real(SMAP))
    with h5py.File(path) as file:
        centres = read_georeference(file, path)
    assert from_coordinates(centres.lat, centres.lon) == M36
    np.testing.assert_allclose(centres.lat, M36.lat, atol=1e-5)
    with pytest.raises(GlabError, match="tb_h_corrected"):
        read("smap_l3", path)  # this copy contains coordinates alone, and the error says so


# --- the file that quality control must reject -----------------------------------------------


def level_1c(path):
    """Snapshots of a full-polarisation L1C file: grid point, polarisation, TB, accuracy, angle.

    SMOS level-1 product specification (SO-TN-IDR-GS-0005): a table of snapshots, then for each
    grid point its position, the number of its measurements, and the measurements.
    """
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".DBL")]
        data = archive.read(name)
    measurement = np.dtype(
        [("flags", "<u2"), ("tb", "<f4"), ("imaginary", "<f4"), ("accuracy", "<u2")]
        + [("incidence", "<u2"), ("rest", "V14")]
    )
    offset = 4 + 166 * struct.unpack_from("<I", data)[0]
    (points,) = struct.unpack_from("<I", data, offset)
    offset += 4
    measured = []
    for _ in range(points):
        (count,) = struct.unpack_from("<H", data, offset + 17)
        measured.append(np.frombuffer(data, measurement, count, offset + 19))
        offset += 19 + count * measurement.itemsize
    assert offset == len(data)
    return measured


def as_level_3(measured):
    """Angle bins of each grid point as CATDS makes them: mean, scatter and accuracy of each."""
    edges = np.arange(0.0, 70.0, 5.0)
    shape = (1, edges.size, 2, 1, len(measured))
    fields = {name: np.full(shape, np.nan, "f4") for name in ("tb", "tb_std", "tb_accuracy")}
    for point, records in enumerate(measured):
        angle = records["incidence"] * 90.0 / 65536.0
        accuracy = records["accuracy"] * 50.0 / 65536.0
        bins = np.digitize(angle, edges) - 1
        for polarisation in (0, 1):  # X and Y, the antenna's own H and V
            for number in range(edges.size):
                inside = (bins == number) & (records["flags"] & 3 == polarisation)
                if inside.sum() > 1:
                    here = (0, number, polarisation, 0, point)
                    fields["tb"][here] = records["tb"][inside].mean()
                    fields["tb_std"][here] = records["tb"][inside].std(ddof=1)
                    fields["tb_accuracy"][here] = accuracy[inside].mean()
    dims = ("overpass", "angle", "channel", "y", "x")
    return xr.Dataset({name: (dims, values) for name, values in fields.items()})


def test_l1c_file_of_unphysical_tb_has_no_reader_and_no_value_that_passes(real):
    path = real(L1C)
    with pytest.raises(GlabError, match="not the name"):
        naming_of("smos_l3").date(path.name)
    granule = as_level_3(level_1c(path))
    assert int(granule.tb.notnull().sum()) > 500
    assert float(granule.tb.max()) > 1000 and float(granule.tb.min()) < -1000
    config = load_config([Path(__file__).parents[1] / "config" / "config.yaml"])
    rules = [r for r in config.sources["smos_l3"].quality if r.variable != "rfi_fraction"]
    checked = apply_quality_rules(granule.variables, rules)
    assert int(checked["tb"].notnull().sum()) == 0
