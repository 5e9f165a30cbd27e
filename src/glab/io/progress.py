"""Progress bar for files that are written block by block.

The module does not enter the code print of a stage (`glab.fingerprint.NEUTRAL`), because it passes
its blocks on unchanged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

import xarray as xr

Block = TypeVar("Block", bound=xr.Dataset)


def with_progress(blocks: Iterable[Block], days: int, label: str) -> Iterator[Block]:
    """Pass blocks on and show on a terminal how many days are done.

    Args:
        blocks: datasets of consecutive stretches of `time`.
        days: length of the whole time axis.
        label: text before the bar.
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
