"""One answer from every kind of file, and the estimator's own answer."""

from pathlib import Path

import keras
import numpy as np
import pytest

from estimator import bundle, pictures
from estimator.layout import ImageSpec, OutputSpec
from estimator.outputs import results
from estimator.pose_estimator import PoseEstimator
from estimator.second_look.options import Options as SecondLook
from estimator.spec import PoseSpec
from tests.tfpose import painted_people as painted
from tfpose.benchmarks import works
from tfpose.data.picture_files import Pictures
from tfpose.evaluation import evaluate
from tfpose.evaluation import network as networks
from tfpose.weights import keras_files

SPEC = PoseSpec(
    model="tiny",
    skeleton=painted.COCO,
    image=ImageSpec(height=32, width=48, flexible=True),
    outputs=OutputSpec(stride=8, background=False),
    decoder=painted.BOTTOM_UP.decoder,
)


def tiny(height: int | None = None, width: int | None = None, *, stages: bool = True):
    """A network of two layers, in our form: lists of stages."""
    keras.utils.set_random_seed(0)
    image = keras.Input((height, width, 3), name="image")
    x = keras.layers.AveragePooling2D(8)(image)
    maps = {
        name: keras.layers.Conv2D(channels, 1, name=name)(x)
        for name, channels in SPEC.channels.items()
    }
    if stages:
        maps = {name: [array * 0, array] for name, array in maps.items()}
    return keras.Model(image, maps)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3)).astype(np.uint8)


def check_same(found: dict[str, np.ndarray], model: keras.Model, image: np.ndarray) -> None:
    expected = model(image.astype(np.float32))
    assert set(found) == set(expected)
    for name, maps in expected.items():
        last = maps[-1] if isinstance(maps, list) else maps
        np.testing.assert_allclose(found[name], last, rtol=1e-4, atol=1e-3)


def test_a_keras_file_carries_its_spec(tmp_path: Path, image: np.ndarray) -> None:
    model = tiny()
    keras_files.save_keras(model, SPEC, tmp_path / "tiny.keras")
    network = networks.load(tmp_path / "tiny.keras")
    assert (network.spec, network.batches) == (SPEC, True)
    check_same(network.runner(image), model, image)
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.keras"]


def test_a_saved_model(tmp_path: Path, image: np.ndarray) -> None:
    model = tiny(stages=False)
    model.export(tmp_path / "tiny", verbose=False)
    bundle.write_saved_model(tmp_path / "tiny", SPEC)
    network = networks.load(tmp_path / "tiny")
    assert (network.spec, network.batches) == (SPEC, True)
    check_same(network.runner(image), model, image)


def test_a_model_in_memory_shows_its_training_at_once(image: np.ndarray) -> None:
    model = tiny()
    network = networks.of_keras(model, SPEC)
    before = network.runner(image)["heatmaps"]
    model.get_layer("heatmaps").bias.assign_add(np.ones(17, np.float32))
    np.testing.assert_allclose(network.runner(image)["heatmaps"], before + 1, rtol=1e-4, atol=1e-3)


def test_a_fixed_graph_sets_the_input() -> None:
    network = networks.of_keras(tiny(64, 96), SPEC)
    assert (network.spec.image.height, network.spec.image.width) == (64, 96)
    with pytest.raises(ValueError, match="fixed graph of 64x96; height 128"):
        network.with_height(128)
    assert networks.of_keras(tiny(), SPEC).with_height(64).spec.image.height == 64


def test_other_outputs_than_the_spec_s_are_refused(tmp_path: Path) -> None:
    other = PoseSpec(
        model="tiny",
        skeleton=SPEC.skeleton,
        image=SPEC.image,
        outputs=OutputSpec(stride=8, background=True),
        decoder=SPEC.decoder,
    )
    with pytest.raises(ValueError, match=r"'heatmaps': 17.*its spec says.*'heatmaps': 18"):
        networks.of_keras(tiny(), other)
    tiny(stages=False).export(tmp_path / "tiny", verbose=False)
    with pytest.raises(ValueError, match=r"carries no pose_spec\.json"):
        networks.load(tmp_path / "tiny")
    with pytest.raises(ValueError, match=r"'heatmaps': 17.*its spec says.*'heatmaps': 18"):
        networks.load(tmp_path / "tiny", spec=other)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in .keras, found .*tiny\.h5"):
        keras_files.save_keras(tiny(), SPEC, tmp_path / "tiny.h5")
    with pytest.raises(FileNotFoundError, match="no model at"):
        networks.load(tmp_path / "none.keras")
    bundle.write_saved_model(tmp_path / "empty", SPEC)
    with pytest.raises(ValueError, match="is no SavedModel"):
        networks.load(tmp_path / "empty")


def test_the_estimator_in_the_loop_is_the_estimator(tmp_path: Path) -> None:
    """The same people, to the last digit, as `PoseEstimator` finds in each picture."""
    spec = painted.BOTTOM_UP
    bundle.write_tflite(tmp_path / "painted.tflite", b"", spec)
    estimator = PoseEstimator(
        tmp_path / "painted.tflite", height=192, runner=painted.Painted(spec=spec)
    )
    annotations, images = painted.write(tmp_path)
    report = evaluate.evaluate(
        estimator, annotations, [images], settings=evaluate.Settings(draws=0)
    )
    files = Pictures([images])
    alone = [
        result
        for index in range(3)
        for result in results.coco_results(
            estimator(pictures.read(files.read(f"{index}.png"))), index + 5
        )
    ]
    assert list(report.results) == alone
    assert len(alone) == 6


def test_workers_answer_as_one_network_does(tmp_path: Path) -> None:
    """Pictures of four shapes, by two interpreters of one thread each, with the second look."""
    annotations = Path(works.annotated(str(tmp_path), 7))
    one, two = (
        networks.load("tfpose_s", threads=2),
        networks.load("tfpose_s", threads=2, workers=True),
    )
    assert (len(one.workers), len(two.workers)) == (0, 2)
    settings = evaluate.Settings(draws=0, second_look="auto")
    found = [
        evaluate.evaluate(network, annotations, [tmp_path], settings=settings)
        for network in (one, two)
    ]
    assert len(found[0].results) >= 7
    assert found[0].results == found[1].results
    look = found[0].settings.second_look
    assert isinstance(look, SecondLook)
    assert look.merging.filled == 0  # the report says what was measured: every keypoint


def test_only_small_files_of_litert_are_opened_more_than_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(networks, "SMALL", 1000)
    assert networks.load("tfpose_s", workers=True).workers == ()
