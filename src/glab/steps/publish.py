"""Join all years of a product in one Zarr store."""

from __future__ import annotations

from pathlib import Path

from glab import io
from glab.config import Publish
from glab.products.publish import fill_store, store_attributes


def publish(years: list[Path], output: Path, settings: Publish) -> None:
    """Join all years of a product in one Zarr store (format 2, consolidated metadata).

    Args:
        years: the yearly files of the product, in any order.
        output: folder of the store.
        settings: chunk lengths.
    """
    import zarr

    ordered = sorted(years, key=lambda path: (path.name, path))
    datasets = [io.read(path, decoded=False) for path in ordered]
    origin = io.Provenance("publish", settings, ordered).as_attributes()
    with io.atomic_path(output) as temporary:
        group = zarr.create_group(str(temporary), zarr_format=2)
        fill_store(group, datasets, settings)
        own = {key: origin[key] for key in origin if key == "source" or key.startswith("glab_")}
        group.attrs.update(store_attributes(datasets) | own)
        zarr.consolidate_metadata(group.store, zarr_format=2)
