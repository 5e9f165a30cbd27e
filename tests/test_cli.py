"""The command line: one command a stage, its options the step's arguments, faults told."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from glab import cli
from glab.config import Climatology, Domain
from glab.errors import GlabError


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Replaces the step of `climatology`; what it was called with is listed."""
    module, calls = import_module("glab.steps.climatology"), []

    def climatology(
        years: list[Path],
        domain: Path,
        output: Path,
        tile: int,
        settings: Climatology,
        surface: list[Path] | None = None,
    ) -> None:
        calls.append(dict(locals()))

    monkeypatch.setattr(module, "climatology", climatology)
    return calls


SETTINGS = (
    '{"source": "amsre", "baseline_name": "amsre", "baseline": {"start": "2010-06-01"},'
    ' "series": {"variables": ["tb"]}, "harmonics": 3}'
)
OPTIONS = ["climatology", "--years", "a.nc", "b.nc", "--domain", "d.nc", "--tile", "4"]


def run(*arguments: str) -> object:
    """Exit code (or message) of a command."""
    try:
        cli.main(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize("stage", cli.STAGES)
def test_every_stage_is_a_step_with_typed_arguments(stage: str) -> None:
    function = getattr(import_module(f"glab.steps.{stage}"), stage)
    parameters = inspect.signature(function).parameters
    assert {"output", "settings"} <= set(parameters)
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters.values())
    assert function.__doc__


@pytest.mark.parametrize("stage", cli.STAGES)
def test_every_stage_has_help(stage: str, capsys: pytest.CaptureFixture) -> None:
    assert run(stage, "--help") == 0
    assert "--output" in capsys.readouterr().out


def test_options_and_settings_reach_the_step(step: list[dict]) -> None:
    options = [*OPTIONS, "--surface", "--output", "o.nc", "--settings", SETTINGS]
    assert run(*options) == 0
    (call,) = step
    assert call["years"] == [Path("a.nc"), Path("b.nc")]
    assert call["surface"] == [] and call["tile"] == 4
    assert call["settings"].harmonics == 3 and call["settings"].baseline.end is None


@pytest.mark.parametrize("settings", ["{", '{"harmonic": 3}', SETTINGS.replace("3", '"many"')])
def test_settings_that_cannot_be_are_refused(settings: str, step: list[dict]) -> None:
    options = [*OPTIONS, "--output", "o.nc", "--settings", settings]
    assert run(*options) != 0
    assert step == []


def test_a_fault_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(settings: Domain, output: Path) -> None:
        raise GlabError("no land", path=output, remedy="move the box")

    monkeypatch.setattr(import_module("glab.steps.domain"), "domain", failing)
    told = run("domain", "--output", "d.nc", "--settings", "{}")
    assert told == "glab: no land\n  file: d.nc\n  do: move the box"


def test_an_unknown_stage_is_refused() -> None:
    assert run("climate") != 0
