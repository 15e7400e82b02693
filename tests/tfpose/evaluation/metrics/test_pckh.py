"""PCKh by hand, and the original script's figures on 2,958 people."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from estimator import skeletons
from tfpose.evaluation.metrics import pckh

HEAD, NECK, PELVIS = (
    skeletons.get("mpii16").keypoints.index(n) for n in ("head_top", "upper_neck", "pelvis")
)


def test_the_order_is_that_of_the_skeleton() -> None:
    assert tuple(pckh.NAMES.values()) == skeletons.get("mpii16").keypoints


def two_people(**changes: object) -> pckh.Predictions:
    """Heads of 10 and 20 pixels; head tops 5 and 8 pixels off, the second's neck is hidden."""
    truth = np.zeros((2, 16, 2), np.float32)
    predicted = truth.copy()
    predicted[0, HEAD] = (3, 4)  # 5 pixels: exactly half of 10
    predicted[1, HEAD] = (0, 12)  # 12 of 20: beyond
    predicted[:, PELVIS] = 1000  # left out of the means
    visible = np.ones((2, 16), bool)
    visible[1, NECK] = False
    fields = {
        "predicted": predicted,
        "truth": truth,
        "visible": visible,
        "head_size": np.array([10, 20], np.float32),
    }
    return pckh.Predictions(**(fields | changes))  # type: ignore[arg-type]


def test_two_people_by_hand() -> None:
    scores = pckh.pckh(two_people())
    assert scores.joints["head_top"] == 50  # one of two
    assert scores.joints["pelvis"] == 0
    assert scores.mean == pytest.approx((13 * 100 + 50) / 14)
    assert scores.weighted_mean == pytest.approx(100 * 26 / 27)  # 14 joints twice, a neck hidden


def test_strict_refuses_the_joint_at_the_threshold() -> None:
    assert pckh.pckh(two_people(), strict=True).joints["head_top"] == 0


def test_a_missing_joint_is_a_miss() -> None:
    predicted = two_people().predicted.copy()
    predicted[0, NECK] = np.nan
    assert pckh.pckh(two_people(predicted=predicted)).joints["upper_neck"] == 0


def test_nobody_has_no_figure() -> None:
    none = pckh.Predictions(
        predicted=np.zeros((0, 16, 2), np.float32),
        truth=np.zeros((0, 16, 2), np.float32),
        visible=np.zeros((0, 16), bool),
        head_size=np.zeros(0, np.float32),
    )
    scores = pckh.pckh(none)
    assert np.isnan([scores.mean, scores.weighted_mean, *scores.joints.values()]).all()


def test_original_figures(shared: Path) -> None:
    """golden/README.md, from the original script."""
    people = pckh.read_mat(shared / "golden" / "mpii_val_predictions.mat")
    assert len(people.truth) == 2958
    scores = pckh.pckh(people)
    expected = {
        "head_top": 95.600,
        "left_shoulder": 93.274,
        "right_shoulder": 92.154,
        "left_elbow": 83.356,
        "right_elbow": 83.373,
        "left_wrist": 77.071,
        "right_wrist": 76.400,
        "left_hip": 81.856,
        "right_hip": 82.001,
        "left_knee": 73.285,
        "right_knee": 73.441,
        "left_ankle": 65.691,
        "right_ankle": 65.201,
    }
    for name, value in expected.items():
        assert scores.joints[name] == pytest.approx(value, abs=1e-3), name
    assert scores.mean == pytest.approx(81.458, abs=1e-3)
    assert pckh.pckh(people, threshold=0.1).mean == pytest.approx(28.398, abs=1e-3)
    assert pckh.pckh(people, strict=True).mean == pytest.approx(81.458, abs=1e-3)


def test_predictions_apart_from_the_truth(shared: Path, tmp_path: Path) -> None:
    whole = shared / "golden" / "mpii_val_predictions.mat"
    positions = scipy.io.loadmat(whole)["pos_pred_src"]
    scipy.io.savemat(tmp_path / "pred.mat", {"preds": positions.transpose(2, 0, 1)})
    assert pckh.pckh(pckh.read_mat(tmp_path / "pred.mat", whole)) == pckh.pckh(pckh.read_mat(whole))
    with pytest.raises(ValueError, match=r"lacks \['headboxes_src'.*gt_valid.mat"):
        pckh.read_mat(tmp_path / "pred.mat")


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no predictions"):
        pckh.read_mat(tmp_path / "none.mat")
    (tmp_path / "text.mat").write_text("no matrix, but long enough to be looked at " * 9)
    with pytest.raises(ValueError, match="no Matlab file"):
        pckh.read_mat(tmp_path / "text.mat")


def test_a_head_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match="person 1 has 0"):
        two_people(head_size=np.array([10, 0], np.float32))
