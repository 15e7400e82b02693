"""The weights that the golden outputs were made with: seeded by their names (golden/README.md)."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def description(shared: Path, name: str) -> dict[str, Any]:
    """golden/NAME.json: `source`, `parameters`, and `state_dict` or `variables`."""
    tree: dict[str, Any] = json.loads((shared / "golden" / f"{name}.json").read_text())
    return tree


def outputs(shared: Path, name: str) -> dict[str, np.ndarray]:
    """golden/NAME.npz: `x`, normalised, and what the original answered."""
    with np.load(shared / "golden" / f"{name}.npz") as arrays:
        return dict(arrays)


def weights(shared: Path, name: str) -> dict[str, np.ndarray]:
    """Every weight of the original by its name, in the original's order of axes."""
    tree = description(shared, name)
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


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a share of the expected output's largest magnitude."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))
