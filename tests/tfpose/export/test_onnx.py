import keras
import numpy as np
import pytest

from tfpose import export, models
from tfpose.export import onnx
from tfpose.export.network import made_picture
from tfpose.models import vitpose

pytest.importorskip("tf2onnx")


def test_a_vision_transformers_gelu_is_understood() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    keras.utils.set_random_seed(0)
    spec = models.spec("vitpose_s", height=32, width=32)
    variant = vitpose.Variant(width=24, heads=2, layers=1, simple=True)
    network = export.deployed(vitpose.build(spec, 32, 32, variant=variant), spec, 32, 32)
    session = onnxruntime.InferenceSession(
        onnx.to_onnx(network, spec), providers=["CPUExecutionProvider"]
    )
    image = made_picture(32, 32)
    (found,) = session.run(["heatmaps"], {"image": image})
    expected = np.asarray(network(image)["heatmaps"])
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
