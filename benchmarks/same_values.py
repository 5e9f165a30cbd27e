"""Compare the values of two runs: every product variable must be equal, bit by bit.

    python benchmarks/same_values.py <a run's folder> <another run's folder> [folder of results …]

Attributes are not compared, because they contain the settings, the code print and the inputs.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import netCDF4
import numpy as np


def digest(variable: netCDF4.Variable) -> str:
    """Return the hash of the stored values, type and dimensions of a variable."""
    variable.set_auto_maskandscale(False)
    values = np.ascontiguousarray(variable[...])
    values = values.astype(str) if values.dtype == object else values  # texts, not their addresses
    text = f"{variable.dtype} {variable.dimensions} {values.shape}".encode()
    return hashlib.sha256(text + values.tobytes()).hexdigest()


def digests(path: Path) -> dict[str, str]:
    """Return the hash of every variable of a file, by name."""
    with netCDF4.Dataset(path) as file:
        return {name: digest(variable) for name, variable in file.variables.items()}


def main(first: Path, second: Path, folders: list[str]) -> int:
    """Print each difference and their number; return 1 if there is one, or no file to compare."""
    files = variables = 0
    different: list[str] = []
    for folder in folders:
        pair = [
            {p.relative_to(run) for p in (run / folder).rglob("*.nc")} for run in (first, second)
        ]
        different += [f"{name}: in one run only" for name in sorted(pair[0] ^ pair[1])]
        for name in sorted(pair[0] & pair[1]):
            a, b = digests(first / name), digests(second / name)
            files, variables = files + 1, variables + len(a)
            different += [f"{name}: {v}" for v in sorted(a.keys() | b) if a.get(v) != b.get(v)]
    print("\n".join(different))
    print(f"{files} files, {variables} variables, {len(different)} differences")
    return int(bool(different) or not files)


if __name__ == "__main__":
    runs = [Path(argument) for argument in sys.argv[1:3]]
    sys.exit(main(*runs, sys.argv[3:] or ["results/product"]))
