"""Bars: shown on a terminal, silent elsewhere, never in the way of the blocks."""

import io
import sys

import numpy as np
import pytest
import xarray as xr

from glab.io.progress import with_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def months():
    days = np.arange("2010-01-01", "2010-03-01", dtype="datetime64[D]")
    return [xr.Dataset(coords={"time": days[:31]}), xr.Dataset(coords={"time": days[31:]})]


@pytest.mark.parametrize("stream, says", [(Terminal(), "100%"), (io.StringIO(), "")])
def test_a_bar_is_for_terminals_only(monkeypatch, stream, says):
    monkeypatch.setattr(sys, "stderr", stream)
    blocks = months()
    assert list(with_progress(blocks, 59, "2010.nc")) == blocks
    assert says in stream.getvalue()
    assert bool(stream.getvalue()) == bool(says)
