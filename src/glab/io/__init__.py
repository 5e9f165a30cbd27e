"""Read and write work files, products and tables; all files of the pipeline are written here.

In: datasets and tables. Out: files that get their name when they are complete. Their content
depends only on data, settings and code: the same inputs give the same bytes.

Read in this order: files (read and write), encoding (types, packing, attributes on disk),
provenance (stage, settings and inputs of a file), atomic (write, then rename), progress (the bar),
chain (from a file back to its inputs; not exported, because no stage needs it).
"""

from glab.io.atomic import atomic_path, disk_errors
from glab.io.encoding import PRODUCT, WORK, Style
from glab.io.files import read, read_table, write, write_blocks, write_table
from glab.io.provenance import Provenance, canonical_json

__all__ = [
    "PRODUCT",
    "WORK",
    "Provenance",
    "Style",
    "canonical_json",
    "atomic_path",
    "disk_errors",
    "read",
    "read_table",
    "write",
    "write_blocks",
    "write_table",
]
