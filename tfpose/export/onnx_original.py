"""Lightweight OpenPose as an .onnx or .xml in the original's layout, for tools made for it.

Daniil-Osokin/lightweight-human-pose-estimation.pytorch, `scripts/convert_to_onnx.py`: input `data`
(1, 3, H, W), BGR, normalised as (x - 128) / 256; outputs of every stage, heatmaps as
`stage_I_output_1_heatmaps` and fields as `stage_I_output_0_pafs`, (1, C, h, w). Open Model Zoo's
human-pose-estimation-0001 was made of such a file. It carries no spec: our own programs take the
files without these names.
"""

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from estimator import files
from estimator.spec import PoseSpec

from . import openvino_ir
from .network import made_picture
from .onnx import OPSET
from .tflite import TOLERANCE, ParityError

LAYOUTS = ("lightweight_openpose",)
MIDDLE, SCALE = 128.0, 256.0  # of the original's normalisation
NAMES = {"heatmaps": "stage_{}_output_1_heatmaps", "pafs": "stage_{}_output_0_pafs"}


def export(model: keras.Model, spec: PoseSpec, path: str | os.PathLike[str]) -> dict[str, float]:
    """Writes the file, if it answers as Keras does.

    Args:
      model: of `spec`.
      spec: of a bottom-up network; its height and width become the file's.
      path: ends in .onnx, or in .xml for OpenVINO, which gets a .bin beside it.

    Returns:
      The largest difference of each output, as a share of its largest magnitude.

    Raises:
      ImportError: tf2onnx or onnxruntime is not installed.
      ValueError: the network has no fields, or the name has another suffix.
      ParityError: the file answers otherwise; nothing was written.
    """
    if not spec.outputs.pafs:
        raise ValueError(f"{spec.model} has no part affinity fields, as Lightweight OpenPose has")
    if Path(path).suffix not in (".onnx", ".xml"):
        raise ValueError(f"the file's name must end in .onnx or .xml, found {path}")
    data = to_onnx(model, spec)
    differences = _differences(model, spec, data)
    if not max(differences.values()) <= TOLERANCE:
        raise ParityError(f"ONNX Runtime answers otherwise: {differences}; nothing was written")
    if Path(path).suffix == ".xml":
        openvino_ir.write(data, Path(path), None)
    else:
        files.write(path, data)
    return differences


def to_onnx(model: keras.Model, spec: PoseSpec) -> bytes:
    """Converts every stage of a network for the spec's size."""
    try:
        import tf2onnx
    except ImportError as error:
        raise ImportError("ONNX needs tf2onnx: pip install 'tfpose[onnx-export]'") from error

    def answer(data: tf.Tensor) -> dict[str, tf.Tensor]:
        image = tf.transpose(data, (0, 2, 3, 1))[..., ::-1] * SCALE + MIDDLE
        outputs = model(image, training=False)
        return {
            NAMES[head].format(stage): tf.transpose(maps, (0, 3, 1, 2))
            for head, stages in outputs.items()
            for stage, maps in enumerate(stages)
        }

    size = (1, 3, spec.image.height, spec.image.width)
    function = tf.function(answer, autograph=False)
    proto, _ = tf2onnx.convert.from_function(
        function, input_signature=[tf.TensorSpec(size, tf.float32, name="data")], opset=OPSET
    )
    data: bytes = proto.SerializeToString()
    return data


def _differences(model: keras.Model, spec: PoseSpec, data: bytes) -> dict[str, float]:
    import onnxruntime

    picture = made_picture(spec.image.height, spec.image.width)  # RGB 0..255
    normalised = ((picture[..., ::-1] - MIDDLE) / SCALE).transpose(0, 3, 1, 2)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, {"data": normalised}), strict=True))
    differences = {}
    for head, stages in model(picture, training=False).items():
        for stage, maps in enumerate(stages):
            name, wanted = NAMES[head].format(stage), np.asarray(maps).transpose(0, 3, 1, 2)
            largest = max(float(np.abs(wanted).max()), float(np.finfo(np.float32).tiny))
            differences[name] = float(np.abs(found[name] - wanted).max()) / largest
    return differences
