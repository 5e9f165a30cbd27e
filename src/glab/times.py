"""What the jobs of a run cost, by rule."""

from __future__ import annotations

import pandas as pd


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
