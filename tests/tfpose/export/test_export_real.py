"""Trained weights, a real photograph: the same people from every format."""

from pathlib import Path

import keras
import numpy as np
import pytest

from estimator import bundle, pictures
from estimator.poses import Poses
from estimator.spec import PoseSpec
from tfpose import export
from tfpose.evaluation import network as networks
from tfpose.evaluation import prediction
from tfpose.export import calibration, gate, source
from tfpose.export.int8 import clipping, equalise, rounding

pytestmark = pytest.mark.slow
NAME = "human_pose_estimation_0001"


@pytest.fixture(scope="module")
def trained(shared: Path) -> tuple[keras.Model, PoseSpec]:
    return source.load(NAME, str(shared / "weights" / f"{NAME}.npz"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("float32", "model.tflite", marks=pytest.mark.soak),
        ("float16", "model.tflite"),
        pytest.param("saved_model", "model", marks=pytest.mark.soak),
        ("onnx", "model.onnx"),
    ],
)
def test_float_formats_find_the_same_people(
    kind: str, name: str, trained: tuple, shared: Path, tmp_path: Path
) -> None:
    if kind == "onnx":
        pytest.importorskip("tf2onnx")
    model, spec = trained
    photo = pictures.read(shared / "photos" / "p3.jpg")
    material = export.Material(pictures=[photo], source="p3.jpg")
    report = export.export(model, spec, tmp_path / name, kind=kind, material=material)
    assert report.alike.people == 3
    assert report.alike.oks > 0.99
    expected, found = (
        prediction.estimator_of(network)(photo)
        for network in (networks.of_keras(model, spec), networks.load(tmp_path / name))
    )
    assert isinstance(found, Poses)
    assert np.nanmax(np.abs(expected.xy - found.xy)) < 0.5
    assert bundle.read(tmp_path / name) == spec


@pytest.mark.soak
def test_int8_needs_what_is_done_for_it(
    trained: tuple, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels evened out, ranges clipped, biases corrected; six pictures suffice to see it."""
    model, spec = trained
    data = shared / "data" / "images_lspet_0.zip"
    photos = [pictures.read(file) for file in sorted((shared / "photos").glob("p*.jpg"))]
    material = export.Material(
        calibration=calibration.read([data], 6), pictures=photos, source="photos"
    )
    even = export.export(model, spec, tmp_path / "a.tflite", kind="int8", material=material)
    assert even.failures == ()
    assert even.alike.oks > 0.95
    assert even.heads["pafs"].rms < 0.1
    steps = ((equalise, "equalise"), (clipping, "clip"), (rounding, "correct"))
    for module, name in steps:
        monkeypatch.setattr(module, name, lambda network, inputs: 0)
    plain = gate.Thresholds(largest=9, rms=9, oks=0, ap=1)
    bare = export.export(
        model, spec, tmp_path / "b.tflite", kind="int8", material=material, thresholds=plain
    )
    assert bare.heads["pafs"].rms > 3 * even.heads["pafs"].rms
