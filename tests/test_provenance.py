"""The origin of a file in its attributes, and the way back to its inputs; `glab verify`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from glab import io
from glab.errors import GlabError
from glab.io.chain import attributes_of, find_input, inputs_of, run_folder, stage_of
from glab.io.provenance import (
    BLOCK_BYTES,
    SEAL,
    SEAL_BYTES,
    file_sha256,
    seal_file,
    sealed_sha256,
    short_path,
)
from glab.readers.acquire import write_manifest
from glab.steps.verify import verify

GRANULE = "AMSR_U2_L2_Land_B02_201207031114_A.he5"


def write(
    path: Path, stage: str, *inputs: Path, value: int = 1, settings: dict | None = None
) -> Path:
    """A work file of one number, made from some inputs."""
    dataset = xr.Dataset({"count": ("cell", np.full(500, value, np.int16))})
    io.write(dataset, path, io.Provenance(stage, settings, inputs))
    return path


def content_sha256(path: Path) -> str:
    """Hash of a work file without its seal."""
    content = path.read_bytes()[:-SEAL_BYTES]
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Folder of a run: two granules, a manifest, and four stages that follow from it."""
    folder = tmp_path / "data" / "amsr2" / "2012"
    folder.mkdir(parents=True)
    for name in (GRANULE, GRANULE.replace("0703", "0704")):
        (folder / name).write_bytes(b"\x89HDF" + name.encode())
    write_manifest(folder, folder / "manifest.json", "amsr2", 2012)
    results = tmp_path / "results"
    domain = write(results / "domain.nc", "domain")
    regrid = write(results / "regrid/amsr2/2012.nc", "regrid", folder / "manifest.json", domain)
    network = results / "train/amsr_smos/0/network.safetensors"
    network.parent.mkdir(parents=True)
    network.write_bytes(b"weights")
    predict = write(results / "predict/amsr_smos/2012.nc", "predict", network, regrid, domain)
    write(results / "product/glab_tb/2012.nc", "product", predict)
    return tmp_path


# --- attributes -----------------------------------------------------------------------------


def test_attributes_name_settings_code_and_inputs_and_no_folder(run: Path) -> None:
    source = run / "results/regrid/amsr2/2012.nc"
    settings = {"b": 1, "a": [2.5]}
    made = io.Provenance("compose", settings, [source], ["doi:x"]).as_attributes()
    assert made["glab_settings"] == '{"a":[2.5],"b":1}'
    assert len(made["glab_settings_sha256"]) == 64 and len(made["glab_code"]) == 16
    assert made["glab_inputs"] == '["regrid/amsr2/2012.nc"]'
    assert json.loads(made["glab_inputs_sha256"]) == [content_sha256(source)]
    assert made["references"] == "doi:x"
    assert stage_of(made) == "compose"
    assert str(run) not in str(made) and run.name not in str(made)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("results/regrid/amsr2/2012.nc", "regrid/amsr2/2012.nc"),
        ("/home/me/run/results/regrid/amsr2/2012.nc", "regrid/amsr2/2012.nc"),
        ("/data/me/run/results/residuals/vod/compose/2012.nc", "vod/compose/2012.nc"),
        ("/home/me/run/results/tb40/2012.nc", "results/tb40/2012.nc"),
        ("/home/me/run/results/domain.nc", "results/domain.nc"),
        ("results/domain.nc", "results/domain.nc"),
        ("data/amsr2/2012/manifest.json", "amsr2/2012/manifest.json"),
        ("../other/results/train/tb_vod/0/network.safetensors", "tb_vod/0/network.safetensors"),
        ("/maps/glc/my map.nc", "maps/glc/my map.nc"),
        ("/map.nc", "map.nc"),
        ("2012.nc", "2012.nc"),
    ],
)
def test_a_path_is_recorded_without_what_lies_above_the_run(path: str, expected: str) -> None:
    assert short_path(Path(path)) == expected


def test_the_bytes_do_not_depend_on_the_folder_of_the_run(run: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere" / "deeper"
    source = there / "results/regrid/amsr2/2012.nc"
    source.parent.mkdir(parents=True)
    source.write_bytes((run / "results/regrid/amsr2/2012.nc").read_bytes())
    one = write(run / "one.nc", "compose", run / "results/regrid/amsr2/2012.nc")
    two = write(there / "one.nc", "compose", source)
    assert one.read_bytes() == two.read_bytes()


def test_names_with_spaces_and_other_signs_come_back(run: Path) -> None:
    source = write(run / "results" / "maps of Köln" / "a [1] b.nc", "domain")
    made = write(run / "results/x.nc", "domain", source)
    (recorded,) = inputs_of(attributes_of(made))
    assert recorded.path == "results/maps of Köln/a [1] b.nc"
    assert recorded.sha256 == content_sha256(source)
    assert find_input(recorded.path, [run], {}) == source


def test_the_form_of_earlier_versions_is_read_as_names(run: Path) -> None:
    assert inputs_of({"glab_inputs": "2012.nc domain.nc"}) == [
        ("2012.nc", None),
        ("domain.nc", None),
    ]
    assert inputs_of({"glab_inputs": ""}) == inputs_of({}) == []
    assert find_input("2012.nc", [run], {}) is None


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GlabError, match="cannot read the file") as fault:
        io.Provenance("compose", None, [tmp_path / "absent.nc"]).as_attributes()
    assert fault.value.path == tmp_path / "absent.nc"


def test_equal_settings_have_one_text_whatever_their_order() -> None:
    assert io.canonical_json({"a": 1, "b": 2}) == io.canonical_json({"b": 2, "a": 1})
    assert io.canonical_json(None) == "{}"


# --- seals ----------------------------------------------------------------------------------


