"""Every format from one network, through the gate, and read again as a user would."""

import base64
import errno
import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from estimator import bundle, pictures
from estimator.inputs import preprocess
from estimator.pose_estimator import PoseEstimator
from estimator.spec import PoseSpec
from tfpose import export, models
from tfpose.evaluation import network as networks
from tfpose.export import calibration, gate, letterbox, reports, source

SPEC = models.spec("lightweight_openpose_half", height=32, width=48)
FIXED = replace(SPEC, image=replace(SPEC.image, flexible=False))
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return models.build(SPEC, flexible=True)


def name_of(kind: str) -> str:
    names = {"saved_model": "served", "onnx": "model.onnx", "openvino": "model.xml"}
    return names.get(kind, "model.tflite")


MATERIAL = export.Material(calibration=[PICTURE], pictures=[PICTURE], source="noise")


@pytest.fixture(scope="module")
def exported(
    model: keras.Model, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, gate.Report]]:
    """The network in a format, in a folder of its own, and the gate's report; made once."""

    @functools.cache
    def make(kind: str) -> tuple[Path, gate.Report]:
        if kind in ("onnx", "openvino"):
            pytest.importorskip("tf2onnx")
        if kind == "openvino":
            pytest.importorskip("openvino")
        out = tmp_path_factory.mktemp(kind) / name_of(kind)
        return out, export.export(model, SPEC, out, kind=kind, material=MATERIAL)

    return make


@pytest.mark.slow
@pytest.mark.parametrize("kind", export.FORMATS)
def test_every_format_passes_and_is_read_with_its_spec(
    kind: str, model: keras.Model, exported: Callable[[str], tuple[Path, gate.Report]]
) -> None:
    out, report = exported(kind)
    assert report.failures == ()
    assert bundle.read(out) == SPEC
    network = networks.load(out)
    image, _ = preprocess.letterbox(PICTURE, SPEC.image)
    for name, maps in networks.of_keras(model, SPEC).runner(image).items():
        error = np.abs(network.runner(image)[name] - maps).max() / np.abs(maps).max()
        assert error <= export.THRESHOLDS[kind].largest
    names = {out.name, f"{out.name}.export.json", f"{out.name}.export.txt"}
    names |= {"model.bin"} if kind == "openvino" else set()
    assert {file.name for file in out.parent.iterdir()} == names
    assert json.loads((out.parent / f"{out.name}.export.json").read_text())["kind"] == kind


