"""What the originals answer with weights that are seeded by their names (golden/README.md)."""

import json
import lzma
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tests.conftest import GOLDEN, SHARED


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One output of an original.

    Attributes:
      shape: the output's, (B, h, w, C).
      step: `values` holds every so many of the flattened output's values.
      values: (N,) these values.
      largest: the whole output's largest magnitude.
      whole: the whole output, where the team's shared folder is beside the checkout.
    """

    shape: tuple[int, ...]
    step: int
    values: np.ndarray
    largest: float
    whole: np.ndarray | None

    def error(self, found: np.ndarray) -> float:
        """The largest difference as a share of the answer's largest magnitude."""
        assert found.shape == self.shape
        differences = [np.abs(found.ravel()[:: self.step] - self.values).max()]
        if self.whole is not None:
            differences.append(np.abs(found - self.whole).max())
        return float(max(differences) / self.largest)


@cache
def _descriptions() -> dict[str, dict[str, Any]]:
    tree: dict[str, dict[str, Any]] = json.loads(
        lzma.decompress((GOLDEN / "networks.json.xz").read_bytes())
    )
    return tree


def description(name: str) -> dict[str, Any]:
    """`source`, `parameters`, and `state_dict` or `variables`: the weights' names and shapes."""
    return _descriptions()[name]


def picture(name: str) -> np.ndarray:
    """The normalised picture (1, H, W, 3) that the original was shown; 0..255 for cmu."""
    rng = np.random.default_rng(0)
    if name.startswith(("rtmpose", "vitpose")):
        channels_first = rng.standard_normal((1, 3, 256, 192))
        return channels_first.transpose(0, 2, 3, 1).astype(np.float32)
    if name == "cmu":
        return rng.integers(0, 256, (1, 64, 96, 3)).astype(np.float32)
    if "state_dict" not in description(name) or name.startswith("lightweight_openpose"):
        size = (64, 96)
    else:
        size = (128, 128) if name.startswith("hg_") else (128, 96)
    return (0.5 * rng.standard_normal((1, *size, 3))).astype(np.float32)


def answers(name: str) -> dict[str, Answer]:
    """What the original answered to `picture(name)`, by output."""
    whole: dict[str, np.ndarray] = {}
    if SHARED.is_dir():
        with np.load(SHARED / "golden" / f"{name}.npz") as arrays:
            whole = dict(arrays)
    with np.load(GOLDEN / "networks.npz") as slices:
        keys = [key for key in slices if key.startswith(f"{name}/") and key.count("/") == 1]
        return {
            key.rpartition("/")[2]: Answer(
                shape=tuple(slices[f"{key}/shape"].tolist()),
                step=int(slices[f"{key}/step"]),
                values=slices[key],
                largest=float(slices[f"{key}/largest"]),
                whole=whole.get(key.rpartition("/")[2]),
            )
            for key in keys
        }


def weights(name: str) -> dict[str, np.ndarray]:
    """Every weight of the original by its name, in the original's order of axes."""
    tree = description(name)
    if "state_dict" in tree:
        return {name: torch_weight(name, tuple(shape)) for name, shape in tree["state_dict"]}
    return {name: tf1_weight(name, tuple(shape)) for name, shape in tree["variables"]}


def torch_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = _generator(name)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var"):
        return np.asarray(0.5 + rng.random(shape), np.float32)
    if name.endswith(("running_mean", "bias")):
        return np.asarray(0.1 * rng.standard_normal(shape), np.float32)
    if sum(length > 1 for length in shape) <= 1 and len(shape) != 4:
        return np.asarray(0.5 + rng.random(shape), np.float32)
    scale = np.sqrt(1 / np.prod(shape[1:]))
    return np.asarray(rng.standard_normal(shape) * scale, np.float32)


def tf1_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = _generator(name)
    if name.endswith("moving_variance"):
        return np.asarray(0.5 + rng.random(shape), np.float32)
    if name.endswith(("moving_mean", "beta", "biases")):
        return np.asarray(0.1 * rng.standard_normal(shape), np.float32)
    fan_in = np.prod(shape[:2]) * (1 if name.endswith("depthwise_weights") else shape[2])
    return np.asarray(rng.standard_normal(shape) * np.sqrt(1 / fan_in), np.float32)


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))
