from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator import bundle
from estimator.engines.litert import LiteRtRunner
from estimator.layout import OutputSpec
from estimator.skeleton import Skeleton
from tests.estimator.conftest import COLOURS, colour_network, colour_spec, convert

Model = Callable[..., Path]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)


def expected(image: np.ndarray) -> np.ndarray:
    """The colour network's keypoint channels, in numpy."""
    _, height, width, _ = image.shape
    cells = image.reshape(1, height // 8, 8, width // 8, 8, 3) / 255
    return cells.mean(axis=(2, 4))


def test_outputs_come_by_name(colour_model: Model) -> None:
    runner = LiteRtRunner(colour_model(), colour_spec(), threads=1)
    outputs = runner(noise(32, 48))
    assert {name: maps.shape for name, maps in outputs.items()} == {
        "heatmaps": (1, 4, 6, 4),
        "pafs": (1, 4, 6, 4),
    }
    assert all(maps.dtype == np.float32 for maps in outputs.values())
    assert np.allclose(outputs["heatmaps"][..., :3], expected(noise(32, 48)), atol=1e-6)
    assert (outputs["pafs"] == [1, 0, 1, 0]).all()


@pytest.mark.parametrize("xnnpack", [True, False])
def test_static_graph_resized_equals_a_fresh_one_of_that_size(
    xnnpack: bool, colour_model: Model, tmp_path: Path
) -> None:
    flexible = colour_spec(flexible=True)
    resized = LiteRtRunner(colour_model(flexible=True), flexible, threads=1, xnnpack=xnnpack)
    resized(noise(32, 48))
    fresh_spec = colour_spec(height=64, width=24)
    path = tmp_path / "fresh.tflite"
    bundle.write_tflite(path, convert(colour_network(64, 24)), fresh_spec)
    fresh = LiteRtRunner(path, fresh_spec, threads=1, xnnpack=xnnpack)(noise(64, 24))
    again = resized(noise(64, 24))
    assert all(np.array_equal(again[name], fresh[name]) for name in fresh)
    assert resized(noise(32, 48))["heatmaps"].shape == (1, 4, 6, 4)


def test_stream_of_one_size_allocates_once(
    colour_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = LiteRtRunner(colour_model(flexible=True), colour_spec(flexible=True))
    calls: list[str] = []
    allocate = runner._interpreter.allocate_tensors
    monkeypatch.setattr(
        runner._interpreter, "allocate_tensors", lambda: (calls.append("allocate"), allocate())
    )
    for _ in range(3):
        runner(noise(64, 64))
    assert calls == ["allocate"]


def test_answer_outlives_the_next_run(colour_model: Model) -> None:
    runner = LiteRtRunner(colour_model(), colour_spec())
    first = runner(noise(32, 48))["heatmaps"]
    kept = first.copy()
    runner(np.zeros((1, 32, 48, 3), np.uint8))
    assert np.array_equal(first, kept)


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning")
def test_int8_graph_takes_camera_bytes_and_gives_floats(tmp_path: Path) -> None:
    path = tmp_path / "int8.tflite"
    bundle.write_tflite(path, convert(colour_network(), int8=True), colour_spec())
    runner = LiteRtRunner(path, colour_spec())
    assert runner._input.dtype == np.uint8
    assert (runner._input.scale, runner._input.zero_point) == (1, 0)
    heatmaps = runner(noise(32, 48))["heatmaps"]
    assert heatmaps.dtype == np.float32
    # outputs run from -2 (background of white) to 1: 3 / 255 a step, and the kernel's own steps
    assert np.allclose(heatmaps[..., :3], expected(noise(32, 48)), atol=0.02)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((32, 48, 3), np.uint8), r"must be \(B, H, W, 3\) uint8, found \(32, 48, 3\)"),
        (np.zeros((0, 32, 48, 3), np.uint8), r"found \(0, 32, 48, 3\)"),
        (np.zeros((1, 32, 48, 3), np.float32), "found .* float32"),
        (np.zeros((1, 32, 56, 3), np.uint8), r"takes 32x48 only \(height x width\), found 32x56"),
    ],
)
def test_wrong_image_is_refused(image: np.ndarray, message: str, colour_model: Model) -> None:
    with pytest.raises(ValueError, match=message):
        LiteRtRunner(colour_model(), colour_spec())(image)


