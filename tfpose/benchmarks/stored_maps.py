"""Maps on disk: .npz files of networks that see openpose18's keypoints at stride 8."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from estimator import skeletons
from estimator.arrays import Float
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

SPEC = PoseSpec(
    model="stored maps",
    skeleton=skeletons.get("openpose18"),
    image=ImageSpec(height=368, width=368),
    outputs=OutputSpec(stride=8),
    decoder=paf.Parameters(),
)


def read(file: Path) -> dict[str, Float]:
    """The `heatmaps` (h, w, 19) and `pafs` (h, w, 38) of a file."""
    with np.load(file) as arrays:
        return {name: arrays[name].astype(np.float32) for name in SPEC.channels}


def find(paths: Iterable[str]) -> list[Path]:
    """The files among the paths, and the .npz files of the folders.

    Raises:
      FileNotFoundError: there is no such file or folder, or a folder without .npz files.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        found = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not found or not found[0].is_file():
            raise FileNotFoundError(f"{path} is neither an .npz file nor a folder of them")
        files += found
    return files
