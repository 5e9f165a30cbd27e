"""Names of native files: which format, which day, and which files are versions of one granule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glab.errors import GlabError, unknown_name

DAY = r"(?<!\d)(?P<date>(?:19|20)\d{6}|(?:19|20)\d\d-\d\d-\d\d)(?!\d)"


@dataclass(frozen=True)
class Naming:
    """How the files of a format are called.

    Attributes:
        pattern: of the whole name; its group `date` holds the first day (YYYYMMDD, YYYY-MM-DD,
            YYYYDDD, YYYYMM or YYYY), `version` tells reprocessings of one granule apart, and all
            other groups together say what was observed.
        example: a name that matches, for messages.
    """

    pattern: re.Pattern[str]
    example: str


def _naming(pattern: str, example: str) -> Naming:
    return Naming(re.compile(pattern, re.IGNORECASE), example)


NAMINGS: Mapping[str, Naming] = {
    "smos_l3": _naming(
        r"SM_[A-Z0-9]+_MIR_CDF3T(?P<overpass>[AD])_(?P<date>\d{8})(?:T\d{6})?"
        r"(?:_\d{8}T\d{6})?(?:_(?P<version>[\w-]+?))?(?:\.DBL)?\.(?:tgz|tar\.gz|nc)",
        "SM_RE04_MIR_CDF3TA_20100601T000000_20100601T235959_300_001_7.tgz",
    ),
    "smos_ic": _naming(
        r"SM_[A-Z0-9]+_MIR_CDF3S(?P<overpass>[AD])_(?P<date>\d{8})(?:T\d{6})?"
        r"(?:_\d{8}T\d{6})?(?:_(?P<version>[\w-]+?))?(?:\.DBL)?\.nc",
        "SM_RE06_MIR_CDF3SA_20100601T000000_20100601T235959_105_001_8.DBL.nc",
    ),
    "smos_ib": _naming(
        rf"(?P<part>.*?){DAY}(?P<rest>.*)\.nc",
        "SMOS-IB_20100601.nc",
    ),
    "smap_ib": _naming(
        r"IB_SM_CDF3(?P<overpass>AM|PM)_(?P<date>\d{8}|\d{7})(?!\d)(?P<version>.*)\.nc",
        "IB_SM_CDF3AM_20150401_v1.nc",
    ),
    "smap_l3": _naming(
        r"SMAP_L3_SM_P(?P<part>_E)?_(?P<date>\d{8})(?:_(?P<version>R\w+))?\.h5",
        "SMAP_L3_SM_P_20150410_R19240_001.h5",
    ),
    "amsre": _naming(
        r"AMSR_E_L3_DailyLand_(?P<version>V\d+)_(?P<date>\d{8})\.hdf",
        "AMSR_E_L3_DailyLand_V06_20080705.hdf",
    ),
    "amsr2": _naming(
        r"AMSR_U2_L2_Land_(?P<version>\w\d+)_(?P<date>\d{8})(?P<part>\d{4})_(?P<overpass>[AD])\.he5",
        "AMSR_U2_L2_Land_B02_201301010123_D.he5",
    ),
    "cetb": _naming(
        r"NSIDC-?0630[-_]EASE2_(?P<grid>[MNST][\d.]+km)-(?P<sensor>\w+)-(?P<date>\d{7})-"
        r"(?P<channel>\d+[HV])-(?P<overpass>[MEAD])-(?P<part>\w+-\w+)-(?P<version>v[\d.]+)\.nc",
        "NSIDC-0630-EASE2_N25km-AQUA_AMSRE-2008278-18H-E-GRD-RSS-v1.0.nc",
    ),
    "casm": _naming(r"CASM_SM_(?P<date>\d{4})\.nc", "CASM_SM_2010.nc"),
    "vodca": _naming(
        r"vodca(?:_(?P<version>v[\d.-]+))?_(?P<part>[a-z]+(?:-band)?)_(?P<date>\d{4}-\d{2}-\d{2})"
        r"(?P<rest>.*)\.nc",
        "vodca_v01-0_X-band_2008-07-05.nc",
    ),
    "era5": _naming(
        r"(?P<part>.*?era5.*?)(?<!\d)(?P<date>\d{4}(?:[-_]?\d{2}){0,2})(?!\d)(?P<rest>.*)\.nc4?",
        "era5_2010-06-01.nc",
    ),
    "ismn": _naming(
        r"(?P<part>.+_.+_.+)_(?P<date>\d{8})_\d{8}\.stm",
        "SCAN_SCAN_Abrams_sm_0.050800_0.050800_Hydraprobe_20100101_20201231.stm",
    ),
    "gldas": _naming(
        r"(?P<part>GLDAS_\w+)\.A(?P<date>\d{8})\.(?P<hour>\d{4})(?:\.(?P<version>\d+))?"
        r"(?P<rest>.*)\.nc4?",
        "GLDAS_NOAH025_3H.A20150101.0000.021.nc4",
    ),
}

LENGTHS = {4: "{}-01-01", 6: "{}-{}-01", 8: "{}-{}-{}"}
OUT_OF_PLACE = "put the file where its format belongs, or name the reader of its format"


def granule_date(format_name: str, filename: str) -> np.datetime64:
    """First UTC day of a granule, from its name.

    Raises:
        GlabError: for a name that is not of this format, or not of a day there is.
    """
    return _date_in(_matched(format_name, filename)["date"], filename)


def granule_period(format_name: str, filename: str) -> np.datetime64:
    """The day, month or year that a name says a granule covers, in that unit."""
    text = _matched(format_name, filename)["date"]
    unit = {4: "Y", 6: "M"}.get(len(re.sub(r"\D", "", text)), "D")
    return _date_in(text, filename).astype(f"datetime64[{unit}]")


def granule_identity(format_name: str, filename: str) -> tuple[str, ...]:
    """What a granule observes; two files of one identity are versions of each other."""
    parts = _matched(format_name, filename).groupdict()
    day = str(_date_in(parts.pop("date"), filename))
    parts.pop("version", None)
    return (day, *(f"{key}={value.lower()}" for key, value in sorted(parts.items()) if value))


def granule_pass(format_name: str, filename: str) -> str | None:
    """The letter or letters for the overpass in a name; None where it has none."""
    return _matched(format_name, filename).groupdict().get("overpass")


def list_granules(format_name: str, folder: Path) -> list[Path]:
    """The files of a format in a folder and those below it, by date and name.

    Raises:
        GlabError: where there is no such folder.
    """
    naming = _naming_of(format_name)
    if not folder.is_dir():
        raise GlabError(
            "no archive folder",
            path=folder,
            expected=f"a folder with files such as {naming.example}",
            remedy="fill it, or leave this year of the source out of the configuration",
        )
    dated = [
        (granule_date(format_name, path.name), path)
        for path in folder.rglob("*")
        if is_granule(format_name, path.name) and path.is_file()
    ]
    return [path for _, path in sorted(dated, key=lambda entry: (entry[0], entry[1].name))]


def is_granule(format_name: str, filename: str) -> bool:
    """Whether a name is of this format and of a day there is."""
    match = _naming_of(format_name).pattern.fullmatch(Path(filename).name)
    return match is not None and _parsed(match["date"]) is not None


def _naming_of(format_name: str) -> Naming:
    if format_name not in NAMINGS:
        raise unknown_name("dated format", format_name, NAMINGS)
    return NAMINGS[format_name]


def _matched(format_name: str, filename: str) -> re.Match[str]:
    naming = _naming_of(format_name)
    match = naming.pattern.fullmatch(Path(filename).name)
    if match is None:
        raise GlabError(
            f"not the name of a {format_name} file",
            path=filename,
            expected=naming.example,
            remedy=OUT_OF_PLACE,
        )
    return match


def _date_in(text: str, filename: str) -> np.datetime64:
    day = _parsed(text)
    if day is None:
        raise GlabError("no such day", path=filename, found=text, remedy="check the file's name")
    return day


def _parsed(text: str) -> np.datetime64 | None:
    """A day written as year, year and month, day of year, or date; None if there is no such day."""
    digits = re.sub(r"\D", "", text)
    try:
        if len(digits) != 7:
            form = LENGTHS[len(digits)]
            return np.datetime64(form.format(digits[:4], digits[4:6], digits[6:]), "D")
        day = np.datetime64(f"{digits[:4]}-01-01", "D") + (int(digits[4:]) - 1)
        return day if str(day)[:4] == digits[:4] else None
    except ValueError:
        return None
