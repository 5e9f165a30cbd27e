"""Native values on the domain: quality control, conservative regridding, merging, footprints."""

from glab.regrid.footprint import footprint
from glab.regrid.gaussian import gaussian_footprint
from glab.regrid.ingest import Ingest, latest_versions
from glab.regrid.on_domain import OnDomain, source_grid
from glab.regrid.quality import quality_controlled
from glab.regrid.regridder import Regridder, regridder
from glab.regrid.sparse import Cells
from glab.regrid.stream import Archive, year_blocks
from glab.regrid.weights import separable_weights

__all__ = [
    "Archive",
    "Cells",
    "Ingest",
    "OnDomain",
    "Regridder",
    "footprint",
    "gaussian_footprint",
    "latest_versions",
    "quality_controlled",
    "regridder",
    "separable_weights",
    "source_grid",
    "year_blocks",
]
