"""Draw the graph of rules into docs/run.md, from the graph that Snakemake prints.

snakemake --forceall --rulegraph mermaid-js --quiet all | python docs/rule_graph.py docs/run.md
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BLOCK = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)
EVERYWHERE = {"all", "domain"}  # the target, and what every stage reads: their lines would hide all


def drawn(mermaid: str) -> str:
    """Snakemake's graph with names for numbers, in order, without colours."""
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", mermaid, re.M))
    lines = re.findall(r"^\s*(id\d+) --> (id\d+)", mermaid, re.M)
    edges = sorted({(names[a], names[b]) for a, b in lines})
    kept = [f"    {a} --> {b}" for a, b in edges if not EVERYWHERE & {a, b}]
    return "\n".join(["```mermaid", "flowchart TB", "    domain --> regrid", *kept, "```", ""])


def main(readme: Path) -> None:
    """Put the graph on standard input into the one mermaid block of a file."""
    text = readme.read_text(encoding="utf-8")
    new, count = BLOCK.subn(lambda _: drawn(sys.stdin.read()), text)
    if count != 1:
        sys.exit(f"{readme}: {count} mermaid blocks, one is needed")
    readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
