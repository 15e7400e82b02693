from pathlib import Path

import numpy as np
import pytest

from tfpose import models
from tfpose.export import onnx_original

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")


def test_the_file_has_the_originals_names_layout_and_answers(tmp_path: Path) -> None:
    spec = models.spec("lightweight_openpose_half", height=64, width=96)
    model = models.build(spec)
    path = tmp_path / "model.onnx"
    differences = onnx_original.export(model, spec, path)
    assert max(differences.values()) < 1e-4
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (data,) = session.get_inputs()
    assert (data.name, data.shape) == ("data", [1, 3, 64, 96])
    shapes = {output.name: output.shape for output in session.get_outputs()}
    assert shapes == {
        f"stage_{stage}_output_{place}_{name}": [1, count, 8, 12]
        for stage in (0, 1)
        for place, name, count in ((1, "heatmaps", 19), (0, "pafs", 38))
    }
    # Blue is the first channel: a blue picture is not a red one.
    blue = np.zeros((1, 3, 64, 96), np.float32) - 0.5
    blue[:, 0] = 127 / 256
    image = np.zeros((1, 64, 96, 3), np.float32)
    image[..., 2] = 255
    found = session.run(["stage_1_output_1_heatmaps"], {"data": blue})[0]
    wanted = np.asarray(model(image)["heatmaps"][-1]).transpose(0, 3, 1, 2)
    assert np.abs(found - wanted).max() < 1e-4 * max(1.0, np.abs(wanted).max())


def test_openvino_reads_the_same_under_the_originals_names(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    spec = models.spec("lightweight_openpose_half", height=64, width=96)
    model = models.build(spec)
    onnx_original.export(model, spec, tmp_path / "model.xml")
    assert {path.name for path in tmp_path.iterdir()} == {"model.xml", "model.bin"}
    compiled = openvino.Core().compile_model(
        tmp_path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    assert compiled.input(0).get_any_name() == "data"
    red = np.full((1, 3, 64, 96), -0.5, np.float32)
    red[:, 2] = 127 / 256  # BGR
    image = np.zeros((1, 64, 96, 3), np.float32)
    image[..., 0] = 255
    found = compiled(red)["stage_1_output_0_pafs"]
    wanted = np.asarray(model(image)["pafs"][-1]).transpose(0, 3, 1, 2)
    assert np.abs(found - wanted).max() < 1e-4 * max(1.0, np.abs(wanted).max())


def test_a_network_without_fields_and_another_suffix_are_refused(tmp_path: Path) -> None:
    spec = models.spec("hrnet_w18_v1")
    with pytest.raises(ValueError, match="no part affinity fields"):
        onnx_original.export(None, spec, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"must end in \.onnx or \.xml"):
        onnx_original.export(None, models.spec("cmu"), tmp_path / "a.tflite")
