"""Bottom-up: heatmaps and part affinity fields to people."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """To be written."""
