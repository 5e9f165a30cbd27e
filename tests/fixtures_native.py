"""Small native files, written straight from the format descriptions, by no code of `glab`.

Each builder returns the path. The caller chooses the values, in physical units, NaN for fills.
Windows are rows and columns of the true global grids, from north and from 180° W.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import h5py
import netCDF4
import numpy as np
from pyhdf.SD import SD, SDC
from pyproj import Transformer

EASE2 = Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True)
ML_RADIUS, ML_CELL = 6371228.0, 25067.525
ML_HALF_WIDTH, ML_HALF_HEIGHT = 17334193.5375, 7344784.825
SIZES = {
    "M25": (25025.26, 1388, 584),
    "M36": (36032.220840584, 964, 406),
    "M09": (9008.055210146, 3856, 1624),
}
ROWS, COLS = np.arange(100, 112), np.arange(700, 709)
SHAPE = (ROWS.size, COLS.size)
"""A small window of any of the grids."""

ANGLES = [2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 40.0, 42.5, 47.5, 52.5, 57.5, 62.5]


def ease2(grid, rows, cols):
    """Latitudes of rows, longitudes of columns of an EASE-Grid 2.0."""
    cell, n_cols, n_rows = SIZES[grid]
    x = (np.asarray(cols) + 0.5 - n_cols / 2) * cell
    y = (n_rows / 2 - np.asarray(rows) - 0.5) * cell
    lon = EASE2.transform(x, np.zeros_like(x))[0]
    lat = EASE2.transform(np.zeros_like(y), y)[1]
    return lat, lon


def ease1(rows, cols):
    """Latitudes of rows, longitudes of columns of EASE-Grid 1 Ml."""
    scale = np.cos(np.radians(30.0))
    x = -ML_HALF_WIDTH + (np.asarray(cols) + 0.5) * ML_CELL
    y = ML_HALF_HEIGHT - (np.asarray(rows) + 0.5) * ML_CELL
    return np.degrees(np.arcsin(y * scale / ML_RADIUS)), np.degrees(x / (ML_RADIUS * scale))


def pack(values, scale, offset, fill, dtype):
    """Integers of packed values, `fill` for NaN."""
    raw = np.round((np.nan_to_num(np.asarray(values, float)) - offset) / scale)
    return np.where(np.isnan(values), fill, raw).astype(dtype)


def _variable(file, name, dims, raw, **attributes):
    fill = attributes.pop("_FillValue", None)
    variable = file.createVariable(name, raw.dtype, dims, fill_value=fill, zlib=True)
    variable.set_auto_maskandscale(False)
    variable.setncatts(attributes)
    variable[...] = raw
    return variable


def _latlon(file, lat, lon, dtype="f4"):
    for name, values, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
        file.createDimension(name, len(values))
        _variable(file, name, (name,), np.asarray(values, dtype), units=units)


SMOS_L3_PACKING = {
    "BT": (200 / 32767, 200.0),
    "Pixel_Radiometric_Accuracy": (25 / 32767, 25.0),
    "Pixel_BT_Standard_Deviation": (25 / 32767, 25.0),
    "Incidence_Angle": (45 / 32767, 45.0),
    "Nviews": (1.0, 0.0),
    "Nb_RFI_Flags": (1.0, 0.0),
}


def smos_l3(folder, day, letter, rows, cols, values, *, archive=False, attributes=True, days=None):
    """CATDS L3 TB: `values` maps native names to (angle, row, col), row 0 of the file in the south.

    `values` come in north-first order and are turned here.
    """
    stamp = day.replace("-", "")
    stem = f"SM_RE04_MIR_CDF3T{letter}_{stamp}T000000_{stamp}T235959_300_001_7"
    path = Path(folder) / f"{stem}.DBL.nc"
    lat, lon = ease2("M25", rows, cols)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("inc", 14)
        _latlon(file, lat[::-1], lon)
        dims = ("inc", "lat", "lon")
        for name, field in values.items():
            scale, offset = SMOS_L3_PACKING[name.removesuffix("_H").removesuffix("_V")]
            stated = {"scale_factor": scale, "add_offset": offset} if attributes else {}
            raw = pack(field, scale, offset, -32768, "i2")[:, ::-1]
            _variable(file, name, dims, raw, _FillValue=np.int16(-32768), **stated)
        since = (np.datetime64(days or day) - np.datetime64("2000-01-01")).astype(int)
        seen = ~np.isnan(next(iter(values.values())))[:, ::-1]
        raw = np.where(seen, since, -2147483647).astype("i4")
        _variable(file, "Days", dims, raw, _FillValue=np.int32(-2147483647))
        raw = np.where(seen, 6 * 3600, -2147483647).astype("i4")
        _variable(file, "UTC_Seconds", dims, raw, _FillValue=np.int32(-2147483647))
    if not archive:
        return path
    packed = Path(folder) / f"{stem}.tgz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(path, f"{stem}/{path.name}")
    path.unlink()
    return packed


def retrieval(folder, name, grid, rows, cols, values, *, north_first=True, dtype="f4", fill=None):
    """SMOS-IC, SMAP-IB and SMOS-IB style netCDF: float planes with NaN, or `fill` for NaN."""
    path = Path(folder) / name
    lat, lon = ease2(grid, rows, cols)
    order = slice(None) if north_first else slice(None, None, -1)
    with netCDF4.Dataset(path, "w") as file:
        _latlon(file, lat[order], lon)
        for native, field in values.items():
            raw = np.asarray(field, dtype)[order]
            kept = raw if fill is None else np.where(np.isnan(raw), dtype_of(raw, fill), raw)
            _variable(file, native, ("lat", "lon"), kept, _FillValue=fill)
    return path


def dtype_of(raw, fill):
    return raw.dtype.type(fill)


def structmetadata(grids):
    """ODL text of HDF-EOS2 grids: name → (rows, cols, upper left, lower right, projection)."""
    blocks = []
    for number, (name, (rows, cols, ul, lr, projection)) in enumerate(grids.items(), 1):
        parameters = "\t\tProjParams=(6371228,0,0,0,0,30000000,0,0,0,0,0,0,0)\n"
        blocks.append(
            f'\tGROUP=GRID_{number}\n\t\tGridName="{name}"\n\t\tXDim={cols}\n\t\tYDim={rows}\n'
            f"\t\tUpperLeftPointMtrs=({ul[0]:.6f},{ul[1]:.6f})\n"
            f"\t\tLowerRightMtrs=({lr[0]:.6f},{lr[1]:.6f})\n\t\tProjection={projection}\n"
            + (parameters if "CEA" in projection else "")
            + "\t\tGROUP=Dimension\n\t\tEND_GROUP=Dimension\n"
            f"\tEND_GROUP=GRID_{number}\n"
        )
    body = "".join(blocks)
    return (
        f"GROUP=SwathStructure\nEND_GROUP=SwathStructure\nGROUP=GridStructure\n{body}"
        "END_GROUP=GridStructure\nGROUP=PointStructure\nEND_GROUP=PointStructure\nEND\n"
    )


def ml_corners(rows, cols):
    """Upper left and lower right corner in m of a window of Ml, the documented −17334194 kept."""
    left = -ML_HALF_WIDTH + cols[0] * ML_CELL
    top = ML_HALF_HEIGHT - rows[0] * ML_CELL
    right = -ML_HALF_WIDTH + (cols[-1] + 1) * ML_CELL
    bottom = ML_HALF_HEIGHT - (rows[-1] + 1) * ML_CELL
    return (np.floor(left), top), (np.ceil(right), bottom)


def amsre(folder, day, rows, cols, fields, *, shape=None, metadata=True, times=True):
    """AE_Land3: `fields` maps names such as "A_TB10.7H (Res 1)" to raw int16 (row, col)."""
    path = Path(folder) / f"AMSR_E_L3_DailyLand_V06_{day.replace('-', '')}.hdf"
    ul, lr = ml_corners(rows, cols)
    n_rows, n_cols = shape or (len(rows), len(cols))
    grid = (n_rows, n_cols, ul, lr, "GCTP_BCEA")
    text = structmetadata({"Ascending_Land_Grid": grid, "Descending_Land_Grid": grid})
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    for name, raw in fields.items():
        field = file.create(name, SDC.INT16, raw.shape)
        field[:] = np.asarray(raw, "i2")
        field.endaccess()
    if times:
        for letter, hour in (("A", 13.5), ("D", 1.5)):
            field = file.create(f"{letter}_Time", SDC.FLOAT64, (len(rows), len(cols)))
            field[:] = np.full((len(rows), len(cols)), tai93(day, hour))
            field.endaccess()
    if metadata:
        file.attr("StructMetadata.0").set(SDC.CHAR, text)
    file.end()
    return path


def tai93(day, hour):
    """Seconds since 1993-01-01, leap seconds included (8 from July 2012 on, 7 from 2009 on)."""
    leaps = 8 if day >= "2012-07-01" else 7 if day >= "2009-01-01" else 6
    elapsed = np.datetime64(day, "s") - np.datetime64("1993-01-01", "s")
    return elapsed.astype(float) + hour * 3600 + leaps


def amsr2(folder, day, letter, rows, cols, tb, *, start="0123", bases=(1, 0), hour=1.5, table=None):
    """AU_Land half orbit: a record for each (row, col); `tb` maps "TBH10r2" … to values."""
    path = Path(folder) / f"AMSR_U2_L2_Land_B02_{day.replace('-', '')}{start}_{letter}.he5"
    lat, lon = ease1(rows, cols)
    names = [("Time", "f8"), ("Latitude", "f4"), ("Longitude", "f4")]
    names += [("RowIndex", "i4"), ("ColumnIndex", "i4"), *((name, "f4") for name in tb)]
    records = np.zeros(len(rows), names)
    records["Time"] = tai93(day, hour)
    records["Latitude"], records["Longitude"] = lat, lon
    records["RowIndex"] = np.asarray(rows) + bases[0]
    records["ColumnIndex"] = np.asarray(cols) + bases[1]
    for name, values in tb.items():
        records[name] = np.where(np.isnan(values), -9999.0, values)
    where = table or (
        "HDFEOS/POINTS/AMSR-2 Level 2 Land Data/Data/Combined NPD and SCA Output Fields"
    )
    with h5py.File(path, "w") as file:
        file[where] = records
    return path


def smap_l3(folder, day, grid, rows, cols, passes, *, enhanced=False, gaps=None):
    """SPL3SMP: `passes` maps "AM"/"PM" to names and planes; `gaps` leaves coordinates out."""
    name = f"SMAP_L3_SM_P{'_E' if enhanced else ''}_{day.replace('-', '')}_R19240_001.h5"
    path = Path(folder) / name
    lat, lon = ease2(grid, rows, cols)
    planes = dict(zip(("latitude", "longitude"), np.meshgrid(lat, lon, indexing="ij")))
    with h5py.File(path, "w") as file:
        for key, fields in passes.items():
            group = file.create_group(f"Soil_Moisture_Retrieval_Data_{key}")
            suffix = "_pm" if key == "PM" else ""
            for native, values in planes.items():
                kept = values if gaps is None else np.where(gaps, -9999.0, values)
                group[native + suffix] = kept.astype("f4")
            for native, values in fields.items():
                flag = native.endswith("flag") or "_flag_" in native
                fill = 65534 if flag else -9999.0
                kept = np.where(np.isnan(values), fill, values).astype("u2" if flag else "f4")
                data = group.create_dataset(native + suffix, data=kept)
                data.attrs["_FillValue"] = kept.dtype.type(fill)
                if not flag:
                    data.attrs["valid_min"] = np.float32(0.0)
                    data.attrs["valid_max"] = np.float32(330.0 if native[:2] == "tb" else 1.0)
    return path


def cetb(folder, day_of_year, hemisphere, x, y, tb, *, channel="18H", letter="E", stated=None):
    """NSIDC-0630: `tb` in K (row, col), NaN for the fill; x and y in m."""
    name = (
        f"NSIDC-0630-EASE2_{hemisphere}25km-AQUA_AMSRE-{day_of_year}-{channel}-{letter}"
        "-GRD-RSS-v1.0.nc"
    )
    path = Path(folder) / name
    code = {"N": 6931, "S": 6932, "T": 6933, "M": 6933}[hemisphere]
    day = np.datetime64(f"{day_of_year[:4]}-01-01") + (int(day_of_year[4:]) - 1)
    with netCDF4.Dataset(path, "w") as file:
        for dim, values in (("time", [0]), ("y", y), ("x", x)):
            file.createDimension(dim, len(values))
        since = float((day - np.datetime64("1972-01-01")).astype(int))
        _variable(
            file, "time", ("time",), np.array([since]), units="days since 1972-01-01 00:00:00"
        )
        _variable(file, "y", ("y",), np.asarray(y, "f8"), units="meters")
        _variable(file, "x", ("x",), np.asarray(x, "f8"), units="meters")
        crs = file.createVariable("crs", "S1", ())
        crs.srid = f"urn:ogc:def:crs:EPSG::{code}"
        raw = pack(tb, 0.01, 0.0, 0, "u2")[np.newaxis]
        variable = _variable(
            file,
            "TB",
            ("time", "y", "x"),
            raw,
            _FillValue=np.uint16(0),
            missing_value=np.uint16(60000),
            valid_range=np.array([5000, 35000], "u2"),
            scale_factor=0.01,
            add_offset=0.0,
        )
        variable.frequency_and_polarization = stated or channel
    return path


def casm(folder, year, days, rows, cols, values, *, units="days since 1900-01-01"):
    """CASM: (date, lat, lon), centres rounded to three decimals."""
    path = Path(folder) / f"CASM_SM_{year}.nc"
    lat, lon = ease2("M25", rows, cols)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("date", len(days))
        _latlon(file, np.round(lat, 3), np.round(lon, 3), "f8")
        since = (np.asarray(days, "datetime64[D]") - np.datetime64("1900-01-01")).astype("i8")
        _variable(file, "date", ("date",), since, units=units)
        for name, field in values.items():
            _variable(file, name, ("date", "lat", "lon"), np.asarray(field, "f8"))
    return path


def plain(path, lat, lon, values, dims=("lat", "lon"), *, times=None, units="", attributes=None):
    """Any netCDF on a regular grid: name → values; times as (name, numbers, units)."""
    with netCDF4.Dataset(path, "w") as file:
        _latlon(file, lat, lon, "f8")
        if times is not None:
            name, numbers, time_units = times
            file.createDimension(name, len(numbers))
            _variable(file, name, (name,), np.asarray(numbers), units=time_units)
        for name, field in values.items():
            field = np.asarray(field)
            names = dims[-field.ndim :] if len(dims) >= field.ndim else dims
            for dim, size in zip(names, field.shape):
                if dim not in file.dimensions:
                    file.createDimension(dim, size)
            _variable(
                file,
                name,
                names,
                field,
                **(attributes or {}),
                **({"units": units} if units else {}),
            )
    return Path(path)


def mcd12c1(folder, percent, *, lat_top, lon_left, step=0.05):
    """MCD12C1: `percent` (row, col, class), north first, on a geographic HDF-EOS2 grid."""
    path = Path(folder) / "MCD12C1.A2010001.061.2022172062638.hdf"
    n_rows, n_cols, _ = percent.shape
    ul = (packed(lon_left), packed(lat_top))
    lr = (packed(lon_left + n_cols * step), packed(lat_top - n_rows * step))
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    field = file.create("Land_Cover_Type_1_Percent", SDC.UINT8, percent.shape)
    field[:] = percent.astype("u1")
    field.endaccess()
    file.attr("StructMetadata.0").set(
        SDC.CHAR, structmetadata({"MOD12C1": (n_rows, n_cols, ul, lr, "GCTP_GEO")})
    )
    file.end()
    return path


def packed(degrees):
    """GCTP's DDDMMMSSS.SS."""
    size = abs(degrees) + 1e-12
    whole = int(size)
    minutes = int((size - whole) * 60)
    seconds = (size - whole - minutes / 60) * 3600
    return float(np.copysign(whole * 1e6 + minutes * 1e3 + round(seconds, 2), degrees))