@pytest.mark.parametrize("xnnpack", [True, False])
def test_a_batch_s_answers_are_those_of_its_pictures(colour_model: Model, xnnpack: bool) -> None:
    runner = LiteRtRunner(colour_model(), colour_spec(), threads=1, xnnpack=xnnpack)
    batch = np.concatenate([noise(32, 48), 255 - noise(32, 48), noise(32, 48) // 2])
    together = runner(batch)
    assert together["heatmaps"].shape == (3, 4, 6, 4)
    for index, image in enumerate(batch):
        for name, maps in runner(image[np.newaxis]).items():
            assert np.array_equal(maps[0], together[name][index])


def test_a_graph_for_one_picture_says_so_and_still_answers_one(tmp_path: Path) -> None:
    """A reshape inside holds the batch of 1."""
    keras = pytest.importorskip("keras", reason="makes .tflite files to test with")
    image = keras.Input((32, 48, 3), batch_size=1, name="image")
    dense = keras.layers.Dense(96)(keras.layers.Flatten()(image))
    maps = keras.layers.Reshape((4, 6, 4))(dense)
    outputs = {name: keras.layers.ReLU(name=name)(maps) for name in ("heatmaps", "pafs")}
    path = tmp_path / "m.tflite"
    bundle.write_tflite(path, convert(keras.Model(image, outputs)), colour_spec())
    runner = LiteRtRunner(path, colour_spec(), threads=1)
    before = runner(noise(32, 48))
    with pytest.raises(ValueError, match="takes one picture at a time, found a batch of 2"):
        runner(np.zeros((2, 32, 48, 3), np.uint8))
    assert np.array_equal(runner(noise(32, 48))["heatmaps"], before["heatmaps"])


def test_flexible_graph_takes_multiples_only(colour_model: Model) -> None:
    runner = LiteRtRunner(colour_model(flexible=True), colour_spec(flexible=True))
    with pytest.raises(ValueError, match="multiples of 8, found 36x48"):
        runner(noise(36, 48))
    assert runner(noise(40, 48))["pafs"].shape == (1, 5, 6, 4)


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("upsampling", r"says heatmaps of \(1, 8, 6, 4\) .* the graph gives \(1, 4, 6, 4\)"),
        ("dense", "cannot be resized to 64x48 though its spec has image.flexible"),
    ],
)
def test_graph_with_a_fixed_size_inside_is_not_resized_in_silence(
    inside: str, message: str, tmp_path: Path
) -> None:
    keras = pytest.importorskip("keras")
    image = keras.Input((32, 48, 3), batch_size=1, name="image")
    if inside == "upsampling":
        cells = keras.layers.Conv2D(4, 16, 16)(image)
        maps = keras.layers.UpSampling2D(2, interpolation="bilinear")(cells)
    else:
        cells = keras.layers.Conv2D(4, 8, 8)(image)
        dense = keras.layers.Dense(96)(keras.layers.Flatten()(cells))
        maps = keras.layers.Reshape((4, 6, 4))(dense)
    outputs = {name: keras.layers.ReLU(name=name)(maps) for name in ("heatmaps", "pafs")}
    spec = colour_spec(flexible=True)
    path = tmp_path / "m.tflite"
    bundle.write_tflite(path, convert(keras.Model(image, outputs)), spec)
    runner = LiteRtRunner(path, spec)
    with pytest.raises(ValueError, match=message):
        runner(noise(64, 48))
    assert runner(noise(32, 48))["heatmaps"].shape == (1, 4, 6, 4)


