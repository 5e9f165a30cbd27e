"""The command `times`: a table of time and memory by rule, from a run's benchmark files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from glab.errors import GlabError


def by_rule(benchmarks: pd.DataFrame) -> pd.DataFrame:
    """Time and peak memory of each rule, the dearest first, and of all together.

    Args:
        benchmarks: one row a job: `rule`, and Snakemake's columns `s` (wall time, s), `cpu_time`
            (s) and `max_rss` (MB); what was not measured is NaN and counts for nothing.

    Returns:
        `rule`, `jobs`, `hours` and `cpu_hours` (sums), `mean_s` and `longest_s` (of one job),
        `peak_mb` (of the largest job).
    """
    groups = benchmarks.groupby("rule")
    table = pd.DataFrame(
        {
            "jobs": groups.size(),
            "hours": groups["s"].sum() / 3600,
            "cpu_hours": groups["cpu_time"].sum() / 3600,
            "mean_s": groups["s"].mean(),
            "longest_s": groups["s"].max(),
            "peak_mb": groups["max_rss"].max(),
        }
    ).sort_values("hours", ascending=False)
    every = {
        **table[["jobs", "hours", "cpu_hours"]].sum(),
        "mean_s": benchmarks["s"].mean(),
        **table[["longest_s", "peak_mb"]].max(),
    }
    table.loc["all"] = every
    return table.astype({"jobs": int}).reset_index()


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
