"""Published TFLite files get their spec, and then work like ours; stand-ins of their tensors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from estimator import bundle
from estimator.pose_estimator import PoseEstimator
from tfpose.weights.published_tflite import add_spec


def stand_in(
    path: Path, size: Sequence[int | None], outputs: Sequence[np.ndarray], dtype: tf.DType
) -> Path:
    """A .tflite with an input (1, H, W, 3) and these answers, plus the picture's mean."""

    def answer(image: tf.Tensor) -> dict[str, tf.Tensor]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32))
        return {f"output_{index}": tf.constant(value) + mean for index, value in enumerate(outputs)}

    spec = tf.TensorSpec((1, *size, 3), dtype, name="input")
    function = tf.function(answer, input_signature=[spec]).get_concrete_function()
    path.write_bytes(
        tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module()).convert()
    )
    return path


def test_movenet_reads_whole_pictures(tmp_path: Path) -> None:
    answer = np.full((1, 1, 17, 3), 0.5, np.float32)
    source = stand_in(tmp_path / "a.tflite", (192, 192), [answer], tf.int32)
    out = tmp_path / "movenet.tflite"
    assert add_spec(source, out) == "movenet_singlepose"
    assert bundle.read(out).image.height == 192
    picture = np.zeros((96, 192, 3), np.uint8)  # the padding above and below is grey
    people = PoseEstimator(out)(picture)
    assert len(people) == 1
    # The mean of the padded input is added to all numbers: scores are clipped, places move.
    assert people.score.tolist() == [[1.0] * 17]


def test_multipose_of_an_open_size_takes_the_cards(tmp_path: Path) -> None:
    answer = np.zeros((1, 6, 56), np.float32)
    answer[0, 2, 2:51:3], answer[0, 2, 55] = 0.9, 0.8
    answer[0, 2, 0:51:3], answer[0, 2, 1:51:3] = 0.25, 0.75
    source = stand_in(tmp_path / "a.tflite", (None, None), [answer], tf.uint8)
    out = tmp_path / "movenet.tflite"
    assert add_spec(source, out, height=128) == "movenet_multipose"
    image = bundle.read(out).image
    assert (image.height, image.width) == (128, 256)
    people = PoseEstimator(out)(np.zeros((128, 256, 3), np.uint8))
    assert people.xy.shape == (1, 17, 2)
    assert people.xy[0, 0].tolist() == pytest.approx([0.75 * 256 - 0.5, 0.25 * 128 - 0.5])


def test_blazepose_reads_boxes_of_floats(tmp_path: Path) -> None:
    table = np.zeros((39, 5), np.float32)
    table[:, :2] = 128
    answers = [table.reshape(1, 195), np.array([[0.25]], np.float32)]
    source = stand_in(tmp_path / "a.tflite", (256, 256), answers, tf.float32)
    out = tmp_path / "blazepose.tflite"
    assert add_spec(source, out) == "blazepose"
    white = np.full((256, 256, 3), 255, np.uint8)
    people = PoseEstimator(out)(white, [(-0.5, -0.5, 256, 256)])
    # Cut out 1.25 times as large, the white square is 0.64 of the input; the rest is grey.
    mean = 0.64 + 0.36 * 128 / 255
    assert people.person_score[0] == pytest.approx(0.25 + mean, abs=0.02)
    assert people.skeleton.name == "blazepose33"


def test_an_unknown_file_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source = stand_in(tmp_path / "a.tflite", (64, 64), [np.zeros((1, 5), np.float32)], tf.float32)
    with pytest.raises(ValueError, match="known are MoveNet"):
        add_spec(source, tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()
    with pytest.raises(ValueError, match="height of 64 pixels, found a wish for 96"):
        add_spec(source, tmp_path / "out.tflite", height=96)
    (tmp_path / "b.tflite").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"no \.tflite that LiteRT can run"):
        add_spec(tmp_path / "b.tflite", tmp_path / "out.tflite")
