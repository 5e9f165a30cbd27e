"""Typed settings and the slices that steps receive."""

from glab.config.inversion import *  # noqa: F403
from glab.config.links import *  # noqa: F403
from glab.config.products import *  # noqa: F403
from glab.config.record import Config, config_from, load_config, overlaid
from glab.config.sections import *  # noqa: F403
from glab.config.sections import Section

__all__ = ["Config", "Section", "config_from", "load_config", "overlaid"]
