"""human-pose-estimation-0001 with random weights, in the files that Open Model Zoo publishes."""

from pathlib import Path

import numpy as np

from tests.tfpose.weights.test_openvino_ir import write
from tfpose import models
from tfpose.weights import loading
from tfpose.weights.formats import human_pose_estimation_0001

NAME = "human_pose_estimation_0001"


def make(folder: Path) -> Path:
    """Writes the .xml and the .bin, as `tfpose weights` calls them; returns the .xml."""
    folder.mkdir(parents=True, exist_ok=True)
    there = loading.named_variables(models.build(models.spec(NAME)))
    random, arrays = np.random.default_rng(0), {}
    for original, ours in human_pose_estimation_0001.layer_names().items():
        for part in ("kernel", "bias"):
            shape = tuple(there[f"{ours}/{part}"].shape)
            arrays[f"{original}/{part}"] = random.normal(0, 0.05, shape).astype(np.float32)
    return write(folder / f"{NAME}.xml", arrays, "FP16-INT8")


if __name__ == "__main__":
    import sys

    print(make(Path(sys.argv[1])))
