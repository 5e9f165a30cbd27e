"""Compare both methods on the benchmark world, over seeds: the table of docs/method.md.

make osse SEED=2             runs both methods on one world: runs/osse/2
make osse SEED=2 CHANGE=false    the same world without long-term change: runs/osse/2-no-change
make osse-table              the table over all worlds in runs/osse
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from glab.io.files import read_table
from glab.report.tables import EARLY_R, FALSE_TREND, METHODS, measure_run

NO_CHANGE = "-no-change"


def find_worlds(folder: Path) -> list[Path]:
    """Return the folders of worlds with change on which every method is evaluated, by seed."""
    worlds = [
        path
        for path in folder.iterdir()
        if path.name.isdigit() and all(is_evaluated(path / method) for method in METHODS)
    ]
    return sorted(worlds, key=lambda path: int(path.name))


def is_evaluated(run: Path) -> bool:
    """Return whether a run has its table of skill."""
    return (run / "results" / "evaluate" / "skill.csv").is_file()


def read_measures(run: Path) -> pd.Series:
    """Return the measures of a run, from the tables in its folder."""
    folder = run / "results" / "evaluate"
    return measure_run(read_table(folder / "skill.csv"), read_table(folder / "breaks.csv"))


def compare_methods(world: Path) -> dict[str, pd.Series]:
    """Return the measures of each method on one world, also relative to published and ceiling."""
    by_method = {method: read_measures(world / method) for method in METHODS}
    published, ceiling = by_method["published"], by_method["trend-preserving"][EARLY_R[1]]
    for measures in by_method.values():
        measures["RMSE against published"] = measures["RMSE"] / published["RMSE"]
        measures[f"{EARLY_R[0]}, against published"] = measures[EARLY_R[0]] - published[EARLY_R[0]]
        measures[f"{EARLY_R[0]}, against the ceiling"] = measures[EARLY_R[0]] / ceiling
    return by_method


def collect_measures(folder: Path) -> pd.DataFrame:
    """Return measures (rows) by method and seed (columns); false trends of worlds without change.

    Args:
        folder: contains a folder for each world, with or without change.
    """
    columns = {}
    for world in find_worlds(folder):
        for method, measures in compare_methods(world).items():
            still = world.with_name(world.name + NO_CHANGE) / method
            known = is_evaluated(still)
            measures[FALSE_TREND[1]] = (
                read_measures(still)[FALSE_TREND[0]] if known else float("nan")
            )
            columns[method, int(world.name)] = measures
    return pd.DataFrame(columns)


def as_markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """Return medians over seeds by method, followed by the value of each seed."""
    seeds = sorted({seed for _, seed in table.columns})
    lines = [
        f"Seeds {', '.join(map(str, seeds))}: median over the worlds, then each world's value.",
        "",
        "| | " + " | ".join(METHODS) + " |",
        "|---|" + "---|" * len(METHODS),
    ]
    for label in table.index:
        cells = []
        for method in METHODS:
            values = table.loc[label, method]
            each = " ".join(_number(value, digits) for value in values)
            cells.append(f"**{_number(values.median(), digits)}** ({each})")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float, digits: int) -> str:
    """Format a number; a dash where it is missing."""
    return "–" if pd.isna(value) else f"{value:.{digits}g}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs/osse"))
    print(as_markdown(collect_measures(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