def geotiff(path, values, *, west, north, step, nodata=None, crs="EPSG:4326", bands=1):
    """A GeoTIFF, north up."""
    import rasterio
    from rasterio.transform import Affine

    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": bands,
        "dtype": values.dtype,
        "crs": crs,
        "transform": Affine(step, 0, west, 0, -step, north),
        "nodata": nodata,
    }
    with rasterio.open(path, "w", **profile) as file:
        for band in range(1, bands + 1):
            file.write(values, band)
    return Path(path)


def amsre_fields(rng, shape=SHAPE):
    names = [f"{o}_TB{f}{p} (Res 1)" for o in "AD" for f in ("10.7", "18.7", "36.5") for p in "VH"]
    fields = {name: rng.integers(1500, 3100, shape) for name in names}
    fields |= {f"{o}_TB89.0V (Res 4)": rng.integers(1500, 3100, shape) for o in "AD"}
    for field in fields.values():
        field[0, :4], field[1, :4] = 9999, -9999
    return fields


def gappy(rng, low, high, shape):
    values = rng.uniform(low, high, shape)
    values[rng.random(shape) < 0.3] = np.nan
    return values


def assert_canonical(dataset):
    """Dimensions, dtype and names that every granule has."""
    from glab.variables import lookup

    for name, variable in dataset.data_vars.items():
        lookup(str(name))
        assert variable.dtype == np.float32, name
        assert variable.dims[-2:] == ("y", "x"), name
    assert set(dataset.dims) <= {"overpass", "angle", "channel", "time", "y", "x"}
