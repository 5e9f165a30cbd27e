"""Manifests: the granules of a year, when they change, and badly filled archives."""

import json
import os

import pytest

from glab.config import Acquire
from glab.errors import GlabError
from glab.readers.acquire import (
    ArchiveFile,
    build_manifest,
    manifest_from_text,
    manifest_to_text,
    read_manifest,
    write_manifest,
)
from glab.steps.acquire import acquire, check

SETTINGS = Acquire(reader="smap_ib", bad_fraction_max=0.2)
HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.fixture
def archive(tmp_path):
    """data/smap_ib/2016 with five days, out of order, one of them in another folder."""
    folder = tmp_path / "data" / "smap_ib" / "2016"
    (folder / "march").mkdir(parents=True)
    for name in ("20160105", "20160102", "20160103", "2016004"):
        (folder / f"IB_SM_CDF3AM_{name}_v1.nc").write_bytes(HDF5 + name.encode())
    (folder / "march" / "IB_SM_CDF3AM_20160301_v1.nc").write_bytes(HDF5)
    return folder


def run(folder, year=2016, settings=SETTINGS):
    output = folder / "manifest.json"
    acquire(output, settings, source="smap_ib", year=year)
    return json.loads(output.read_text())


def test_manifest_lists_granules_by_date_with_size_and_hash(archive):
    content = run(archive)
    dates = [entry["date"] for entry in content["granules"]]
    assert dates == ["2016-01-02", "2016-01-03", "2016-01-04", "2016-01-05", "2016-03-01"]
    first, last = content["granules"][0], content["granules"][-1]
    assert first["bytes"] == 16 and last["name"] == "march/IB_SM_CDF3AM_20160301_v1.nc"
    assert len(first["sha256"]) == 64 and first["sha256"] != last["sha256"]
    assert content["reader"] == "smap_ib" and content["set_aside"] == []


def test_granules_of_a_manifest_in_their_order(archive):
    run(archive)
    listed = read_manifest(archive / "manifest.json")
    assert len(listed) == 5 and all(path.is_file() for path in listed)
    assert listed[-1] == archive / "march" / "IB_SM_CDF3AM_20160301_v1.nc"


def test_what_is_no_granule_is_set_aside_with_its_reason(archive):
    (archive / "readme.txt").write_text("notes")
    (archive / "IB_SM_CDF3AM_20150401_v1.nc").write_bytes(HDF5)
    (archive / "IB_SM_CDF3AM_20160231_v1.nc").write_bytes(HDF5)
    (archive / "IB_SM_CDF3AM_20160106_v1.nc").touch()
    (archive / ".hidden").touch()
    reasons = {entry["name"]: entry["reason"] for entry in run(archive)["set_aside"]}
    assert reasons == {
        "readme.txt": "not the name of a smap_ib file",
        "IB_SM_CDF3AM_20150401_v1.nc": "not of 2016",
        "IB_SM_CDF3AM_20160231_v1.nc": "not the name of a smap_ib file",
        "IB_SM_CDF3AM_20160106_v1.nc": "empty file",
    }


def test_manifest_says_nothing_of_clock_or_place(archive, tmp_path):
    run(archive)
    text = (archive / "manifest.json").read_text()
    elsewhere = tmp_path / "elsewhere" / "2016"
    elsewhere.parent.mkdir()
    os.rename(archive, elsewhere)
    (elsewhere / "manifest.json").unlink()
    for path in elsewhere.rglob("*.nc"):
        os.utime(path, (1, 1))
    run(elsewhere)
    assert (elsewhere / "manifest.json").read_text() == text


def test_manifest_is_rewritten_only_where_something_differs(archive):
    run(archive)
    path = archive / "manifest.json"
    os.utime(path, (1, 1))
    assert write_manifest(archive, path, "smap_ib", 2016) is False
    assert path.stat().st_mtime == 1
    (archive / "IB_SM_CDF3AM_20160102_v1.nc").write_bytes(HDF5 + b"replaced")
    assert write_manifest(archive, path, "smap_ib", 2016) is True
    assert path.stat().st_mtime > 1


@pytest.mark.parametrize("change", ["replaced", "added", "lost", "nothing"])
def test_check_rehashes_the_whole_archive(archive, capsys, change):
    run(archive)
    other = archive.parents[1] / "casm" / "2016"
    other.mkdir(parents=True)
    (other / "CASM_SM_2016.nc").write_bytes(HDF5)
    acquire(other / "manifest.json", Acquire(reader="casm"), source="casm", year=2016)
    manifests = [archive / "manifest.json", other / "manifest.json"]
    for path in manifests:
        os.utime(path, (1, 1))
    first = archive / "IB_SM_CDF3AM_20160102_v1.nc"
    if change == "replaced":
        first.write_bytes(HDF5 + b"20160109")  # same size
    elif change == "added":
        (archive / "IB_SM_CDF3AM_20160120_v1.nc").write_bytes(HDF5)
    elif change == "lost":
        first.unlink()
    check(archive.parents[1])
    touched = [path.stat().st_mtime > 1 for path in manifests]
    assert touched == [change != "nothing", False]
    printed = capsys.readouterr().out
    assert printed.count("rewritten") == (change != "nothing")


# --- bad archives ----------------------------------------------------------------------------


def test_a_missing_year(tmp_path):
    output = tmp_path / "data" / "smap_ib" / "2017" / "manifest.json"
    with pytest.raises(GlabError, match="IB_SM_CDF3AM_") as caught:
        acquire(output, SETTINGS, source="smap_ib", year=2017)
    assert caught.value.path == output.parent and not output.parent.exists()


def test_an_empty_year(tmp_path):
    with pytest.raises(GlabError, match="no granules"):
        run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_year_of_another_source(archive):
    with pytest.raises(GlabError, match="IB_SM_CDF3AM_20160102") as caught:
        run(archive, settings=Acquire(reader="amsre"))
    assert caught.value.path == archive and not (archive / "manifest.json").exists()


def test_a_year_in_the_folder_of_another(archive):
    with pytest.raises(GlabError, match="no granules"):
        run(archive, year=2015)


def test_too_many_damaged_granules(archive):
    """A page of a web server that says the file is not there, saved under its name."""
    (archive / "IB_SM_CDF3AM_20160102_v1.nc").write_bytes(b"<html>")
    content = run(archive)
    assert content["set_aside"][0]["reason"].startswith("damaged")
    (archive / "IB_SM_CDF3AM_20160103_v1.nc").write_bytes(b"")
    with pytest.raises(GlabError, match="2 of 5"):
        run(archive)


def test_a_manifest_that_is_none(tmp_path):
    path = tmp_path / "manifest.json"
    for text in ("", "[]", '{"reader": "x"}', '{"reader": "x", "granules": [{}]}'):
        path.write_text(text)
        with pytest.raises(GlabError, match="no manifest") as caught:
            read_manifest(path)
        assert caught.value.path == path


def test_check_of_no_archive(tmp_path):
    with pytest.raises(GlabError, match="no manifests"):
        check(tmp_path)


def test_text_and_back():
    files = [
        ArchiveFile("IB_SM_CDF3AM_20160102.nc", 8, "ab", HDF5[:4]),
        ArchiveFile('odd "name".txt', 0, "cd", b""),
    ]
    content = build_manifest(files, "smap_ib", 2016)
    assert manifest_from_text(manifest_to_text(content)) == content
    empty = build_manifest([], "smap_ib")
    assert manifest_from_text(manifest_to_text(empty)) == empty