def test_int8_takes_the_bytes_of_a_camera_and_has_a_scale_a_channel(
    model: keras.Model, tmp_path: Path
) -> None:
    out = tmp_path / "model.tflite"
    grey = np.full((32, 48, 3), 100, np.uint8)  # holds neither 0 nor 255
    material = replace(MATERIAL, calibration=[grey, PICTURE // 2 + 50])
    export.export(model, FIXED, out, kind="int8", material=material, force=True)
    interpreter = Interpreter(str(out))
    (details,) = interpreter.get_input_details()
    assert (details["dtype"], details["quantization"]) == (np.uint8, (1.0, 0))
    kernels = [
        tensor["quantization_parameters"]["scales"]
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.int8 and len(tensor["shape"]) == 4
    ]
    assert sum(len(scales) > 1 for scales in kernels) > 40
    assert [o["dtype"] for o in interpreter.get_output_details()] == [np.float32, np.float32]


def broken(model: keras.Model) -> keras.Model:
    other = keras.models.clone_model(model)
    other.set_weights([weight * 1.5 for weight in model.get_weights()])
    return other


def test_a_file_that_answers_otherwise_is_written_by_force_only(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = broken(model)
    monkeypatch.setattr(
        export.writing, "deployed", lambda model, *rest: export.deployed(wrong, *rest)
    )
    out = tmp_path / "model.tflite"
    with pytest.raises(export.GateError, match="was not written: heatmaps: largest error"):
        export.export(model, FIXED, out, kind="float32", material=MATERIAL)
    assert list(tmp_path.iterdir()) == []
    report = export.export(model, FIXED, out, kind="float32", material=MATERIAL, force=True)
    assert report.failures
    assert out.is_file()
    assert "FAILED: heatmaps" in (tmp_path / "model.tflite.export.txt").read_text()


def test_a_full_disk_leaves_nothing(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"no space left for .*model.tflite .*nothing was written"):
        export.export(model, FIXED, tmp_path / "model.tflite", kind="float32", material=MATERIAL)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_saved_model(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "variables/part-00000-of-00001.data: No space left on device"

    def write(model: keras.Model, spec: PoseSpec, folder: Path) -> None:
        folder.mkdir()
        (folder / "fingerprint.pb").write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, text)

    monkeypatch.setattr(export.saved_model, "write", write)
    with pytest.raises(OSError, match=r"no space left for .*served .*nothing was written"):
        export.export(model, FIXED, tmp_path / "served", kind="saved_model", material=MATERIAL)
    assert list(tmp_path.iterdir()) == []
    text = "OOM when allocating tensor"
    with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM"):
        export.export(model, FIXED, tmp_path / "served", kind="saved_model", material=MATERIAL)
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_report_leaves_no_model(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if ".export." not in path.name:
            return write(path, data)
        write(path, data[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="nothing was written"):
        export.export(model, FIXED, tmp_path / "model.tflite", kind="float32", material=MATERIAL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("int8", "model.tflite", "int8 needs pictures to calibrate with, found none"),
        ("float32", "model.onnx", r"must end in \.tflite, found"),
        ("saved_model", "model.tflite", "must be a folder, without a suffix"),
        ("float8", "model.tflite", "format must be one of float32, .*found 'float8'"),
    ],
)
def test_a_wrong_wish_is_refused_at_once(
    kind: str, name: str, message: str, model: keras.Model, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        export.export(model, SPEC, tmp_path / name, kind=kind)
    with pytest.raises(FileNotFoundError, match="make it first"):
        export.export(model, SPEC, tmp_path / "none" / "model.tflite", kind="float32")


def test_pictures_from_folders_and_zips(tmp_path: Path) -> None:
    with pytest.raises(calibration.NoPicturesError, match="no pictures were given"):
        calibration.read([], 4)
    with pytest.raises(calibration.NoPicturesError, match="no picture can be read"):
        calibration.read([tmp_path], 4)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number, np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    found = calibration.read([tmp_path], 9)
    assert sorted(int(picture[0, 0, 0]) for picture in found) == [0, 1, 2]
    assert len(calibration.read([tmp_path, tmp_path / "1.png"], 2)) == 2
    assert len(calibration.read([pictures.SAMPLE], 5)) == 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15
def test_the_wrong_weights_are_refused(model: keras.Model, tmp_path: Path) -> None:
    weights = tmp_path / "half.weights.h5"
    model.save_weights(weights)
    with pytest.raises(ValueError, match="does not hold the weights of"):
        source.load("lightweight_openpose", str(weights))
    loaded, spec = source.load("lightweight_openpose_half", str(weights), fixed=True)
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    assert not spec.image.flexible
    with pytest.raises(
        ValueError, match=r"image\.height must be a positive multiple of 8, .*found 30"
    ):
        source.load("lightweight_openpose_half", str(weights), height=30)
    with pytest.raises(FileNotFoundError, match="no weights at"):
        source.load("lightweight_openpose_half", "none.weights.h5")
    with pytest.raises(ValueError, match="needs its weights"):
        source.load("lightweight_openpose_half")


@pytest.mark.parametrize(("height", "width"), [(97, 61), (301, 200), (20, 90), (32, 48)])
def test_letterbox_in_the_graph_is_the_estimators(height: int, width: int) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)).astype(np.uint8)
    picture = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR))
    expected, matrix = preprocess.letterbox(picture, FIXED.image)
    _, encoded = cv2.imencode(".png", picture[..., ::-1])
    found, back = tf.function(letterbox.letterbox_files)(tf.constant([encoded.tobytes()]), 32, 48)
    error = np.abs(found.numpy() - expected)
    assert error.max() <= 2
    assert error.mean() < 0.2
    point = np.array([10.0, 7.0, 1.0]) @ matrix.T
    np.testing.assert_allclose([*point, 1] @ back.numpy()[0].T, [10, 7], atol=1e-4)


@pytest.mark.slow
def test_tensorflow_servings_requests(
    exported: Callable[[str], tuple[Path, gate.Report]],
) -> None:
    """REST's JSON becomes tensors as Serving makes them: by signature name, base64 under b64."""
    loaded = tf.saved_model.load(str(exported("saved_model")[0]))
    assert set(loaded.signatures) == {
        "serving_default",
        "serve_uint8",
        "serve_bytes",
        "serve_fixed",
    }
    _, encoded = cv2.imencode(".png", PICTURE[..., ::-1])
    text = base64.b64encode(encoded.tobytes()).decode()
    body = json.loads(
        json.dumps({"signature_name": "serve_bytes", "instances": [{"b64": text}, {"b64": text}]})
    )
    signature = loaded.signatures[body["signature_name"]]
    ((name, tensor),) = signature.structured_input_signature[1].items()
    files = [base64.b64decode(instance["b64"]) for instance in body["instances"]]
    answer = signature(**{name: tf.constant(files, tensor.dtype)})
    shapes = {key: maps.shape.as_list() for key, maps in answer.items()}
    assert shapes == {"heatmaps": [2, 4, 6, 19], "pafs": [2, 4, 6, 38], "matrix": [2, 2, 3]}
    assert json.loads(json.dumps({key: maps.numpy().tolist() for key, maps in answer.items()}))
    image, _ = preprocess.letterbox(PICTURE, FIXED.image)
    plain = loaded.signatures["serve_uint8"](image=tf.constant(image))
    np.testing.assert_allclose(plain["heatmaps"][0], answer["heatmaps"][0], atol=1e-3)
    one = loaded.signatures["serve_fixed"](image=tf.constant(image, tf.float32))
    np.testing.assert_allclose(one["pafs"], plain["pafs"], atol=1e-5)
    assert loaded.signatures["serve_fixed"].inputs[0].shape.as_list() == [1, 32, 48, 3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["serving_default", "serve_uint8", "serve_bytes"])
def test_requests_that_tensorflow_serving_joins_are_answered_as_alone(
    name: str, exported: Callable[[str], tuple[Path, gate.Report]]
) -> None:
    """Its batching concatenates inputs and splits outputs along the first dimension."""
    signature = tf.saved_model.load(str(exported("saved_model")[0])).signatures[name]
    assert all(tensor.shape[0] is None for tensor in signature.structured_outputs.values())
    ((key, tensor),) = signature.structured_input_signature[1].items()
    assert tensor.shape[0] is None
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 48, 3)).astype(np.uint8)
    inputs = tf.cast(images, tensor.dtype) if tensor.dtype != tf.string else None
    if inputs is None:
        inputs = tf.constant([cv2.imencode(".png", one)[1].tobytes() for one in images])
    together = signature(**{key: inputs})
    for index in range(3):
        alone = signature(**{key: inputs[index : index + 1]})
        for output, maps in alone.items():
            np.testing.assert_allclose(together[output][index], maps[0], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "engine"), [("onnx", "onnxruntime"), ("onnx", "openvino"), ("openvino", "openvino")]
)
def test_other_engines_answer_alike_at_every_size(
    kind: str,
    engine: str,
    model: keras.Model,
    exported: Callable[[str], tuple[Path, gate.Report]],
) -> None:
    pytest.importorskip(engine)
    out, _ = exported(kind)
    estimator = PoseEstimator(out, engine=engine, threads=1, height=40)
    found = estimator.maps(PICTURE).outputs
    expected = networks.of_keras(model, SPEC).runner(
        preprocess.letterbox(PICTURE, estimator.spec.image)[0]
    )
    for name, maps in expected.items():
        np.testing.assert_allclose(found[name], maps[0], atol=1e-4)
    with pytest.raises(ValueError, match=r"litert takes \.tflite files"):
        PoseEstimator(out, engine="litert")
    with pytest.raises(ValueError, match="engine must be one of"):
        PoseEstimator(out, engine="caffe")


