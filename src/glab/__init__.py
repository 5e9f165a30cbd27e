"""GLAB: long-term L-band brightness temperature and vegetation optical depth."""

__version__ = "0.1.0"
