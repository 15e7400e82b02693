"""MPII's metric PCKh: the share of joints whose error is below a share of the head's size.

PCKh: Andriluka et al. 2014 (CVPR, "2D Human Pose Estimation: New Benchmark and State of the Art
Analysis"). The head's size is `HEAD_SHARE` of its box's diagonal, as in MPII's own evalPCKh.m.
Published numbers use one of two averages:

- HRNet (`lib/dataset/mpii.py`): the mean over all visible joints, so a joint counts as often as
  it is visible; a distance equal to the threshold is a hit. Its "Mean@0.1" reads the curve at
  0.11, by an index that is one too high; here the threshold is exact.
- FPD (yuanyuanli85, `pose/utils/evaluation.py`): the mean of the joints' own figures, each joint
  once; only a distance below the threshold is a hit.

Both exclude the pelvis and the thorax.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from estimator.arrays import Float, check_shape

HEAD_SHARE = 0.6  # evalPCKh.m's SC_BIAS
EXCLUDED = ("pelvis", "thorax")  # of the means
NAMES = {  # as `dataset_joints` abbreviates them: mpii16's, in its order
    "rank": "right_ankle",
    "rkne": "right_knee",
    "rhip": "right_hip",
    "lhip": "left_hip",
    "lkne": "left_knee",
    "lank": "left_ankle",
    "pelv": "pelvis",
    "thor": "thorax",
    "neck": "upper_neck",
    "head": "head_top",
    "rwri": "right_wrist",
    "relb": "right_elbow",
    "rsho": "right_shoulder",
    "lsho": "left_shoulder",
    "lelb": "left_elbow",
    "lwri": "left_wrist",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """N people of MPII, in pixels; truth and prediction must have the same pixel convention.

    Attributes:
      predicted: (N, 16, 2) joints in the order of the skeleton mpii16.
      truth: (N, 16, 2).
      visible: (N, 16) whether the truth has the joint.
      head_size: (N,) pixels, with the factor `HEAD_SHARE`.

    Raises:
      ValueError: shapes disagree, or a head has no size.
    """

    predicted: Float
    truth: Float
    visible: npt.NDArray[np.bool_]
    head_size: Float

    def __post_init__(self) -> None:
        people, joints = len(self.truth), len(NAMES)
        check_shape("truth", self.truth, (None, joints, 2))
        check_shape("predicted", self.predicted, (people, joints, 2))
        check_shape("visible", self.visible, (people, joints))
        check_shape("head_size", self.head_size, (people,))
        if not (self.head_size > 0).all():
            worst = int(np.argmin(self.head_size))
            raise ValueError(
                f"head_size must be positive, person {worst} has {self.head_size[worst]}"
            )


@dataclass(frozen=True, kw_only=True)
class Scores:
    """PCKh at one threshold, in percent; NaN for joints that are visible in nobody.

    Attributes:
      threshold: in head sizes.
      joints: by the names of mpii16.
      mean: of the joints but `EXCLUDED`, each once (FPD).
      weighted_mean: of all visible joints but `EXCLUDED` (HRNet).
    """

    threshold: float
    joints: Mapping[str, float]
    mean: float
    weighted_mean: float


def pckh(predictions: Predictions, *, threshold: float = 0.5, strict: bool = False) -> Scores:
    """Computes the share of joints within the threshold.

    Args:
      predictions: of any number of people. A joint at NaN is a miss.
      threshold: in head sizes.
      strict: a joint at exactly the threshold is a miss (FPD), not a hit (HRNet).
    """
    distance = np.linalg.norm(
        predictions.predicted.astype(np.float64) - predictions.truth, axis=2
    )  # (N, 16)
    distance /= predictions.head_size[:, np.newaxis]
    near = distance < threshold if strict else distance <= threshold
    hits = np.sum(near & predictions.visible, axis=0).astype(np.float64)  # (16,)
    shown = np.sum(predictions.visible, axis=0).astype(np.float64)
    counted = np.array([name not in EXCLUDED for name in NAMES.values()]) & (shown > 0)
    percent = 100 * np.divide(hits, shown, out=np.full_like(hits, np.nan), where=shown > 0)
    nobody = not counted.any()
    return Scores(
        threshold=threshold,
        joints=dict(zip(NAMES.values(), percent.tolist(), strict=True)),
        mean=float("nan") if nobody else float(percent[counted].mean()),
        weighted_mean=(
            float("nan") if nobody else 100 * float(hits[counted].sum() / shown[counted].sum())
        ),
    )


def read_mat(
    path: str | os.PathLike[str], truth: str | os.PathLike[str] | None = None
) -> Predictions:
    """Reads predictions in the files of the original programs.

    Args:
      path: a .mat with `pos_pred_src` (16, 2, N), or with `preds` (N, 16, 2) as HRNet and FPD save.
      truth: the .mat with `pos_gt_src`, `headboxes_src`, `jnt_missing` (HRNet's gt_valid.mat);
        None takes `path` itself.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a file is no .mat, lacks an array, or the two are not of the same people.
    """
    predicted = _load(path)
    annotated = predicted if truth is None else _load(truth)
    return _against(annotated, path if truth is None else truth, _predicted(predicted, path))


def against(truth: str | os.PathLike[str], predicted: Float) -> Predictions:
    """Predictions in memory beside the truth of a .mat.

    Args:
      truth: as for `read_mat`.
      predicted: (N, 16, 2), 1-based as MPII's, in the truth's order; NaN where not found.

    Raises:
      FileNotFoundError, ValueError: as `read_mat`.
    """
    return _against(_load(truth), truth, predicted)


def _against(
    annotated: Mapping[str, Any], path: str | os.PathLike[str], predicted: Float
) -> Predictions:
    missing = {"pos_gt_src", "headboxes_src", "jnt_missing"} - set(annotated)
    if missing:
        raise ValueError(
            f"{path} lacks {sorted(missing)}: the truth is in MPII's gt_valid.mat; give it too"
        )
    _check_order(annotated, path)
    corners = annotated["headboxes_src"].astype(np.float64)  # (2, 2, N): corner, x or y, person
    return Predictions(
        predicted=predicted,
        truth=annotated["pos_gt_src"].transpose(2, 0, 1).astype(np.float32),
        visible=annotated["jnt_missing"].T == 0,
        head_size=(HEAD_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)).astype(np.float32),
    )


def _load(path: str | os.PathLike[str]) -> dict[str, Any]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no predictions or truth at {path}")
    import scipy.io  # 0.2 s, which COCO's figures do not wait for

    try:
        arrays: dict[str, Any] = scipy.io.loadmat(path)
    except (ValueError, NotImplementedError) as error:
        raise ValueError(f"{path} is no Matlab file that scipy reads: {error}") from error
    return arrays


def _check_order(annotated: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    if "dataset_joints" not in annotated:
        return
    found = [str(entry[0]) for entry in annotated["dataset_joints"].ravel()]
    if found != list(NAMES):
        raise ValueError(f"{path} has the joints {found}; expected are {list(NAMES)}")


def _predicted(arrays: Mapping[str, Any], path: str | os.PathLike[str]) -> Float:
    if "pos_pred_src" in arrays:
        return np.asarray(arrays["pos_pred_src"].transpose(2, 0, 1), np.float32)
    if "preds" in arrays:
        return np.asarray(arrays["preds"][..., :2], np.float32)
    found = sorted(name for name in arrays if not name.startswith("__"))
    raise ValueError(f"{path} has neither 'pos_pred_src' nor 'preds', found {found}")
