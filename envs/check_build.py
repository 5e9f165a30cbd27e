"""Stop before pip takes an accelerator build of PyTorch that nobody asked for.

Usage: python envs/check_build.py [options for pip install]

Asks pip what it would install for torch, without installing it. Environment variable ACCELERATOR:
when it is set, anything goes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

ACCELERATOR_PREFIXES = ("nvidia-", "cuda-", "triton", "pytorch-triton", "rocm")

ADVICE = """\
pip would install an accelerator build of PyTorch, several GB in size:
  {packages}
For a CPU build pass the options that PyTorch's own installation page gives for one, for example
  make install PIP_EXTRA="--extra-index-url …"
or take the accelerator build on purpose:
  make install ACCELERATOR=1"""


def accelerator_packages(report: dict[str, Any]) -> list[str]:
    """Packages of pip's installation report that only an accelerator needs."""
    names = [item["metadata"]["name"].lower() for item in report["install"]]
    return sorted(name for name in names if name.startswith(ACCELERATOR_PREFIXES))


def pip_report(options: list[str]) -> dict[str, Any]:
    """What pip would install for torch with these options."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    command += ["--quiet", "--report", "-", *options, "torch"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Ask pip and stop where it would bring what nobody asked for."""
    if os.environ.get("ACCELERATOR"):
        return
    packages = accelerator_packages(pip_report(sys.argv[1:]))
    if packages:
        sys.exit(ADVICE.format(packages=", ".join(packages)))


if __name__ == "__main__":
    main()