def a_report() -> gate.Report:
    return gate.Report(
        model="m",
        kind="int8",
        source="photos",
        pictures=3,
        bytes=2_000_000,
        milliseconds=12.5,
        heads={"heatmaps": gate.HeadError(largest=float("inf"), rms=0.02)},
        alike=gate.Alike(people=2, oks=0.9, lost=0, invented=1),
        cost=gate.Cost(
            pictures=9, keras=0.4, exported=0.39, difference=-0.01, low=-0.02, high=0.001
        ),
        thresholds=export.THRESHOLDS["int8"],
        failures=(),
    )


def test_a_card_keeps_one_section_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "saved_models" / "m"
    folder.mkdir(parents=True)
    reports.write(a_report(), folder / "model.tflite")
    reports.write(replace(a_report(), kind="float16"), folder / "half.tflite")
    reports.write(replace(a_report(), model="again"), folder / "model.tflite")
    card = (folder / "card.md").read_text()
    assert card.startswith("# m\n")
    assert card.count("## Export: model.tflite") == card.count("## Export: half.tflite") == 1
    assert "again, int8: 2.00 MB" in card
    assert "AP 0.3900 against 0.4000 on 9 pictures: -0.0100 [-0.0200, +0.0010]" in card
    tree = json.loads((folder / "model.tflite.export.json").read_text())
    assert tree["heads"]["heatmaps"]["largest"] is None


