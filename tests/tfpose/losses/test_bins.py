import numpy as np
import pytest

from estimator.skeleton import Skeleton
from tfpose import models
from tfpose.losses import bins
from tfpose.losses.distillation import as_bins, channels, distilled_terms
from tfpose.losses.maps import LossOptions, check_maps, label_terms
from tfpose.pipeline import targets

STUDENT = models.spec("rtmpose_t", height=128, width=96)
TEACHER = models.spec("hrnet_w18_v1", height=128, width=96)


def kl(predicted: np.ndarray, target: np.ndarray) -> float:
    """mmpose's formula for one row, beta 10."""
    wanted = np.exp(10 * target) / np.exp(10 * target).sum()
    found = np.exp(10 * predicted) / np.exp(10 * predicted).sum()
    return float((wanted * np.log(wanted / found)).mean())


def keypoints(spec, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    size = np.array([spec.image.width, spec.image.height])
    found = np.ones((2, 1, len(spec.skeleton.keypoints), 3), np.float32)
    found[..., :2] = random.uniform(16, size - 17, (*found.shape[:3], 2))
    return found


def test_the_divergence_is_mmposes_for_each_keypoint() -> None:
    random = np.random.default_rng(0)
    predicted, target = random.random((2, 2, 3, 8), np.float32)
    weight = np.array([[1, 1, 0], [0, 0, 0]], np.float32)
    by_row = [kl(predicted[0, index], target[0, index]) for index in (0, 1)]
    mean = np.asarray(bins.picture_errors(predicted, target, weight, beta=10))
    assert mean == pytest.approx([np.mean(by_row), 0], rel=1e-4)
    whole = np.asarray(bins.picture_errors(predicted, target, weight, beta=10, normalisation="sum"))
    assert whole == pytest.approx([np.sum(by_row) / 3, 0], rel=1e-4)


def test_an_answer_may_be_off_by_a_constant() -> None:
    target = np.random.default_rng(0).random((1, 2, 8)).astype(np.float32)
    errors = bins.picture_errors(target - 3, target, np.ones((1, 2)), beta=10)
    assert np.asarray(errors) == pytest.approx([0], abs=1e-6)


def test_labels_are_learnt_where_there_are_some() -> None:
    people = keypoints(STUDENT)
    people[0, 0, 3] = 0  # not labelled
    batch = {
        **targets.render(people, STUDENT),
        "weights": targets.weights(people),
        "labelled": np.array([1, 0], np.float32),
    }
    outputs = {
        head: [np.zeros_like(rows)] for head, rows in targets.render(people, STUDENT).items()
    }
    check_maps(outputs, batch)
    terms = label_terms(outputs, batch, LossOptions(simcc=2.0))
    assert list(terms) == ["simcc_x.1", "simcc_y.1"]
    assert np.asarray(terms["simcc_x.1"])[0] > 0
    assert np.asarray(terms["simcc_x.1"])[1] == 0
    single = label_terms(outputs, batch, LossOptions())["simcc_x.1"]
    assert np.asarray(terms["simcc_x.1"])[0] == pytest.approx(2 * np.asarray(single)[0])


def test_a_heatmap_teachers_answer_is_the_label_of_its_keypoints() -> None:
    people = keypoints(TEACHER)
    maps = {"heatmaps": 0.8 * np.asarray(targets.render(people, TEACHER)["heatmaps"])}
    picked = channels(TEACHER, STUDENT)
    assert picked["simcc_x"].taught.tolist() == [1] * 17
    found = as_bins(maps, picked, TEACHER, STUDENT)
    wanted = targets.render(people, STUDENT)
    for head in ("simcc_x", "simcc_y"):
        assert found[head].shape == wanted[head].shape
        assert np.abs(np.asarray(found[head]) - 0.8 * np.asarray(wanted[head])).max() < 0.03
    poses = STUDENT.decode({head: np.asarray(rows)[0] for head, rows in found.items()})
    assert np.abs(poses.xy[0] - people[0, 0, :, :2]).max() < 0.15


def test_a_student_learns_from_both_and_what_the_teacher_lacks_from_labels_alone() -> None:
    toe = Skeleton(
        name="toe", keypoints=("nose", "toe"), limbs=(), flip_pairs=(), sigmas=(0.1, 0.1)
    )
    student = models.spec("rtmpose_t", skeleton=toe, height=128, width=96)
    picked = channels(TEACHER, student)
    assert picked["simcc_y"].taught.tolist() == [1, 0]
    labels = targets.render(keypoints(student), student)
    outputs = {head: [np.zeros_like(rows)] for head, rows in labels.items()}
    taught_channels = {head: part.taught for head, part in picked.items()}
    terms = distilled_terms(outputs, labels, labels, taught_channels, 0.25, LossOptions())
    alone = label_terms(outputs, labels, LossOptions())
    together = np.asarray(terms["simcc_x.1"]) + np.asarray(terms["teacher.simcc_x.1"])
    assert together == pytest.approx(np.asarray(alone["simcc_x.1"]), rel=1e-5)


def test_a_simcc_teacher_teaches_simcc_students_of_its_size() -> None:
    picked = channels(STUDENT, STUDENT)
    rows = {
        head: np.asarray(part) for head, part in targets.render(keypoints(STUDENT), STUDENT).items()
    }
    same = as_bins(rows, picked, STUDENT, STUDENT)
    assert np.allclose(same["simcc_x"], rows["simcc_x"], atol=1e-6)
    with pytest.raises(ValueError, match="train at the teacher's size"):
        as_bins({"simcc_x": rows["simcc_x"][..., :-2]}, picked, STUDENT, STUDENT)
    with pytest.raises(ValueError, match="teaches SimCC students only"):
        channels(STUDENT, TEACHER)