def test_a_work_file_ends_with_its_hash(run: Path) -> None:
    path = run / "results/domain.nc"
    assert path.read_bytes()[-SEAL_BYTES:] == SEAL + content_sha256(path).encode()
    assert sealed_sha256(path) == file_sha256(path) == content_sha256(path)


def test_a_product_has_no_seal(run: Path) -> None:
    dataset = xr.Dataset({"count": ("cell", np.ones(3, np.int16))})
    path = run / "results/product.nc"
    io.write(dataset, path, io.Provenance("product"), style=io.PRODUCT)
    assert SEAL not in path.read_bytes()
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sealed_sha256(path) == file_sha256(path) == expected


@pytest.mark.parametrize("content", [b"", b"weights", b"x" * (BLOCK_BYTES + 7), SEAL, SEAL * 9])
def test_the_hash_of_any_other_file_is_that_of_its_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
    assert sealed_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_every_byte_of_a_sealed_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(b"content")
    seal_file(path)
    content, known = path.read_bytes(), file_sha256(path)
    assert known == hashlib.sha256(b"content").hexdigest()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert file_sha256(path) != known


def test_other_libraries_read_a_sealed_file(run: Path) -> None:
    with h5py.File(run / "results/domain.nc") as file:
        assert file["count"][0] == 1
    with xr.open_dataset(run / "results/domain.nc") as dataset:
        assert int(dataset["count"][-1]) == 1


# --- the way back ---------------------------------------------------------------------------


def test_inputs_are_found_in_the_run(run: Path) -> None:
    attributes = attributes_of(run / "results/predict/amsr_smos/2012.nc")
    found = [find_input(each.path, [run], attributes) for each in inputs_of(attributes)]
    names = ["train/amsr_smos/0/network.safetensors", "regrid/amsr2/2012.nc", "domain.nc"]
    assert found == [run / "results" / name for name in names]


def test_inputs_are_found_in_another_run_and_where_the_settings_say(run: Path) -> None:
    away = write(run / "maps" / "clay.nc", "domain")
    other = run / "results/train"
    settings = {"glab_settings": json.dumps({"maps": {"clay": {"path": "maps/clay.nc"}}})}
    assert find_input("maps/clay.nc", [run], settings) == away
    assert find_input("maps/clay.nc", [run], {}) is None
    assert find_input("amsr_smos/0/network.safetensors", [run / "maps", run], {}) == (
        other / "amsr_smos/0/network.safetensors"
    )


def test_a_file_outside_of_a_run_is_refused(run: Path) -> None:
    assert run_folder(run / "results/product/glab_tb/2012.nc") == run
    assert run_folder(run / "data/truth.nc") == run
    with pytest.raises(GlabError, match="not in the folder of a run"):
        run_folder(Path("/somewhere/2012.nc"))


# --- verify ---------------------------------------------------------------------------------


def test_an_unchanged_chain_is_ok(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify([run / "results/product/glab_tb/2012.nc"])
    assert capsys.readouterr().out.splitlines() == [
        "ok       results/predict/amsr_smos/2012.nc",
        "ok       results/train/amsr_smos/0/network.safetensors",
        "ok       results/regrid/amsr2/2012.nc",
        "ok       results/domain.nc",
        "ok       data/amsr2/2012/manifest.json",
        "ok       data/amsr2/2012: 2 granules",
        "7 ok, 0 changed, 0 missing, 0 unknown",
    ]


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (f"data/amsr2/2012/{GRANULE}", ""),
        ("data/amsr2/2012/manifest.json", " (read by results/regrid/amsr2/2012.nc)"),
        ("results/regrid/amsr2/2012.nc", " (read by results/predict/amsr_smos/2012.nc)"),
        ("results/predict/amsr_smos/2012.nc", " (read by results/product/glab_tb/2012.nc)"),
        (
            "results/train/amsr_smos/0/network.safetensors",
            " (read by results/predict/amsr_smos/2012.nc)",
        ),
        (
            "results/domain.nc",
            " (read by results/predict/amsr_smos/2012.nc, results/regrid/amsr2/2012.nc)",
        ),
    ],
)
def test_one_changed_byte_is_found(
    run: Path, name: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(run / name)
    with pytest.raises(GlabError, match="not every file is the one"):
        verify([run / "results/product/glab_tb/2012.nc"])
    lines = capsys.readouterr().out.splitlines()
    changed = [line for line in lines if line.startswith("changed")]
    assert changed == [f"changed  {name}{told}"]
    assert "1 changed, 0 missing" in lines[-1]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "results/regrid/amsr2/2012.nc",
            "regrid/amsr2/2012.nc (read by results/predict/amsr_smos/2012.nc)",
        ),
        (f"data/amsr2/2012/{GRANULE}", f"data/amsr2/2012/{GRANULE}"),
    ],
)
def test_a_missing_file_is_told(
    run: Path, name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).unlink()
    with pytest.raises(GlabError, match="not every file is the one"):
        verify([run / "results/product/glab_tb/2012.nc"])
    assert f"missing  {shown}" in capsys.readouterr().out.splitlines()


def test_networks_of_another_run_are_found_there(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    (other / "results").mkdir(parents=True)
    (run / "results/train").rename(other / "results/train")
    product = run / "results/product/glab_tb/2012.nc"
    with pytest.raises(GlabError):
        verify([product])
    verify([product], other_runs=[other])
    assert "7 ok, 0 changed" in capsys.readouterr().out


def test_files_without_hashes_are_unknown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    product = run / "results/product/glab_tb/2012.nc"
    with netCDF4.Dataset(product, "a") as file:
        file.delncattr("glab_inputs_sha256")
    with pytest.raises(GlabError, match="not every file is the one"):
        verify([product])
    assert "unknown  results/predict/amsr_smos/2012.nc" in capsys.readouterr().out.splitlines()
