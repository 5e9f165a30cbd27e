"""The guard that keeps accelerator builds out of an install nobody asked for them in."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

GUARD = Path(__file__).parents[1] / "envs" / "check_build.py"


def report(*names: str) -> dict:
    return {"install": [{"metadata": {"name": name}} for name in names]}


def run(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Run the guard's main function with another answer of pip."""
    guard = runpy.run_path(str(GUARD))
    monkeypatch.setitem(guard["main"].__globals__, "pip_report", lambda options: report(*names))
    monkeypatch.setattr(sys, "argv", ["check_build.py", "--constraint", "pins.txt"])
    guard["main"]()


def test_a_cpu_build_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATOR", raising=False)
    run(monkeypatch, "torch", "numpy", "sympy")


def test_an_accelerator_build_stops_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATOR", raising=False)
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "torch", "nvidia-cublas", "triton", "cuda-toolkit")
    told = str(stop.value)
    assert "nvidia-cublas" in told and "PIP_EXTRA" in told and "ACCELERATOR=1" in told


def test_an_accelerator_build_passes_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATOR", "1")
    run(monkeypatch, "torch", "nvidia-cublas")


def test_the_constraints_are_exact_and_plain() -> None:
    lines = GUARD.with_name("constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all("==" in line and "+" not in line and "@" not in line for line in pins)
    assert any(line.startswith("torch==") for line in pins)
