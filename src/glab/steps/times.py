"""Command `times`: a table of time and memory by rule, from the benchmark files of a run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from glab.errors import GlabError


def by_rule(benchmarks: pd.DataFrame) -> pd.DataFrame:
    """Return time and peak memory of each rule, the longest first, and of all rules.

    Args:
        benchmarks: one row for each job: `rule`, and Snakemake's columns `s` (wall time, s),
            `cpu_time` (s) and `max_rss` (MB); NaN where not measured, which is ignored.

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
    all_rules = {
        **table[["jobs", "hours", "cpu_hours"]].sum(),
        "mean_s": benchmarks["s"].mean(),
        **table[["longest_s", "peak_mb"]].max(),
    }
    table.loc["all"] = all_rules
    return table.astype({"jobs": int}).reset_index()


FORMATS = {"hours": "{:.3f}", "cpu_hours": "{:.3f}", "mean_s": "{:.1f}", "longest_s": "{:.1f}"}


def times(logs: Path = Path("logs")) -> None:
    """Print time and peak memory of a run by rule, the longest first.

    Args:
        logs: folder `logs` of the run. Of a job that ran twice the last time counts.

    Raises:
        GlabError: where the folder has no benchmark files.
    """
    benchmarks = sorted(logs.rglob("*.tsv"))
    if not benchmarks:
        raise GlabError(
            "no benchmark files",
            path=logs,
            expected="<rule>/….tsv",
            remedy="give the folder logs of a run",
        )
    table = by_rule(pd.concat([_benchmark(path, logs) for path in benchmarks]))
    formats = {name: text.format for name, text in FORMATS.items()} | {"peak_mb": "{:.0f}".format}
    print(table.to_string(index=False, formatters=formats, na_rep="–"))


def _benchmark(path: Path, logs: Path) -> pd.DataFrame:
    """Return the last row of a benchmark file: its rule, and its columns as numbers."""
    row = pd.read_csv(path, sep="\t").tail(1)
    columns = ["s", "cpu_time", "max_rss"]
    numbers = row.reindex(columns=columns).apply(pd.to_numeric, errors="coerce")
    return numbers.assign(rule=path.relative_to(logs).with_suffix("").parts[0])