FOUR = Skeleton(
    name="four",
    keypoints=("a", "b", "c", "d"),
    limbs=((0, 1), (1, 2)),
    flip_pairs=(),
    sigmas=(0.1,) * 4,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": {"height": 64}}, r"its spec says an input \(1, 64, 48, 3\), the graph has"),
        ({"skeleton": FOUR}, r"heatmaps of \(1, 4, 6, 5\) .* the graph gives \(1, 4, 6, 4\)"),
        (
            {"skeleton": replace(COLOURS, limbs=((0, 1),))},
            r"pafs of \(1, 4, 6, 2\) .*'colours'; the graph gives \(1, 4, 6, 4\)",
        ),
        ({"outputs": OutputSpec(stride=4)}, r"heatmaps of \(1, 8, 12, 4\) .* stride 4"),
        ({"outputs": OutputSpec(background=False)}, r"heatmaps of \(1, 4, 6, 3\)"),
    ],
)
def test_spec_that_disagrees_with_the_graph_is_refused(
    changes: dict[str, object], message: str, colour_model: Model
) -> None:
    spec = colour_spec(**changes.pop("image", {}))
    with pytest.raises(ValueError, match=rf"colours\.tflite: .*{message}"):
        LiteRtRunner(colour_model(), replace(spec, **changes))


def test_outputs_of_other_names_are_refused(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    network = colour_network()
    renamed = keras.Model(network.input, {"heat": network.output["heatmaps"]})
    path = tmp_path / "m.tflite"
    path.write_bytes(convert(renamed))
    with pytest.raises(ValueError, match=r"the graph lacks \['heatmaps', 'pafs'\]; it has .*heat"):
        LiteRtRunner(path, colour_spec())


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    inputs = [keras.Input((32, 48, 3), batch_size=1, name=name) for name in ("a", "b")]
    path = tmp_path / "m.tflite"
    path.write_bytes(convert(keras.Model(inputs, {"heatmaps": keras.layers.Add()(inputs)})))
    with pytest.raises(ValueError, match="must have one input, the image; found"):
        LiteRtRunner(path, colour_spec())


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + b"\0" * 100])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    bundle.write_tflite(path, content, colour_spec())
    with pytest.raises(ValueError, match=r"m\.tflite is no \.tflite that LiteRT can run"):
        LiteRtRunner(path, colour_spec())


def test_threads_must_be_positive(colour_model: Model) -> None:
    with pytest.raises(ValueError, match="threads must be at least 1, found 0"):
        LiteRtRunner(colour_model(), colour_spec(), threads=0)


def test_threads_share_one_runner(colour_model: Model) -> None:
    """Sizes change from call to call, so that a thread would meet another's memory."""
    runner = LiteRtRunner(colour_model(flexible=True), colour_spec(flexible=True), threads=1)
    images = [noise(8 * rows, 8 * rows + 8) for rows in range(2, 7)]

    def same(index: int) -> bool:
        image = images[index % len(images)]
        return np.allclose(runner(image)["heatmaps"][..., :3], expected(image), atol=1e-6)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, range(200)))


def test_a_file_that_is_cut_and_written_over_in_use_changes_nothing(colour_model: Model) -> None:
    path = colour_model()
    runner = LiteRtRunner(path, colour_spec(), threads=1)
    before = runner(noise(32, 48))["heatmaps"]
    with path.open("r+b") as file:
        file.truncate(0)
    assert np.array_equal(runner(noise(32, 48))["heatmaps"], before)
    path.write_bytes(b"\xff" * 10_000)
    assert np.array_equal(runner(noise(32, 48))["heatmaps"], before)


@pytest.mark.parametrize("end", [0, 4, 100, 1000])
def test_a_model_that_is_cut_off_is_refused(colour_model: Model, end: int) -> None:
    path = colour_model()
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=f"{path.name} is no .tflite that LiteRT can run"):
        LiteRtRunner(path, colour_spec(), threads=1)
