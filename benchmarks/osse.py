"""Both methods on the benchmark world, over seeds: the table of the README and of docs/method.md.

make osse SEED=2             runs both methods on one world: runs/osse/2
make osse SEED=2 CHANGE=false    the same world without long-term change: runs/osse/2-no-change
make osse-table              the table over every world that is there
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from glab.io.files import read_table
from glab.report.tables import EARLY_R, FALSE_TREND, METHODS, summary

NO_CHANGE = "-no-change"


def worlds(folder: Path) -> list[Path]:
    """Folders of worlds that change, with a verdict on every method, by seed."""
    found = [
        path
        for path in folder.iterdir()
        if path.name.isdigit() and all(is_judged(path / method) for method in METHODS)
    ]
    return sorted(found, key=lambda path: int(path.name))


def is_judged(run: Path) -> bool:
    """Whether `evaluate` is done."""
    return (run / "results" / "evaluate" / "skill.csv").is_file()


def read_summary(run: Path) -> pd.Series:
    """The measures of a run that `evaluate` has judged, from its folder."""
    folder = run / "results" / "evaluate"
    return summary(read_table(folder / "skill.csv"), read_table(folder / "breaks.csv"))


def compared(world: Path) -> dict[str, pd.Series]:
    """Measures of each method on one world, and what is told against one another."""
    found = {method: read_summary(world / method) for method in METHODS}
    published, ceiling = found["published"], found["trend-preserving"][EARLY_R[1]]
    for measures in found.values():
        measures["RMSE against published"] = measures["RMSE"] / published["RMSE"]
        measures[f"{EARLY_R[0]}, against published"] = measures[EARLY_R[0]] - published[EARLY_R[0]]
        measures[f"{EARLY_R[0]}, against the ceiling"] = measures[EARLY_R[0]] / ceiling
    return found


def gathered(folder: Path) -> pd.DataFrame:
    """Measures (rows) by method and seed (columns); false trends come from worlds of no change."""
    columns = {}
    for world in worlds(folder):
        for method, measures in compared(world).items():
            still = world.with_name(world.name + NO_CHANGE) / method
            told = read_summary(still)[FALSE_TREND[0]] if is_judged(still) else float("nan")
            measures[FALSE_TREND[1]] = told
            columns[method, int(world.name)] = measures
    return pd.DataFrame(columns)


def as_markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """Medians over seeds by method, and each seed's value behind them."""
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
    """A number of the table; a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:.{digits}g}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs/osse"))
    print(as_markdown(gathered(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
