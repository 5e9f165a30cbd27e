"""Bars for long steps, seen where a person looks on and absent from logs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

import xarray as xr

Block = TypeVar("Block", bound=xr.Dataset)


def watched(blocks: Iterable[Block], days: int, label: str) -> Iterator[Block]:
    """Pass blocks on; on a terminal, a bar tells how many of the `days` are done.

    Args:
        blocks: datasets of consecutive stretches of `time`.
        days: length of the whole time axis.
        label: what is being made.
    """
    if not sys.stderr.isatty() or days == 0:
        yield from blocks
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=days)
        for block in blocks:
            yield block
            progress.advance(task, block.sizes.get("time", days))
