"""What is evaluated is what ships: evaluation, PoseEstimator and streams give the same people."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator import PoseEstimator, pictures
from estimator.inputs.averaging import Averaging
from estimator.outputs.results import coco_results
from estimator.people.boxes import PersonBox
from estimator.poses import Poses
from estimator.second_look.merging import Merging
from estimator.streams.frames import Frame
from estimator.streams.top_down import TopDown
from tests.tfpose import painted_people as painted
from tfpose.evaluation import evaluate
from tfpose.evaluation import network as networks
from tfpose.evaluation.evaluate import Settings
from tfpose.evaluation.network import Network
from tfpose.evaluation.prediction import Request, predict

FLIP = Averaging(flip=True)


def evaluated(folder: Path, network: Network, averaging: Averaging, **more: object) -> list[dict]:
    annotations, images = painted.write(folder, top_down=network.spec.image.fit == "crop")
    settings = Settings(draws=0, averaging=averaging)
    report = evaluate.evaluate(network, annotations, [images], settings=settings, **more)
    return list(report.results)


def written(index: int, poses: Poses) -> list[dict]:
    return coco_results(poses, 5 + index, painted.COCO)


@pytest.mark.parametrize("averaging", [Averaging(), FLIP, Averaging(scales=(1, 1.5))])
def test_bottom_up_evaluation_finds_what_the_estimator_finds(
    averaging: Averaging, tmp_path: Path
) -> None:
    network = painted.network(painted.BOTTOM_UP, shift=1.3)
    estimator = PoseEstimator(network.spec, runner=network.runner, averaging=averaging)
    wanted = [
        row
        for index in range(3)
        for row in written(index, estimator(painted.paint(index, top_down=False)))
    ]
    assert len(wanted) == 6
    assert evaluated(tmp_path, network, averaging) == wanted


@pytest.mark.parametrize("averaging", [Averaging(), FLIP])
def test_top_down_evaluation_finds_what_a_stream_finds(
    averaging: Averaging, tmp_path: Path
) -> None:
    """A detector sees everybody twice, the second time less surely; and a box of no width."""
    sure = [PersonBox(box, 0.9) for box in painted.BOXES_OURS]
    boxes = [*sure, PersonBox((5.0, 5.0, 0.0, 9.0)), *(replace_score(box, 0.6) for box in sure)]
    network = painted.network(painted.TOP_DOWN, shift=1.3)
    estimator = PoseEstimator(network.spec, runner=network.runner, averaging=averaging)
    look = TopDown(estimator, lambda frame: boxes)
    wanted = [
        row
        for index in range(3)
        for row in written(index, look(frame_of(painted.paint(index, top_down=True)))[0])
    ]
    assert len(wanted) == 6
    assert evaluated(tmp_path, network, averaging, boxes=lambda *_: boxes) == wanted


def replace_score(box: PersonBox, score: float) -> PersonBox:
    return box._replace(score=score)


def frame_of(picture: np.ndarray) -> Frame:
    return Frame(picture=picture, index=0, time=0.0, name="made", captured=time.monotonic())


def test_keypoints_of_low_scores_count_in_an_evaluation_and_are_left_out_of_an_answer() -> None:
    network = networks.load("tfpose_detector_nano", threads=1)
    picture = pictures.read(pictures.SAMPLE)
    ((_, every),) = predict(network, [Request(key=0, picture=picture)])
    answer = PoseEstimator("tfpose_detector_nano", threads=1)(picture)
    assert len(every) == len(answer) >= 2
    assert every.found.all()
    low = every.score < Merging.filled
    assert low.sum() > 0
    np.testing.assert_array_equal(answer.found, ~low)
    np.testing.assert_allclose(answer.xy[~low], every.xy[~low], atol=1e-3)


def test_answers_of_several_shapes_come_with_their_keys() -> None:
    network = painted.network(painted.BOTTOM_UP)
    picture = painted.paint(0, top_down=False)
    wide = np.concatenate([picture, np.full_like(picture, painted.DARK)], axis=1)
    requests = [Request(key=key, picture=(picture, wide)[key % 2]) for key in range(5)]
    answers = dict(predict(replace(network, batches=True), requests, batch=2))
    assert sorted(answers) == list(range(5))
    estimator = PoseEstimator(network.spec, runner=network.runner)
    for key, poses in answers.items():
        np.testing.assert_array_equal(poses.xy, estimator(requests[key].picture).xy)


def test_a_top_down_network_needs_boxes_and_a_bottom_up_one_takes_none() -> None:
    picture = painted.paint(0, top_down=False)
    with pytest.raises(ValueError, match="it takes boxes of people"):
        list(predict(painted.network(painted.TOP_DOWN), [Request(key=0, picture=picture)]))
    request = Request(key=0, picture=picture, box=(0, 0, 9, 9))
    with pytest.raises(ValueError, match="finds people by itself"):
        list(predict(painted.network(painted.BOTTOM_UP), [request]))


def test_a_spec_alone_runs_nothing() -> None:
    with pytest.raises(ValueError, match="painted_bottom_up: a spec alone runs nothing"):
        PoseEstimator(painted.BOTTOM_UP)
