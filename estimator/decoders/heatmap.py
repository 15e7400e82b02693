"""Top-down: one person's heatmaps to keypoints."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """To be written."""
