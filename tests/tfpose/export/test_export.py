from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from estimator import bundle
from estimator.spec import PoseSpec
from tfpose import export, models

SPEC = models.spec("lightweight_openpose_half", height=32, width=48)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return models.build(SPEC)


def test_the_file_holds_the_last_stage_and_the_spec(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    differences = export.export_tflite(model, SPEC, path)
    assert set(differences) == {"heatmaps", "pafs"}
    assert bundle.read(path) == SPEC
    interpreter = Interpreter(str(path))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["heatmaps", "pafs"]}
    }
    image = np.random.default_rng(1).uniform(0, 255, (1, 32, 48, 3)).astype(np.float32)
    found = interpreter.get_signature_runner()(image=image)
    expected = model(image)
    for name in ("heatmaps", "pafs"):
        assert np.allclose(found[name], expected[name][-1], atol=1e-5)


def test_a_flexible_network_exports_at_the_size_of_the_spec(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    export.export_tflite(models.build(SPEC, flexible=True), SPEC, path)
    (details,) = Interpreter(str(path)).get_input_details()
    assert details["shape"].tolist() == [1, 32, 48, 3]


def test_a_converted_network_that_answers_otherwise_is_not_written(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = export.to_tflite(export.deployed(models.build(SPEC), SPEC, 32, 48))
    monkeypatch.setattr(export.tflite, "to_tflite", lambda network: other)
    with pytest.raises(export.ParityError, match=r"differs by .* nothing was written"):
        export.export_tflite(model, SPEC, tmp_path / "model.tflite")
    assert list(tmp_path.iterdir()) == []


def rigid(spec: PoseSpec) -> keras.Model:
    """A network whose upsampling has a constant size in TFLite."""
    image = keras.Input((spec.image.height, spec.image.width, 3), name="image")
    x = keras.layers.Conv2D(4, 3, strides=16, padding="same")(image)
    x = keras.layers.UpSampling2D(2)(x)
    outputs = {name: [keras.layers.Conv2D(count, 1)(x)] for name, count in spec.channels.items()}
    return keras.Model(image, outputs, name="rigid")


def test_a_graph_that_cannot_be_resized_is_not_called_flexible(tmp_path: Path) -> None:
    spec = replace(SPEC, image=replace(SPEC.image, multiple=16))
    with pytest.raises(export.ParityError, match="at 16x64"):
        export.export_tflite(rigid(spec), spec, tmp_path / "model.tflite")
    assert list(tmp_path.iterdir()) == []
    fixed = replace(spec, image=replace(spec.image, flexible=False))
    export.export_tflite(rigid(fixed), fixed, tmp_path / "model.tflite")


def test_a_model_of_another_skeleton_is_refused(model: keras.Model, tmp_path: Path) -> None:
    small = replace(SPEC, outputs=replace(SPEC.outputs, background=False))
    with pytest.raises(ValueError, match=r"'heatmaps': 19.*its spec says.*'heatmaps': 18"):
        export.export_tflite(model, small, tmp_path / "model.tflite")
