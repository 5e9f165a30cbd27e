"""The command `times`: a table of what a run cost, from the benchmarks beside its logs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from glab.errors import GlabError
from glab.times import by_rule

FORMATS = {"hours": "{:.3f}", "cpu_hours": "{:.3f}", "mean_s": "{:.1f}", "longest_s": "{:.1f}"}


def times(logs: Path = Path("logs")) -> None:
    """Print time and peak memory of a run by rule, the dearest first.

    Args:
        logs: folder of the run's logs; a job that ran twice counts as it ran last.
    """
    found = sorted(logs.rglob("*.tsv"))
    if not found:
        raise GlabError(
            "no benchmarks", path=logs, expected="<rule>/….tsv", remedy="name the logs of a run"
        )
    table = by_rule(pd.concat([_benchmark(path, logs) for path in found]))
    formats = {name: text.format for name, text in FORMATS.items()} | {"peak_mb": "{:.0f}".format}
    print(table.to_string(index=False, formatters=formats, na_rep="–"))


def _benchmark(path: Path, logs: Path) -> pd.DataFrame:
    """The last row of a benchmark file, its columns as numbers, and the rule it belongs to."""
    row = pd.read_csv(path, sep="\t").tail(1)
    columns = ["s", "cpu_time", "max_rss"]
    numbers = row.reindex(columns=columns).apply(pd.to_numeric, errors="coerce")
    return numbers.assign(rule=path.relative_to(logs).with_suffix("").parts[0])
