"""human-pose-estimation-0001, folded and dequantised, as a .npz of `<layer>/kernel` and `/bias`.

Open Model Zoo's layers have the names of the original Caffe network, ours those of Lightweight
OpenPose's modules: only this format needs a table of names. Its second stage joins fields, heatmaps
and features in this order; ours joins features, heatmaps and fields, as in PyTorch.
"""

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .assign import TF1, Array

LAYOUT = TF1
BACKBONE = ("2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2", "5_3", "5_4", "5_5")
HEATMAPS, PAFS = 19, 38
_UNREADABLE = (  # what numpy and zipfile raise on a damaged, empty or encrypted file
    *(ValueError, OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error),
)


def layer_names() -> dict[str, str]:
    """Our layers' names by the file's."""
    names = {"conv1": "model.0.0"}
    for index, part in enumerate(BACKBONE, 1):
        names |= {f"conv{part}/dw": f"model.{index}.0", f"conv{part}/sep": f"model.{index}.3"}
    names |= {
        "conv4_3_CPM/al": "cpm.align.0",
        "conv4_3_CPM/red": "cpm.reduce.0",
        "conv4_3_CPM/dw1": "cpm.trunk.0.0",
        "conv4_3_CPM/dw1/1x1": "cpm.trunk.0.2",
        "conv4_3_CPM/dw2": "cpm.trunk.1.0",
        "conv4_3_CPM/dw2/1x1": "cpm.trunk.1.2",
        "conv4_3_CPM/dw3": "cpm.trunk.2.0",
        "conv4_3_CPM/inc": "cpm.trunk.2.2",
        "conv4_4_CPM": "cpm.conv.0",
    }
    for index in range(3):
        names[f"conv5_{index + 1}_CPM_L1"] = f"initial_stage.trunk.{index}.0"
    for index in range(5):
        here, there = f"refinement_stages.0.trunk.{index}", f"Mconv{index + 1}_stage2_L1"
        names |= {
            f"{there}/sq": f"{here}.initial.0",
            f"{there}/3x3": f"{here}.trunk.0.0",
            f"{there}/3x3/2": f"{here}.trunk.1.0",
        }
    for branch, head in (("L1", "pafs"), ("L2", "heatmaps")):
        names |= {
            f"conv5_4_CPM_{branch}": f"initial_stage.{head}.0.0",
            f"conv5_5_CPM_{branch}": f"initial_stage.{head}.1.0",
            f"Mconv6_stage2_{branch}": f"refinement_stages.0.{head}.0.0",
            f"Mconv7_stage2_{branch}": f"refinement_stages.0.{head}.1.0",
        }
    return names


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the arrays as `<layer>.kernel` and `<layer>.bias`, in TensorFlow's order of axes.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not that network's .npz.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}")
    try:
        with np.load(path) as file:
            stored = dict(file)
    except _UNREADABLE as error:
        raise ValueError(f"{path} is not a .npz of arrays: {error}") from error
    if not stored:
        raise ValueError(f"{path} is a .npz without arrays: was it cut off, or never filled?")
    return named(stored)


def named(stored: Mapping[str, Array]) -> dict[str, Array]:
    """Renames the arrays of the original's layers, and reorders what its second stage joins.

    Args:
      stored: `<layer>/kernel` and `<layer>/bias` by the original's names.
    """
    names = layer_names()
    arrays = {}
    for name, array in stored.items():
        layer, _, parameter = name.rpartition("/")
        if layer != "input":  # scale and offset: our network's first layer has them
            arrays[f"{names.get(layer, layer)}.{parameter}"] = np.asarray(array, np.float32)
    join = "refinement_stages.0.trunk.0.initial.0.kernel"
    if join in arrays and arrays[join].shape[2] > HEATMAPS + PAFS:
        pafs, heatmaps, features = np.split(arrays[join], (PAFS, PAFS + HEATMAPS), axis=2)
        arrays[join] = np.concatenate((features, heatmaps, pafs), axis=2)
    return arrays
