"""Typed settings and the slices that steps receive."""

from glab.config.links import *  # noqa: F403
from glab.config.products import *  # noqa: F403
from glab.config.retrieval import *  # noqa: F403
from glab.config.run import Config, config_from, load_config, merge_overlay
from glab.config.sources import *  # noqa: F403
from glab.config.sources import Section

__all__ = ["Config", "Section", "config_from", "load_config", "merge_overlay"]