def test_a_person_who_is_lost_or_invented_counts() -> None:
    from tests.tfpose import painted_people as painted

    spec = painted.BOTTOM_UP
    count = len(spec.skeleton.keypoints)
    xy = np.random.default_rng(0).uniform(0, 50, (2, count, 2)).astype(np.float32)
    two = gate.Poses(
        skeleton=spec.skeleton,
        xy=xy,
        score=np.ones((2, count), np.float32),
        person_score=np.ones(2, np.float32),
    )
    one, none = two.select(np.array([0])), two.select(np.array([], int))
    assert gate.alike([none], [none]) == gate.Alike(people=0, oks=1.0, lost=0, invented=0)
    same = gate.alike([two], [two])
    assert (same.people, same.lost, same.invented) == (2, 0, 0)
    assert same.oks == pytest.approx(1)
    assert gate.alike([two], [none]) == gate.Alike(people=2, oks=0.0, lost=2, invented=0)
    assert gate.alike([one], [two]).invented == 1


def test_a_detectors_boxes_are_compared_by_their_overlap() -> None:
    one = np.array([[0, 0, 10, 10, 0.9]], np.float32)
    two = np.concatenate([one, np.array([[50, 0, 60, 20, 0.5], [80, 0, 90, 9, 0.1]], np.float32)])
    none = np.zeros((0, 5), np.float32)
    same = gate.alike_boxes([two, none], [two, none])
    assert (same.people, same.oks, same.lost, same.invented, same.measure) == (2, 1.0, 0, 0, "IoU")
    lost = gate.alike_boxes([two], [one])
    assert (lost.oks, lost.lost) == (0.5, 1)
    assert gate.alike_boxes([one], [two]).invented == 1
    assert gate.alike_boxes([two], [none]) == gate.Alike(
        people=2, oks=0.0, lost=2, invented=0, measure="IoU"
    )
